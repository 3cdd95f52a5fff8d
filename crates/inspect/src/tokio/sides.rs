//! The sides of channels and pipes at which a task waits, where that shows in the side itself.
//!
//! Whoever polls one may wait for other things as well, so a side says whether somebody waits there at all.

use super::names::{Missing, Need};
use super::waits::{OptionLayout, Slot, named};
use super::{async_channel, flume, futures_channel, pipes};
use crate::context::Context;
use crate::debug_info::{DebugInfo, Path, Spot, Type};
use crate::memory::Memory;
use crate::snapshot::{Address, WaitsFor};

/// A side of a channel or pipe.
pub(crate) struct Side {
    /// The ways to the channel or pipe. The first one whose sign is given leads there.
    pub(super) channel: &'static [(Option<Sign>, Need)],
    /// Somebody waits if all of them are given.
    pub(super) signs: &'static [Sign],
    /// What has the waker in it.
    pub(super) waker: Need,
    pub(super) waits_for: fn(Address) -> WaitsFor,
}

/// What tells how something is.
pub(super) enum Sign {
    /// An enum is this variant.
    Variant(Need, &'static str),
    /// It is not 0.
    Set(Need),
}

/// A type, and what it is a side of: a stream that is read and written is one of two pipes.
pub(super) type Sides = (&'static str, &'static [Side]);

/// Those of all libraries, each with the start of its names.
const LIBRARIES: &[(&str, &[Sides])] = &[
    ("tokio::io::", pipes::SIDES),
    (futures_channel::LIBRARY, futures_channel::SIDES),
    (flume::LIBRARY, flume::SIDES),
    (async_channel::LIBRARY, async_channel::SIDES),
];

/// The sides that a type is.
pub(crate) fn sides_of(ty: &Type) -> Option<&'static [Side]> {
    let mut libraries = LIBRARIES.iter();
    let (_, sides) = libraries.find(|(start, _)| ty.name.starts_with(start))?;
    named(&ty.name, sides)
}

/// How to read whether, and for what, somebody waits at a side.
pub(crate) struct SideLayout {
    channel: Vec<(Option<SignLayout>, Path)>,
    signs: Vec<SignLayout>,
    waker: Path,
    waits_for: fn(Address) -> WaitsFor,
}

enum SignLayout {
    Variant(OptionLayout),
    Set(Path),
}

impl SignLayout {
    fn new(debug: &DebugInfo<'_>, sign: &Sign, side: &Spot) -> Result<Self, Missing> {
        Ok(match sign {
            Sign::Variant(way, name) => {
                Self::Variant(OptionLayout::of(debug, &way.locate(debug, side)?, name))
            }
            Sign::Set(way) => Self::Set(way.locate(debug, side)?.path()),
        })
    }

    fn is_given(&self, memory: &dyn Memory, side: u64) -> bool {
        match self {
            Self::Variant(variant) => variant.is_some(memory, side) == Some(true),
            Self::Set(path) => path.read(memory, side).is_some_and(|value| value != 0),
        }
    }
}

impl SideLayout {
    pub(crate) fn new(debug: &DebugInfo<'_>, side: &Side, whole: &Spot) -> Result<Self, Missing> {
        let sign = |sign: &Sign| SignLayout::new(debug, sign, whole);
        let way = |(given, way): &(Option<Sign>, Need)| {
            let given = given.as_ref().map(sign).transpose()?;
            Ok((given, way.locate(debug, whole)?.path()))
        };
        Ok(Self {
            channel: side.channel.iter().map(way).collect::<Result<_, _>>()?,
            signs: side.signs.iter().map(sign).collect::<Result<_, _>>()?,
            waker: side.waker.locate(debug, whole)?.path(),
            waits_for: side.waits_for,
        })
    }

    /// What is waited for at the side at the address. `None` if nobody waits there, or it can't be read.
    pub(super) fn read(&self, context: &Context<'_>, side: u64) -> Option<WaitsFor> {
        let memory = context.memory;
        let is_given = |sign: &SignLayout| sign.is_given(memory, side);
        if !self.signs.iter().all(is_given) {
            return None;
        }
        let mut ways = self.channel.iter();
        let (_, way) = ways.find(|(sign, _)| sign.as_ref().is_none_or(is_given))?;
        way.address(memory, side)
            .map(|channel| (self.waits_for)(Address(channel)))
    }

    /// Where the waker is.
    pub(super) fn slot(&self, context: &Context<'_>, side: u64) -> Slot {
        let start = self.waker.address(context.memory, side);
        start.map_or(Slot::Unknown, |start| Slot::Within {
            start,
            size: self.waker.size,
        })
    }
}
