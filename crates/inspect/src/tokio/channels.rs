//! Channels: their state, and the messages in them.

use super::async_channel;
use super::flume::{self, FlumeLayout};
use super::futures_channel::{self, FuturesLayout};
use super::names::{self, Missing, Need};
use super::pipes::{self, PipeLayout};
use super::waits::{OptionLayout, named};
use crate::context::Context;
use crate::debug_info::{DebugInfo, Path, Spot, Type, TypeId};
use crate::snapshot::{Channel, ChannelKind};

#[derive(Clone, Copy)]
enum Kind {
    Mpsc,
    Oneshot,
    Watch,
    Broadcast,
}

/// The types that the two sides of a channel share.
const TYPES: &[(&str, Kind)] = &[
    ("tokio::sync::mpsc::chan::Chan<", Kind::Mpsc),
    ("tokio::sync::oneshot::Inner<", Kind::Oneshot),
    ("tokio::sync::watch::Shared<", Kind::Watch),
    ("tokio::sync::broadcast::Shared<", Kind::Broadcast),
];

/// Whether this is what the sides of a channel share that has its messages in a queue. Those of the others are in
/// fields of theirs, or are not read.
pub(crate) fn has_queue(ty: &Type) -> bool {
    let is_mpsc = ty.name.starts_with(TYPES[0].0) || futures_channel::is_mpsc(ty);
    is_mpsc || flume::is_channel(ty)
}

/// How to read the state of a channel.
pub(crate) enum ChannelLayout {
    Mpsc {
        queue: Box<QueueLayout>,
        bound: Option<Path>,
        permits: Path,
        closed: Path,
        receiver: OptionLayout,
    },
    Oneshot {
        state: Path,
    },
    Watch {
        state: Path,
    },
    Broadcast {
        capacity: Path,
        closed: Path,
    },
    Pipe(PipeLayout),
    Futures(FuturesLayout),
    Flume(FlumeLayout),
    Async,
}

impl ChannelLayout {
    /// `None` if the type is no channel.
    pub(crate) fn new(debug: &DebugInfo<'_>, ty: &Spot) -> Result<Option<Self>, Missing> {
        let path = |need: &Need| need.locate(debug, ty).map(|spot| spot.path());
        if pipes::is_pipe(&ty.ty) {
            return PipeLayout::new(debug, ty).map(|pipe| Some(Self::Pipe(pipe)));
        }
        if flume::is_channel(&ty.ty) {
            return FlumeLayout::new(debug, ty).map(|channel| Some(Self::Flume(channel)));
        }
        if async_channel::is_channel(&ty.ty) {
            return Ok(Some(Self::Async));
        }
        if let Some(channel) = FuturesLayout::new(debug, ty)? {
            return Ok(Some(Self::Futures(channel)));
        }
        let Some(kind) = named(&ty.ty.name, TYPES) else {
            return Ok(None);
        };
        Ok(Some(match kind {
            Kind::Mpsc => {
                // An unbounded channel has a bare count where a bounded one has a semaphore.
                let bound = path(&names::CHANNEL_BOUND).ok();
                let permits = match &bound {
                    Some(_) => path(&names::CHANNEL_PERMITS)?,
                    None => path(&names::CHANNEL_COUNT)?,
                };
                Self::Mpsc {
                    queue: Box::new(QueueLayout::new(debug, ty)?),
                    bound,
                    permits,
                    closed: path(&names::CHANNEL_RX_CLOSED)?,
                    receiver: OptionLayout::new(debug, &names::CHANNEL_WAKER.locate(debug, ty)?),
                }
            }
            Kind::Oneshot => Self::Oneshot {
                state: path(&names::ONESHOT_STATE)?,
            },
            Kind::Watch => Self::Watch {
                state: path(&names::WATCH_STATE)?,
            },
            Kind::Broadcast => Self::Broadcast {
                capacity: path(&names::BROADCAST_LENGTH)?,
                closed: path(&names::BROADCAST_CLOSED)?,
            },
        }))
    }

    /// The state of the channel at the address. What can't be read is left out.
    pub(crate) fn read(&self, context: &Context<'_>, channel: u64) -> Channel {
        let memory = context.memory;
        let read = |path: &Path| path.read(memory, channel);
        match self {
            Self::Mpsc {
                queue,
                bound,
                permits,
                closed,
                receiver,
            } => {
                let by_receiver = read(closed).map(|closed| closed != 0);
                let by_permits = read(permits).map(|permits| permits & names::CLOSED_PERMITS != 0);
                Channel {
                    queued: queue.count(context, channel),
                    capacity: bound.as_ref().and_then(read),
                    closed: by_receiver.zip(by_permits).map(|(one, other)| one || other),
                    receiver_waits: receiver.is_some(memory, channel),
                    ..Channel::of(ChannelKind::Mpsc)
                }
            }
            Self::Oneshot { state } => {
                let state = read(state);
                let has = |bit| state.map(|state| state & bit != 0);
                Channel {
                    queued: has(names::oneshot::VALUE_SENT).map(u64::from),
                    capacity: Some(1),
                    closed: has(names::oneshot::CLOSED),
                    receiver_waits: has(names::oneshot::RX_TASK_SET),
                    ..Channel::of(ChannelKind::Oneshot)
                }
            }
            Self::Watch { state } => Channel {
                closed: read(state).map(|state| state & names::WATCH_CLOSED != 0),
                ..Channel::of(ChannelKind::Watch)
            },
            Self::Broadcast { capacity, closed } => Channel {
                capacity: read(capacity),
                closed: read(closed).map(|closed| closed != 0),
                ..Channel::of(ChannelKind::Broadcast)
            },
            Self::Pipe(pipe) => pipe.read(context, channel),
            Self::Futures(futures) => futures.read(context, channel),
            Self::Flume(flume) => flume.read(context, channel),
            Self::Async => async_channel::read(),
        }
    }
}

