//! Pipes in memory: `tokio::io::duplex` and `simplex`, whole or split.

use super::names::{self, Missing, Need};
use super::sides::{Side, Sides, Sign};
use super::waits::{OptionLayout, named};
use crate::context::Context;
use crate::debug_info::{DebugInfo, Path, Spot, Type};
use crate::snapshot::{Channel, ChannelKind, HandleKind, WaitsFor};

const DUPLEX: &str = "tokio::io::util::mem::DuplexStream";
const DUPLEX_READER: &str = "tokio::io::split::ReadHalf<tokio::io::util::mem::DuplexStream>";
const DUPLEX_WRITER: &str = "tokio::io::split::WriteHalf<tokio::io::util::mem::DuplexStream>";
const SIMPLEX_READER: &str = "tokio::io::split::ReadHalf<tokio::io::util::mem::SimplexStream>";
const SIMPLEX_WRITER: &str = "tokio::io::split::WriteHalf<tokio::io::util::mem::SimplexStream>";

/// The ends of pipes that a type is, and the ways to the `Arc`s that share the pipes.
type Ends = &'static [(HandleKind, Need)];

/// A stream with both directions has an end of two pipes. A half has one of them, though it shares the whole stream.
const ENDS: &[(&str, Ends)] = &[
    (
        DUPLEX,
        &[
            (HandleKind::PipeReader, names::DUPLEX_READ),
            (HandleKind::PipeWriter, names::DUPLEX_WRITE),
        ],
    ),
    (
        DUPLEX_READER,
        &[(HandleKind::PipeReader, names::DUPLEX_HALF_READ)],
    ),
    (
        DUPLEX_WRITER,
        &[(HandleKind::PipeWriter, names::DUPLEX_HALF_WRITE)],
    ),
    (
        SIMPLEX_READER,
        &[(HandleKind::PipeReader, names::SIMPLEX_HALF)],
    ),
    (
        SIMPLEX_WRITER,
        &[(HandleKind::PipeWriter, names::SIMPLEX_HALF)],
    ),
];

/// The ends of pipes that a type is.
pub(crate) fn ends_of(ty: &Type) -> Option<Ends> {
    if ty.name.starts_with("tokio::io::") {
        named(&ty.name, ENDS)
    } else {
        None
    }
}

macro_rules! reads {
    ($pipe:ident, $waker:ident) => {
        Side {
            channel: &[(None, names::$pipe)],
            signs: &[Sign::Variant(names::$waker, "Some")],
            waker: names::$waker,
            waits_for: |pipe| WaitsFor::Bytes { pipe },
        }
    };
}

macro_rules! writes {
    ($pipe:ident, $waker:ident) => {
        Side {
            waits_for: |pipe| WaitsFor::PipeRoom { pipe },
            ..reads!($pipe, $waker)
        }
    };
}

pub(super) const SIDES: &[Sides] = &[
    (
        DUPLEX,
        &[
            reads!(DUPLEX_READ_PIPE, DUPLEX_READ_WAKER),
            writes!(DUPLEX_WRITE_PIPE, DUPLEX_WRITE_WAKER),
        ],
    ),
    (
        DUPLEX_READER,
        &[reads!(DUPLEX_HALF_READ_PIPE, DUPLEX_HALF_READ_WAKER)],
    ),
    (
        DUPLEX_WRITER,
        &[writes!(DUPLEX_HALF_WRITE_PIPE, DUPLEX_HALF_WRITE_WAKER)],
    ),
    (
        SIMPLEX_READER,
        &[reads!(SIMPLEX_HALF_PIPE, SIMPLEX_READ_WAKER)],
    ),
    (
        SIMPLEX_WRITER,
        &[writes!(SIMPLEX_HALF_PIPE, SIMPLEX_WRITE_WAKER)],
    ),
];

/// What the two ends of a pipe share.
const PIPES: &[&str] = &[
    // A lock, by what Tokio was built with.
    "tokio::loom::std::",
    "tokio::io::split::Inner<",
];

/// Whether this is what the two ends of a pipe share.
pub(super) fn is_pipe(ty: &Type) -> bool {
    let is_one = |start: &&str| ty.name.starts_with(start);
    PIPES.iter().any(is_one) && ty.name.ends_with("<tokio::io::util::mem::SimplexStream>")
}

/// How to read the state of a pipe.
pub(crate) struct PipeLayout {
    length: Path,
    capacity: Path,
    closed: Path,
    reader: OptionLayout,
}

impl PipeLayout {
    pub(super) fn new(debug: &DebugInfo<'_>, pipe: &Spot) -> Result<Self, Missing> {
        let path = |need: &Need| need.locate(debug, pipe).map(|spot| spot.path());
        Ok(Self {
            length: path(&names::PIPE_LENGTH)?,
            capacity: path(&names::PIPE_CAPACITY)?,
            closed: path(&names::PIPE_CLOSED)?,
            reader: OptionLayout::new(debug, &names::PIPE_READER.locate(debug, pipe)?),
        })
    }

    /// The state of the pipe at the address. What can't be read is left out.
    pub(super) fn read(&self, context: &Context<'_>, pipe: u64) -> Channel {
        let read = |path: &Path| path.read(context.memory, pipe);
        Channel {
            queued: read(&self.length),
            capacity: read(&self.capacity),
            closed: read(&self.closed).map(|closed| closed != 0),
            receiver_waits: self.reader.is_some(context.memory, pipe),
            ..Channel::of(ChannelKind::Pipe)
        }
    }
}
