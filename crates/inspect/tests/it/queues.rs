//! What lies in channels.

use unstuck_inspect::snapshot::{Channel, ChannelKind, HandleKind, Object, Snapshot};

use crate::program::{Program, task};

/// The channel that a local of a task's outermost function is a side of.
#[track_caller]
fn channel<'s>(snapshot: &'s Snapshot, function: &str, local: &str) -> &'s Object {
    let task = task(snapshot, &format!("programs::queues::{function}"));
    let handles = &task.futures.frames[0].handles;
    let named = |name: &Option<String>| name.as_deref() == Some(local);
    let handle = handles
        .iter()
        .find(|handle| named(&snapshot[handle.local].name))
        .unwrap_or_else(|| panic!("no `{local}`: {handles:#?}"));
    &snapshot[handle.object]
}

fn replies(object: &Object) -> usize {
    let kinds = object.handles.iter().map(|handle| handle.kind);
    kinds
        .filter(|kind| *kind == HandleKind::OneshotSender)
        .count()
}

fn check(program: &Program) {
    let snapshot = program.snapshot_at_rest(6);
    assert_eq!(snapshot.gaps, [], "nothing is missing");
    let bounded = channel(&snapshot, "bounded", "requests");
    assert_eq!(
        bounded.channel,
        Some(Channel {
            kind: ChannelKind::Mpsc,
            queued: Some(60),
            capacity: Some(200),
            closed: Some(false),
            receiver_waits: Some(false),
        })
    );
    assert_eq!(replies(bounded), 60);
    let reply = &bounded.handles[0];
    assert_eq!(snapshot[reply.local].name.as_deref(), Some("reply"));

    let unbounded = channel(&snapshot, "unbounded", "stored");
    let state = unbounded.channel.expect("a channel");
    assert_eq!((state.queued, state.capacity), (Some(1), None));
    assert_eq!(replies(unbounded), 1);

    let closed = channel(&snapshot, "closed", "given_up");
    let state = closed.channel.expect("a channel");
    assert_eq!((state.queued, state.closed), (Some(1), Some(true)));
    assert_eq!(replies(closed), 1);

    let quiet = channel(&snapshot, "receives", "quiet");
    let state = quiet.channel.expect("a channel");
    assert_eq!((state.queued, state.receiver_waits), (Some(0), Some(true)));

    let answer = channel(&snapshot, "replies", "answer");
    assert_eq!(
        answer.channel,
        Some(Channel {
            kind: ChannelKind::Oneshot,
            queued: Some(1),
            capacity: Some(1),
            closed: Some(false),
            receiver_waits: Some(false),
        })
    );
    assert_eq!(replies(answer), 1);
    let unsent = channel(&snapshot, "replies", "unsent");
    let state = unsent.channel.expect("a channel");
    assert_eq!((state.queued, state.receiver_waits), (Some(0), Some(true)));

    let senders = |object: &Object| {
        let kinds = object.handles.iter().map(|handle| handle.kind);
        kinds.filter(|kind| *kind == HandleKind::MpscSender).count()
    };
    let setting = channel(&snapshot, "publishes", "setting");
    assert_eq!(senders(setting), 1);
    assert_eq!(setting.channel.and_then(|it| it.closed), Some(false));
    let news = channel(&snapshot, "publishes", "news");
    assert_eq!(senders(news), 2);
    assert_eq!(news.channel.and_then(|it| it.capacity), Some(4));
    let inner = news.handles[0].object;
    assert_eq!(snapshot[inner].counts.senders, Some(3));
}

#[test]
fn messages_belong_to_their_channels() {
    check(&Program::start(&["queues"]));
}

#[test]
fn messages_are_found_in_an_optimized_program() {
    check(&Program::start_with(&["queues"], "optimized"));
}