/// How to find the messages of an mpsc channel: a list of blocks, with a bit for each slot that has a message.
pub(crate) struct QueueLayout {
    head: Path,
    /// The number of the next message to receive.
    index: Path,
    /// The number of the next message to send.
    tail: Path,
    start: Path,
    ready: Path,
    next: Path,
    values: u64,
    slots: u64,
    slot_size: u64,
    /// The type of the messages.
    pub(crate) message: TypeId,
}

/// A block of messages: where its slots are, and which have one, from the lowest bit on.
struct Block {
    values: u64,
    filled: u64,
}

impl QueueLayout {
    pub(crate) fn new(debug: &DebugInfo<'_>, channel: &Spot) -> Result<Self, Missing> {
        let head = names::CHANNEL_HEAD.locate(debug, channel)?;
        let block = Spot::whole(names::CHANNEL_BLOCK.locate(debug, &head)?.ty);
        let values = names::BLOCK_VALUES.locate(debug, &block)?;
        let path = |need: &Need, of: &Spot| need.locate(debug, of).map(|spot| spot.path());
        let unknown = |name: &str| Missing {
            feature: names::Feature::Channels,
            name: name.to_owned(),
        };
        let slot = values.ty.target.map(|slot| debug.ty(slot));
        Ok(Self {
            index: path(&names::CHANNEL_INDEX, channel)?,
            tail: path(&names::CHANNEL_TAIL, channel)?,
            start: path(&names::BLOCK_START, &block)?,
            ready: path(&names::BLOCK_READY, &block)?,
            next: path(&names::BLOCK_NEXT, &block)?,
            values: values.offset().ok_or_else(|| unknown("Block.values"))?,
            slots: values.ty.count.min(u64::from(u64::BITS)),
            slot_size: slot.ok_or_else(|| unknown("Block.values[]"))?.size,
            message: (channel.ty.arguments.first().copied()).ok_or_else(|| unknown("Chan<T>"))?,
            head: head.path(),
        })
    }

    /// The blocks with messages. `None` if they can't be read, or are too many.
    fn blocks(&self, context: &Context<'_>, channel: u64) -> Option<Vec<Block>> {
        let memory = context.memory;
        let index = self.index.read(memory, channel)?;
        let tail = self.tail.read(memory, channel)?;
        let mut block = self.head.read(memory, channel)?;
        let mut blocks = Vec::new();
        // Between the first and the last message, each block has its place: so the list ends.
        let most = tail.checked_sub(index)? / self.slots.max(1) + 2;
        let limit = context.limits.elements;
        for number in 0..most {
            if block == 0 {
                break;
            }
            if number >= limit {
                context.limit_reached("the messages of a channel", limit);
                return None;
            }
            let start = self.start.read(memory, block)?;
            let ready = self.ready.read(memory, block)?;
            let in_use = |slot: u64| (index..tail).contains(&start.wrapping_add(slot));
            let slots = (0..self.slots).filter(|slot| ready >> slot & 1 == 1 && in_use(*slot));
            let filled = slots.fold(0, |filled, slot| filled | 1 << slot);
            if filled != 0 {
                blocks.push(Block {
                    values: block.wrapping_add(self.values),
                    filled,
                });
            }
            block = self.next.read(memory, block)?;
        }
        Some(blocks)
    }

    fn count(&self, context: &Context<'_>, channel: u64) -> Option<u64> {
        let blocks = self.blocks(context, channel)?;
        Some(
            blocks
                .iter()
                .map(|it| u64::from(it.filled.count_ones()))
                .sum(),
        )
    }

    /// Where the messages are, from the first to the last.
    pub(crate) fn messages(&self, context: &Context<'_>, channel: u64) -> Vec<u64> {
        let blocks = self.blocks(context, channel).unwrap_or_default();
        let slots = blocks.iter().flat_map(|block| {
            let filled = (0..self.slots).filter(|slot| block.filled >> slot & 1 == 1);
            filled.map(|slot| block.values.wrapping_add(slot.wrapping_mul(self.slot_size)))
        });
        slots.collect()
    }
}
