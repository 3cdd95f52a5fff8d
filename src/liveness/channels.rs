//! Channels and pipes: who is at the other side.

use unstuck_inspect::snapshot::HandleKind;

use super::graph::Found;
use super::objects::{Held, Objects, Reconciled};

/// Who receives from a channel, by these handles of it. It tells nothing else that it has room.
pub(super) fn receivers<'s>(handles: &[Held<'s>], objects: &Objects<'s>) -> Found<'s> {
    let receivers = handles.iter().filter(|held| is_receiver(held.handle.kind));
    let counts = || handles.iter().map(|held| objects.counts(held));
    let count = counts().find_map(|counts| counts.receivers);
    let weak = counts().find_map(|counts| counts.weak_senders);
    let channel = handles.iter().find_map(|held| objects.channel(held));
    // One that has no count of its receivers has one.
    let mut found = Found::of(receivers.copied().collect(), count.or(Some(1)));
    let is_weak = |held: &&Held<'_>| held.handle.kind == HandleKind::ChannelWeakSender;
    let hidden = weak
        .unwrap_or(0)
        .saturating_sub(handles.iter().filter(is_weak).count() as u64);
    if found.reconciled == Reconciled::All && hidden > 0 {
        // They may be weak receivers, which are counted with those.
        found.reconciled = Reconciled::Missing(hidden);
    }
    found.has_come = count == Some(0) || channel.is_some_and(|it| it.closed == Some(true));
    found
}

/// Whether it takes messages out of a queue.
pub(super) fn is_receiver(kind: HandleKind) -> bool {
    matches!(kind, HandleKind::MpscReceiver | HandleKind::ChannelReceiver)
}

/// Who has the end of this kind, by these handles of the pipe. One who waits at the other end has that.
pub(super) fn other_end<'s>(
    kind: HandleKind,
    handles: &[Held<'s>],
    objects: &Objects<'s>,
) -> Found<'s> {
    let ends = handles.iter().filter(|held| held.handle.kind == kind);
    // Both ends of a pipe share it, and nobody else does.
    let shared = handles.iter().filter(|held| {
        let kind = held.handle.kind;
        matches!(kind, HandleKind::PipeReader | HandleKind::PipeWriter)
    });
    let first = shared.clone().next();
    let count = first.and_then(|held| objects.counts(held).strong?.checked_sub(1));
    let channel = first.and_then(|held| objects.channel(held));
    let mut found = Found::of(ends.copied().collect(), count);
    // A half that is dropped does not close its pipe, so that nobody has the end is not enough.
    found.has_come = channel.is_some_and(|pipe| pipe.closed == Some(true));
    found
}
