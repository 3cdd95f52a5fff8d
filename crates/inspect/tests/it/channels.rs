//! Channels of other libraries than Tokio.

use unstuck_inspect::snapshot::{Channel, ChannelKind, HandleKind, Object, Snapshot, WaitsFor};

use crate::program::{Program, awaited, task};

/// What a task waits for.
#[track_caller]
fn waits_for(snapshot: &Snapshot, function: &str) -> WaitsFor {
    let task = task(snapshot, &format!("programs::channels::{function}"));
    let [leaf] = awaited(&task.futures)[..] else {
        panic!("{:#?}", task.futures)
    };
    assert_eq!(leaf.registered, Some(true), "{function}");
    leaf.waits_for.clone()
}

/// What the only handle of a kind that a task has refers to.
#[track_caller]
fn of<'s>(snapshot: &'s Snapshot, function: &str, kind: HandleKind) -> &'s Object {
    let task = task(snapshot, &format!("programs::channels::{function}"));
    let handles = task.futures.frames.iter().flat_map(|frame| &frame.handles);
    let found = handles.filter(|handle| handle.kind == kind);
    let found: Vec<_> = found.map(|handle| &snapshot[handle.object]).collect();
    let [object] = found[..] else {
        panic!("{function}: {found:#?}")
    };
    object
}

fn message(of: &Object) -> WaitsFor {
    WaitsFor::Message {
        channel: of.address,
    }
}

fn room(of: &Object) -> WaitsFor {
    WaitsFor::Room {
        channel: of.address,
    }
}

fn sides(of: &Object) -> (Option<u64>, Option<u64>) {
    (of.counts.senders, of.counts.receivers)
}

fn snapshot(name: &str, tasks: usize, profile: &str) -> Snapshot {
    let snapshot = Program::start_with(&[name], profile).snapshot_at_rest(tasks);
    assert_eq!(snapshot.gaps, [], "nothing is missing");
    snapshot
}

fn check_futures(profile: &str) {
    let snapshot = snapshot("futures_channel", 4, profile);
    let heard = of(&snapshot, "futures::hears", HandleKind::MpscReceiver);
    let sender = of(&snapshot, "futures::hears", HandleKind::MpscSender);
    assert_eq!(heard, sender);
    assert_eq!(waits_for(&snapshot, "futures::hears"), message(heard));
    let empty = Channel {
        kind: ChannelKind::Mpsc,
        queued: Some(0),
        capacity: Some(5),
        closed: Some(false),
        receiver_waits: Some(true),
    };
    assert_eq!(heard.channel, Some(empty));
    assert_eq!(sides(heard), (Some(1), None));

    let full = of(&snapshot, "futures::fills", HandleKind::MpscReceiver);
    assert_eq!(waits_for(&snapshot, "futures::fills"), room(full));
    assert_eq!(full.channel.and_then(|it| it.queued), Some(2));

    let WaitsFor::Oneshot { channel } = waits_for(&snapshot, "futures::asks") else {
        panic!("it waits for a reply")
    };
    let is_queue = |object: &&Object| {
        let [reply] = &object.handles[..] else {
            return false;
        };
        let is_sender = reply.kind == HandleKind::OneshotSender;
        is_sender && snapshot[reply.object].address == channel
    };
    let requests = snapshot.objects.iter().find(is_queue).expect("a queue");
    let state = requests.channel.expect("a channel");
    assert_eq!((state.queued, state.capacity), (Some(1), None));
}

fn check_flume(profile: &str) {
    let snapshot = snapshot("flume", 6, profile);
    for function in ["flumes::hears", "flumes::streams"] {
        let heard = of(&snapshot, function, HandleKind::ChannelReceiver);
        assert_eq!(heard, of(&snapshot, function, HandleKind::ChannelSender));
        assert_eq!(waits_for(&snapshot, function), message(heard));
        assert_eq!(sides(heard), (Some(1), Some(1)));
    }
    let full = of(&snapshot, "flumes::fills", HandleKind::ChannelReceiver);
    assert_eq!(waits_for(&snapshot, "flumes::fills"), room(full));
    let state = Channel {
        kind: ChannelKind::Mpmc,
        queued: Some(1),
        capacity: Some(1),
        closed: Some(false),
        receiver_waits: None,
    };
    assert_eq!(full.channel, Some(state));

    let answer = of(&snapshot, "flumes::asks", HandleKind::ChannelReceiver);
    assert_eq!(waits_for(&snapshot, "flumes::asks"), message(answer));
    let holds = |object: &&Object| {
        object
            .handles
            .iter()
            .any(|it| snapshot[it.object] == *answer)
    };
    let inbox = snapshot.objects.iter().find(holds).expect("a queue");
    assert_eq!(sides(inbox), (Some(1), Some(2)));
    let state = inbox.channel.expect("a channel");
    assert_eq!((state.queued, state.capacity), (Some(1), None));
}

fn check_async_channel(profile: &str) {
    let snapshot = snapshot("async_channel", 5, profile);
    for function in ["async_channels::hears", "async_channels::streams"] {
        let heard = of(&snapshot, function, HandleKind::ChannelReceiver);
        assert_eq!(heard, of(&snapshot, function, HandleKind::ChannelSender));
        assert_eq!(waits_for(&snapshot, function), message(heard));
        assert_eq!(sides(heard), (Some(1), Some(1)));
        assert_eq!(heard.counts.weak_senders, Some(0));
        assert_eq!(heard.channel.map(|it| it.kind), Some(ChannelKind::Mpmc));
    }
    let full = of(
        &snapshot,
        "async_channels::fills",
        HandleKind::ChannelReceiver,
    );
    assert_eq!(waits_for(&snapshot, "async_channels::fills"), room(full));
    let inbox = of(
        &snapshot,
        "async_channels::serves",
        HandleKind::ChannelReceiver,
    );
    assert_eq!(waits_for(&snapshot, "async_channels::asks"), room(inbox));
}

#[test]
fn channels_of_other_libraries_are_read() {
    check_futures("dev");
    check_flume("dev");
    check_async_channel("dev");
}

#[test]
fn channels_of_other_libraries_are_read_in_an_optimized_program() {
    check_futures("optimized");
    check_flume("optimized");
    check_async_channel("optimized");
}
