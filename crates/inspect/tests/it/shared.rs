//! What shared values hold.

use std::collections::HashSet;

use unstuck_inspect::snapshot::{Handle, HandleKind, Object, Snapshot, WaitsFor};

use crate::program::{Program, task};

/// The tasks of the program, and the one whose handle is shared.
const TASKS: usize = 6;

fn snapshot(program: &Program) -> Snapshot {
    let snapshot = program.snapshot_at_rest(TASKS);
    assert_eq!(snapshot.gaps, [], "nothing is missing");
    snapshot
}

/// The object with this type.
#[track_caller]
fn object<'s>(snapshot: &'s Snapshot, type_name: &str) -> &'s Object {
    let mut objects = snapshot
        .objects
        .iter()
        .filter(|object| snapshot[object.type_name] == type_name);
    let object = objects
        .next()
        .unwrap_or_else(|| panic!("no {type_name}: {:#?}", snapshot.objects));
    assert!(objects.next().is_none(), "{type_name} is listed twice");
    object
}

/// How many different objects of a kind are held in a field.
fn held(snapshot: &Snapshot, handles: &[Handle], field: &str, kind: HandleKind) -> usize {
    let fitting = handles.iter().filter(|handle| {
        handle.kind == kind && snapshot[handle.local].name.as_deref() == Some(field)
    });
    let objects: Vec<_> = fitting.map(|handle| handle.object).collect();
    let different: HashSet<_> = objects.iter().collect();
    assert_eq!(different.len(), objects.len(), "each handle is listed once");
    different.len()
}

#[test]
fn handles_in_a_shared_value_are_found_in_locks_and_maps() {
    for profile in ["dev", "optimized"] {
        let program = Program::start_with(&["shared"], profile);
        let snapshot = snapshot(&program);
        let registry = object(&snapshot, "programs::shared::Registry");
        assert_eq!(registry.counts.strong, Some(2));
        let held = |field: &str, kind| held(&snapshot, &registry.handles, field, kind);
        assert_eq!(held("waiting", HandleKind::OneshotSender), 100);
        assert_eq!(held("ordered", HandleKind::OneshotSender), 100);
        assert_eq!(held("emptied", HandleKind::OneshotSender), 1);
        assert_eq!(held("task", HandleKind::JoinHandle), 1);
        assert_eq!(held("once", HandleKind::MpscSender), 1);
        assert_eq!(held("never", HandleKind::MpscSender), 0);
        assert_eq!(held("hook", HandleKind::MpscSender), 1);
    }
}

#[test]
fn a_future_in_a_shared_value_is_read() {
    let program = Program::start(&["shared"]);
    let snapshot = snapshot(&program);
    let registry = object(&snapshot, "programs::shared::Registry");
    let [frame] = &registry.futures.frames[..] else {
        panic!("one future: {:#?}", registry.futures)
    };
    assert_eq!(snapshot[frame.place].function, "programs::shared::stored");
    let held_in = frame.held_in.expect("it is held in a field");
    assert_eq!(snapshot[held_in.local].name.as_deref(), Some("future"));
    let [bell] = &frame.handles[..] else {
        panic!("one handle: {:#?}", frame.handles)
    };
    assert_eq!(bell.kind, HandleKind::Arc);
    assert_eq!(
        snapshot[snapshot[bell.object].type_name],
        "tokio::sync::notify::Notify"
    );
}

#[test]
fn a_shared_trait_object_is_looked_into() {
    let program = Program::start(&["shared"]);
    let snapshot = snapshot(&program);
    let door = object(&snapshot, "programs::shared::Door");
    assert!(door.address.0.is_multiple_of(64));
    assert_eq!(door.counts.strong, Some(1));
    assert_eq!(
        held(
            &snapshot,
            &door.handles,
            "opener",
            HandleKind::OneshotSender
        ),
        1
    );
    let task = task(&snapshot, "programs::shared::behind_a_trait");
    let handles = &task.futures.frames[0].handles;
    assert_eq!(held(&snapshot, handles, "door", HandleKind::Arc), 1);
}

#[test]
fn values_that_own_each_other_are_read_once() {
    let program = Program::start(&["shared"]);
    let snapshot = snapshot(&program);
    let nodes = snapshot
        .objects
        .iter()
        .filter(|object| snapshot[object.type_name] == "programs::shared::Node");
    let nodes: Vec<_> = nodes.collect();
    assert_eq!(nodes.len(), 2);
    for node in nodes {
        let held = |field: &str, kind| held(&snapshot, &node.handles, field, kind);
        assert_eq!(held("opener", HandleKind::OneshotSender), 1);
        assert_eq!(held("next", HandleKind::Arc), 1);
    }
}

#[test]
fn a_value_that_one_thread_shares_is_looked_into() {
    let program = Program::start(&["shared"]);
    let snapshot = snapshot(&program);
    let shared = snapshot
        .objects
        .iter()
        .find(|object| snapshot[object.type_name].starts_with("core::cell::RefCell<"));
    let shared = shared.expect("a shared cell");
    assert_eq!(shared.handles.len(), 3);
    assert_eq!(shared.counts.strong, Some(1));
}

#[test]
fn handles_in_a_future_written_by_hand_are_found() {
    let program = Program::start(&["shared"]);
    let snapshot = snapshot(&program);
    let task = task(&snapshot, "programs::shared::Keeps");
    assert!(matches!(
        task.futures.leaves[0].waits_for,
        WaitsFor::Unknown { .. }
    ));
    let handles = &task.futures.handles;
    assert_eq!(
        held(&snapshot, handles, "_sender", HandleKind::OneshotSender),
        1
    );
}
