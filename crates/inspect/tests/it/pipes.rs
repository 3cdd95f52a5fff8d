//! Waits for pipes in memory, and their ends.

use unstuck_inspect::snapshot::{Channel, ChannelKind, HandleKind, Object, Snapshot, WaitsFor};

use crate::program::{Program, awaited, line_of, own_stack, task};

/// What a task waits for, at the line with its name.
#[track_caller]
fn waits_for(snapshot: &Snapshot, function: &str) -> WaitsFor {
    let task = task(snapshot, &format!("programs::pipes::{function}"));
    let [leaf] = awaited(&task.futures)[..] else {
        panic!("{:#?}", task.futures)
    };
    let stack = own_stack(snapshot, &task.futures, leaf.frame);
    let line = line_of("src/pipes.rs", &format!("// waits: {function}"));
    assert_eq!(stack[0].2, line, "{function}");
    if function != "stores" {
        assert_eq!(leaf.registered, Some(true), "{function}");
    }
    leaf.waits_for.clone()
}

/// The pipe that a task has an end of, and how many such ends it has.
#[track_caller]
fn end<'s>(snapshot: &'s Snapshot, function: &str, kind: HandleKind) -> &'s Object {
    let task = task(snapshot, &format!("programs::pipes::{function}"));
    let handles = task.futures.frames.iter().flat_map(|frame| &frame.handles);
    let ends = handles.filter(|handle| handle.kind == kind);
    let ends: Vec<_> = ends.map(|handle| &snapshot[handle.object]).collect();
    let [end] = ends[..] else {
        panic!("{function}: {ends:#?}")
    };
    end
}

fn check(program: &Program) {
    use HandleKind::{PipeReader, PipeWriter};
    let snapshot = program.snapshot_at_rest(6);
    assert_eq!(snapshot.gaps, [], "nothing is missing");
    let bytes = |pipe: &Object| WaitsFor::Bytes { pipe: pipe.address };
    let room = |pipe: &Object| WaitsFor::PipeRoom { pipe: pipe.address };

    // Each reads what the other writes.
    let asked = end(&snapshot, "answers", PipeReader);
    assert_eq!(asked, end(&snapshot, "asks", PipeWriter));
    assert_eq!(waits_for(&snapshot, "answers"), bytes(asked));
    let answered = end(&snapshot, "asks", PipeReader);
    assert_eq!(answered, end(&snapshot, "answers", PipeWriter));
    assert_eq!(waits_for(&snapshot, "asks"), bytes(answered));
    let empty = Channel {
        kind: ChannelKind::Pipe,
        queued: Some(0),
        capacity: Some(8),
        closed: Some(false),
        receiver_waits: Some(true),
    };
    assert_eq!((asked.channel, asked.counts.strong), (Some(empty), Some(2)));

    let written = end(&snapshot, "stores", PipeReader);
    assert_eq!(written, end(&snapshot, "uploads", PipeWriter));
    assert_eq!(waits_for(&snapshot, "uploads"), room(written));
    let full = Channel {
        queued: Some(8),
        receiver_waits: Some(false),
        ..empty
    };
    assert_eq!(written.channel, Some(full));
    assert!(matches!(
        waits_for(&snapshot, "stores"),
        WaitsFor::Oneshot { .. }
    ));

    // Its writing half is gone.
    let heard = end(&snapshot, "listens", PipeReader);
    assert_eq!(waits_for(&snapshot, "listens"), bytes(heard));
    assert_eq!((heard.channel, heard.counts.strong), (Some(empty), Some(1)));
}

#[test]
fn the_ends_of_pipes_lead_to_what_is_waited_for() {
    check(&Program::start(&["pipes"]));
}

#[test]
fn pipes_are_found_in_an_optimized_program() {
    check(&Program::start_with(&["pipes"], "optimized"));
}
