//! The channels of `flume`.

use super::names::Step::{Field, Named, Shared, Target, Variant};
use super::names::{Feature, Missing, Need, needs};
use super::sides::{Side, Sides, Sign};
use super::waits::OptionLayout;
use crate::context::Context;
use crate::debug_info::{DebugInfo, Path, Spot, Type};
use crate::snapshot::{Channel, ChannelKind, HandleKind, WaitsFor};

/// The start of all names.
pub(super) const LIBRARY: &str = "flume::";

/// What the sides of a channel share.
pub(super) const CHANNEL: &str = "flume::Shared<";

pub(super) const HANDLES: &[(&str, HandleKind)] = &[
    ("flume::Sender<", HandleKind::ChannelSender),
    ("flume::WeakSender<", HandleKind::ChannelWeakSender),
    ("flume::Receiver<", HandleKind::ChannelReceiver),
];

/// Streams and sinks are made of these. Each owns or borrows its side.
pub(super) const SIDES: &[Sides] = &[
    (
        "flume::async::RecvFut<",
        &[Side {
            channel: &[
                (Some(Sign::Variant(RECEIVER, "Owned")), OWN_RECEIVER_CHANNEL),
                (None, RECEIVER_CHANNEL),
            ],
            signs: &[Sign::Variant(HOOK, "Some")],
            waker: RECEIVER_WAKER,
            waits_for: |channel| WaitsFor::Message { channel },
        }],
    ),
    (
        "flume::async::SendFut<",
        &[Side {
            channel: &[
                (Some(Sign::Variant(SENDER, "Owned")), OWN_SENDER_CHANNEL),
                (None, SENDER_CHANNEL),
            ],
            signs: &[
                Sign::Variant(HOOK, "Some"),
                Sign::Variant(SEND_STATE, "QueuedItem"),
            ],
            waker: SENDER_WAKER,
            waits_for: |channel| WaitsFor::Room { channel },
        }],
    ),
];

needs! {
    RECEIVER: Flume, "RecvFut", [Field("receiver")];
    OWN_RECEIVER_CHANNEL: Flume, "RecvFut", [Field("receiver"), Variant("Owned"), Field("__0"), Field("shared"), Shared];
    RECEIVER_CHANNEL: Flume, "RecvFut", [Field("receiver"), Variant("Ref"), Field("__0"), Target, Field("shared"), Shared];
    HOOK: Flume, "a future", [Field("hook")];
    RECEIVER_WAKER: Flume, "RecvFut", [Field("hook"), Shared, Named("waker")];
    SENDER: Flume, "SendFut", [Field("sender")];
    OWN_SENDER_CHANNEL: Flume, "SendFut", [Field("sender"), Variant("Owned"), Field("__0"), Field("shared"), Shared];
    SENDER_CHANNEL: Flume, "SendFut", [Field("sender"), Variant("Ref"), Field("__0"), Target, Field("shared"), Shared];
    SEND_STATE: Flume, "SendFut", [Field("hook"), Variant("Some"), Field("__0")];
    SENDER_WAKER: Flume, "SendFut", [Field("hook"), Variant("Some"), Field("__0"), Variant("QueuedItem"), Field("__0"), Shared, Named("waker")];

    QUEUE: Flume, "Shared", [Named("queue")];
    LENGTH: Flume, "Shared", [Named("queue"), Field("len")];
    BOUND: Flume, "Shared", [Named("sending")];
    CAPACITY: Flume, "Shared", [Named("sending"), Variant("Some"), Field("__0"), Field("__0")];
    DISCONNECTED: Flume, "Shared", [Field("disconnected")];
}

/// Whether this is what the sides of a channel share.
pub(crate) fn is_channel(ty: &Type) -> bool {
    ty.name.starts_with(CHANNEL)
}

/// Where a channel has its messages. Those of senders that wait are not there yet.
pub(crate) fn queue(debug: &DebugInfo<'_>, channel: &Spot) -> Result<Spot, Missing> {
    QUEUE.locate(debug, channel)
}

/// How to read the state of a channel.
pub(crate) struct FlumeLayout {
    length: Path,
    bound: OptionLayout,
    capacity: Path,
    disconnected: Path,
}

impl FlumeLayout {
    pub(super) fn new(debug: &DebugInfo<'_>, channel: &Spot) -> Result<Self, Missing> {
        let path = |need: &Need| need.locate(debug, channel).map(|spot| spot.path());
        Ok(Self {
            length: path(&LENGTH)?,
            bound: OptionLayout::new(debug, &BOUND.locate(debug, channel)?),
            capacity: path(&CAPACITY)?,
            disconnected: path(&DISCONNECTED)?,
        })
    }

    /// The state of the channel at the address. What can't be read is left out.
    pub(super) fn read(&self, context: &Context<'_>, channel: u64) -> Channel {
        let memory = context.memory;
        let read = |path: &Path| path.read(memory, channel);
        let is_bounded = self.bound.is_some(memory, channel) == Some(true);
        Channel {
            queued: read(&self.length),
            capacity: read(&self.capacity).filter(|_| is_bounded),
            closed: read(&self.disconnected).map(|disconnected| disconnected != 0),
            ..Channel::of(ChannelKind::Mpmc)
        }
    }
}
