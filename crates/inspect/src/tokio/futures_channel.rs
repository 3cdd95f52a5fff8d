//! The channels of `futures-channel`, which `futures` exports as `futures::channel`.

use super::names::Step::{Field, Named, Shared, Target, Typed};
use super::names::{Feature, Missing, Need, WAKER_OPTION, needs};
use super::sides::{Side, Sides, Sign};
use super::waits::{OptionLayout, named};
use crate::context::Context;
use crate::debug_info::{DebugInfo, Path, Spot, Type, TypeId};
use crate::snapshot::{Channel, ChannelKind, HandleKind, WaitsFor};

/// The start of all names.
pub(super) const LIBRARY: &str = "futures_channel::";

// A sender is `None` once it is disconnected, so what is in it stands for it.
const BOUNDED_SENDER: &str = "futures_channel::mpsc::BoundedSenderInner<";
const UNBOUNDED_SENDER: &str = "futures_channel::mpsc::UnboundedSenderInner<";
const BOUNDED_RECEIVER: &str = "futures_channel::mpsc::Receiver<";
const UNBOUNDED_RECEIVER: &str = "futures_channel::mpsc::UnboundedReceiver<";
const ONESHOT_SENDER: &str = "futures_channel::oneshot::Sender<";
const ONESHOT_RECEIVER: &str = "futures_channel::oneshot::Receiver<";

pub(super) const HANDLES: &[(&str, HandleKind)] = &[
    (BOUNDED_SENDER, HandleKind::MpscSender),
    (UNBOUNDED_SENDER, HandleKind::MpscSender),
    (BOUNDED_RECEIVER, HandleKind::MpscReceiver),
    (UNBOUNDED_RECEIVER, HandleKind::MpscReceiver),
    (ONESHOT_SENDER, HandleKind::OneshotSender),
    (ONESHOT_RECEIVER, HandleKind::OneshotReceiver),
];

const RECEIVER: Side = Side {
    channel: &[(None, RECEIVER_CHANNEL)],
    signs: &[Sign::Variant(RECEIVER_WAKER, "Some")],
    waker: RECEIVER_WAKER,
    waits_for: |channel| WaitsFor::Message { channel },
};

pub(super) const SIDES: &[Sides] = &[
    (BOUNDED_RECEIVER, &[RECEIVER]),
    (UNBOUNDED_RECEIVER, &[RECEIVER]),
    (
        BOUNDED_SENDER,
        &[Side {
            channel: &[(None, SENDER_CHANNEL)],
            signs: &[
                Sign::Set(SENDER_MAYBE_PARKED),
                Sign::Set(SENDER_PARKED),
                Sign::Variant(SENDER_WAKER, "Some"),
            ],
            waker: SENDER_WAKER,
            waits_for: |channel| WaitsFor::Room { channel },
        }],
    ),
    (
        ONESHOT_RECEIVER,
        &[Side {
            channel: &[(None, ONESHOT_CHANNEL)],
            signs: &[Sign::Variant(ONESHOT_WAKER, "Some")],
            waker: ONESHOT_WAKER,
            waits_for: |channel| WaitsFor::Oneshot { channel },
        }],
    ),
];

needs! {
    RECEIVER_CHANNEL: FuturesChannels, "Receiver", [Field("inner"), Shared];
    RECEIVER_WAKER: FuturesChannels, "Receiver", [Field("inner"), Shared, Named("recv_task"), Typed(WAKER_OPTION)];
    SENDER_CHANNEL: FuturesChannels, "Sender", [Field("inner"), Shared];
    SENDER_MAYBE_PARKED: FuturesChannels, "Sender", [Field("maybe_parked")];
    SENDER_PARKED: FuturesChannels, "Sender", [Field("sender_task"), Shared, Named("is_parked")];
    SENDER_WAKER: FuturesChannels, "Sender", [Field("sender_task"), Shared, Named("task")];
    ONESHOT_CHANNEL: FuturesChannels, "oneshot::Receiver", [Field("inner"), Shared];
    ONESHOT_WAKER: FuturesChannels, "oneshot::Receiver", [Field("inner"), Shared, Named("rx_task"), Typed(WAKER_OPTION)];

    STATE: FuturesChannels, "mpsc::Inner", [Field("state")];
    BUFFER: FuturesChannels, "BoundedInner", [Field("buffer")];
    SENDERS: FuturesChannels, "mpsc::Inner", [Field("num_senders")];
    WAKER: FuturesChannels, "mpsc::Inner", [Named("recv_task"), Typed(WAKER_OPTION)];
    COMPLETE: FuturesChannels, "oneshot::Inner", [Field("complete")];
    VALUE: FuturesChannels, "oneshot::Inner", [Field("data"), Typed("core::option::Option<")];
    VALUE_WAKER: FuturesChannels, "oneshot::Inner", [Field("rx_task"), Typed(WAKER_OPTION)];

    QUEUE_TAIL: FuturesChannels, "mpsc::Inner", [Field("message_queue"), Named("tail")];
    QUEUE_NODE: FuturesChannels, "Queue.tail", [Target];
    NODE_NEXT: FuturesChannels, "Node", [Field("next")];
    NODE_VALUE: FuturesChannels, "Node", [Field("value")];
}

