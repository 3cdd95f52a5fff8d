//! The channels of `async-channel`. Who waits is in a list of an event's listeners, and has its own listener.

use super::names::Step::{Field, Shared, Target};
use super::names::{Feature, Need, needs};
use super::sides::{Side, Sides, Sign};
use crate::debug_info::Type;
use crate::snapshot::{Channel, ChannelKind, Counts, HandleKind, WaitsFor};

/// The start of all names.
pub(super) const LIBRARY: &str = "async_channel::";

/// What the sides of a channel share.
pub(super) const CHANNEL: &str = "async_channel::Channel<";

pub(super) const HANDLES: &[(&str, HandleKind)] = &[
    ("async_channel::Sender<", HandleKind::ChannelSender),
    ("async_channel::WeakSender<", HandleKind::ChannelWeakSender),
    ("async_channel::Receiver<", HandleKind::ChannelReceiver),
];

pub(super) const SIDES: &[Sides] = &[
    (
        "async_channel::RecvInner<",
        &[Side {
            channel: &[(None, RECEIVER_CHANNEL)],
            signs: &[Sign::Variant(LISTENER, "Some")],
            waker: LISTENER_WAKER,
            waits_for: |channel| WaitsFor::Message { channel },
        }],
    ),
    (
        "async_channel::SendInner<",
        &[Side {
            channel: &[(None, SENDER_CHANNEL)],
            signs: &[Sign::Variant(LISTENER, "Some")],
            waker: LISTENER_WAKER,
            waits_for: |channel| WaitsFor::Room { channel },
        }],
    ),
    // As a stream.
    (
        "async_channel::Receiver<",
        &[Side {
            channel: &[(None, STREAM_CHANNEL)],
            signs: &[Sign::Variant(LISTENER, "Some")],
            waker: LISTENER_WAKER,
            waits_for: |channel| WaitsFor::Message { channel },
        }],
    ),
];

needs! {
    RECEIVER_CHANNEL: AsyncChannels, "Recv", [Field("receiver"), Target, Field("channel"), Shared];
    SENDER_CHANNEL: AsyncChannels, "Send", [Field("sender"), Target, Field("channel"), Shared];
    STREAM_CHANNEL: AsyncChannels, "Receiver", [Field("channel"), Shared];
    LISTENER: AsyncChannels, "a side", [Field("listener")];
    LISTENER_WAKER: AsyncChannels, "a side", [Field("listener"), Target];
}

/// Whether this is what the sides of a channel share.
pub(super) fn is_channel(ty: &Type) -> bool {
    ty.name.starts_with(CHANNEL)
}

/// The state of a channel: its queue is not read.
pub(super) fn read() -> Channel {
    Channel::of(ChannelKind::Mpmc)
}

/// How many weak senders there are, weak receivers included. They share the channel as the others do.
pub(super) fn weak_senders(counts: &Counts) -> Option<u64> {
    let sides = counts.senders?.checked_add(counts.receivers?)?;
    counts.strong?.checked_sub(sides)
}