#[derive(Clone, Copy)]
enum Kind {
    Mpsc,
    Oneshot,
}

/// The types that the two sides of a channel share.
const TYPES: &[(&str, Kind)] = &[
    ("futures_channel::mpsc::BoundedInner<", Kind::Mpsc),
    ("futures_channel::mpsc::UnboundedInner<", Kind::Mpsc),
    ("futures_channel::oneshot::Inner<", Kind::Oneshot),
];

/// How to read the state of a channel.
pub(crate) enum FuturesLayout {
    Mpsc {
        /// The messages, below the bit that says that it is open.
        state: Path,
        /// `None` for an unbounded one.
        buffer: Option<Path>,
        senders: Path,
        receiver: OptionLayout,
    },
    Oneshot {
        complete: Path,
        value: OptionLayout,
        receiver: OptionLayout,
    },
}

const OPEN: u64 = 1 << 63;

impl FuturesLayout {
    /// `None` if the type is no channel.
    pub(super) fn new(debug: &DebugInfo<'_>, ty: &Spot) -> Result<Option<Self>, Missing> {
        let path = |need: &Need| need.locate(debug, ty).map(|spot| spot.path());
        let option = |need: &Need| {
            let spot = need.locate(debug, ty)?;
            Ok(OptionLayout::new(debug, &spot))
        };
        Ok(match named(&ty.ty.name, TYPES) {
            Some(Kind::Mpsc) => Some(Self::Mpsc {
                state: path(&STATE)?,
                buffer: path(&BUFFER).ok(),
                senders: path(&SENDERS)?,
                receiver: option(&WAKER)?,
            }),
            Some(Kind::Oneshot) => Some(Self::Oneshot {
                complete: path(&COMPLETE)?,
                value: option(&VALUE)?,
                receiver: option(&VALUE_WAKER)?,
            }),
            None => None,
        })
    }

    /// The state of the channel at the address. What can't be read is left out.
    pub(super) fn read(&self, context: &Context<'_>, channel: u64) -> Channel {
        let memory = context.memory;
        let read = |path: &Path| path.read(memory, channel);
        match self {
            Self::Mpsc {
                state,
                buffer,
                senders,
                receiver,
            } => {
                let state = read(state);
                // Each sender has a place of its own.
                let capacity = buffer.as_ref().and_then(read).zip(read(senders));
                Channel {
                    queued: state.map(|state| state & !OPEN),
                    capacity: capacity.and_then(|(buffer, senders)| buffer.checked_add(senders)),
                    closed: state.map(|state| state & OPEN == 0),
                    receiver_waits: receiver.is_some(memory, channel),
                    ..Channel::of(ChannelKind::Mpsc)
                }
            }
            Self::Oneshot {
                complete,
                value,
                receiver,
            } => Channel {
                queued: value.is_some(memory, channel).map(u64::from),
                capacity: Some(1),
                closed: read(complete).map(|complete| complete != 0),
                receiver_waits: receiver.is_some(memory, channel),
                ..Channel::of(ChannelKind::Oneshot)
            },
        }
    }
}

/// Whether this is what the two sides of an mpsc channel share.
pub(crate) fn is_mpsc(ty: &Type) -> bool {
    matches!(named(&ty.name, TYPES), Some(Kind::Mpsc))
}

/// How to find the messages of an mpsc channel: a list, with a first node that has none.
pub(crate) struct NodesLayout {
    pub(crate) tail: Path,
    pub(crate) next: Path,
    /// Where a node's message is.
    pub(crate) value: u64,
    /// The type of that: an `Option`.
    pub(crate) message: TypeId,
}

impl NodesLayout {
    pub(crate) fn new(debug: &DebugInfo<'_>, channel: &Spot) -> Result<Self, Missing> {
        let tail = QUEUE_TAIL.locate(debug, channel)?;
        let node = Spot::whole(QUEUE_NODE.locate(debug, &tail)?.ty);
        let value = NODE_VALUE.locate(debug, &node)?;
        Ok(Self {
            tail: tail.path(),
            next: NODE_NEXT.locate(debug, &node)?.path(),
            value: value.offset().unwrap_or(0),
            message: value.ty.id,
        })
    }

    /// Where the messages may be, from the first to the last: at most so many.
    pub(crate) fn messages(&self, context: &Context<'_>, channel: u64) -> Vec<u64> {
        let memory = context.memory;
        let limit = context.limits.elements;
        let mut messages = Vec::new();
        let mut node = self.tail.read(memory, channel).unwrap_or(0);
        while node != 0 {
            if messages.len() as u64 >= limit {
                context.limit_reached("the messages of a channel", limit);
                break;
            }
            messages.push(node.wrapping_add(self.value));
            node = self.next.read(memory, node).unwrap_or(0);
        }
        messages
    }
}
