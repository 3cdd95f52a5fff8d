//! Wakers: what they wake, and where they are.

use foldhash::{HashSet, HashSetExt as _};

use super::names::{self, Missing, Need};
use super::runtimes::{RawRuntime, is_count};
use crate::context::Context;
use crate::debug_info::{DebugInfo, Path, Spot, TypeId, Wanted};
use crate::memory::Memory;
use crate::snapshot::{Address, Registration, RuntimeKind, Wakes};

/// The two words of a waker.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct RawWaker {
    pub(crate) data: u64,
    pub(crate) vtable: u64,
}

/// How to read any waker.
pub(crate) struct WakerLayout {
    data: Path,
    vtable: Path,
    /// Where the vtable is in a waker.
    vtable_offset: u64,
    /// The vtable of all wakers of tasks.
    of_tasks: u64,
}

fn wanted(debug: &DebugInfo<'_>, wanted: Wanted) -> Result<Spot, Missing> {
    let found = debug.index.found(wanted.namespace, wanted.name).first();
    let found = found.ok_or_else(|| missing(wanted.namespace, wanted.name))?;
    Ok(Spot::whole(debug.ty(TypeId(found.entry.0))))
}

fn missing(namespace: &str, name: &str) -> Missing {
    Missing {
        feature: names::Feature::Wakers,
        name: format!("{namespace}::{name}"),
    }
}

impl WakerLayout {
    pub(crate) fn new(debug: &DebugInfo<'_>) -> Result<Self, Missing> {
        let waker = wanted(debug, names::RAW_WAKER)?;
        let (namespace, name) = names::WAKER_VTABLE;
        let vtable = names::RAW_WAKER_VTABLE.locate(debug, &waker)?;
        Ok(Self {
            data: names::RAW_WAKER_DATA.locate(debug, &waker)?.path(),
            vtable_offset: vtable.offset().unwrap_or(0),
            vtable: vtable.path(),
            of_tasks: debug
                .index
                .static_variable(namespace, name)
                .map(|variable| debug.memory_address(variable.address))
                .ok_or_else(|| missing(namespace, name))?,
        })
    }

    /// The waker at the address. `None` where there is none.
    pub(crate) fn read(&self, memory: &dyn Memory, address: u64) -> Option<RawWaker> {
        let vtable = self.vtable.read(memory, address).filter(|it| *it != 0)?;
        let data = self.data.read(memory, address)?;
        Some(RawWaker { data, vtable })
    }

    /// Whether this word can be part of a task's waker.
    pub(crate) fn is_of_task(&self, word: u64) -> bool {
        word == self.of_tasks
    }

    /// The waker of a task with this vtable at this address, and what task that is.
    pub(crate) fn around(&self, memory: &dyn Memory, vtable: u64) -> Option<(u64, u64)> {
        let waker = vtable.wrapping_sub(self.vtable_offset);
        Some((waker, self.data.read(memory, waker)?))
    }

    pub(crate) fn of_task(&self, task: u64) -> RawWaker {
        RawWaker {
            data: task,
            vtable: self.of_tasks,
        }
    }

    fn wakes(&self, waker: RawWaker) -> Wakes {
        let data = Address(waker.data);
        if self.is_of_task(waker.vtable) {
            Wakes::Task { task: data }
        } else {
            Wakes::Other { data }
        }
    }

    /// Whether one of these wakers is somewhere in this part of the memory. `None` if that can't be read.
    pub(crate) fn any_in(
        &self,
        memory: &dyn Memory,
        start: u64,
        size: u64,
        fits: impl Fn(RawWaker) -> bool,
    ) -> Option<bool> {
        let size = usize::try_from(size).ok().filter(|it| *it <= LARGEST)?;
        let mut bytes = vec![0; size.next_multiple_of(8)];
        memory.read(start, &mut bytes[..size]).ok()?;
        let words: Vec<u64> = bytes
            .as_chunks()
            .0
            .iter()
            .map(|word| u64::from_le_bytes(*word))
            .collect();
        let order = |pair: &[u64]| {
            if self.vtable_offset == 0 {
                [pair[1], pair[0]]
            } else {
                [pair[0], pair[1]]
            }
        };
        Some(words.windows(2).any(|pair| {
            let [data, vtable] = order(pair);
            vtable != 0 && fits(RawWaker { data, vtable })
        }))
    }
}

/// No part of Tokio that has a waker is larger.
const LARGEST: usize = 1 << 14;

/// How many wakers of a thread that parks exist, other than its own two.
pub(crate) fn of_parker(context: &Context<'_>, waker: RawWaker) -> Option<u64> {
    /// One is the thread's, and one is the local of `block_on`.
    const OWN: u64 = 2;
    let debug = context.debug;
    let unpark = context.found(wanted(debug, names::UNPARK))?;
    let shared = context.found(names::PARKER_SHARED.locate(debug, &unpark))?;
    let shared = Spot::whole(shared.ty);
    let strong = context.found(names::PARKER_STRONG.locate(debug, &shared))?;
    let data = context.found(names::PARKER_DATA.locate(debug, &shared))?;
    let start = waker.data.wrapping_sub(data.offset()?);
    let count = strong.path().read(context.memory, start)?;
    count.checked_sub(OWN).filter(|_| is_count(count))
}

/// How to read the registrations of an I/O driver.
struct IoLayout {
    next: Path,
    reader: Path,
    writer: Path,
    waiters: Path,
    waiter_next: Path,
    waiter_waker: Path,
    size: u64,
}

impl IoLayout {
    fn new(debug: &DebugInfo<'_>, io: &Spot) -> Result<Self, Missing> {
        let path = |need: &Need, of: &Spot| need.locate(debug, of).map(|spot| spot.path());
        let waker = |need: &Need, of: &Spot| {
            let option = need.locate(debug, of)?;
            names::OPTION_WAKER
                .locate(debug, &option)
                .map(|spot| spot.path())
        };
        let waiters = names::IO_WAITERS.locate(debug, io)?;
        let waiter = waiters
            .target(debug)
            .ok_or_else(|| missing("tokio::runtime::io::scheduled_io", "Waiter"))?;
        let waiter = Spot::whole(waiter.ty);
        Ok(Self {
            next: path(&names::IO_NEXT, io)?,
            reader: waker(&names::IO_READER, io)?,
            writer: waker(&names::IO_WRITER, io)?,
            waiters: waiters.path(),
            waiter_next: path(&names::IO_WAITER_NEXT, &waiter)?,
            waiter_waker: waker(&names::IO_WAITER_WAKER, &waiter)?,
            size: io.ty.size,
        })
    }
}

/// The registrations of a runtime's I/O driver that somebody waits for, and the size of each in memory.
pub(crate) fn registrations(
    context: &Context<'_>,
    layout: &WakerLayout,
    runtime: &RawRuntime,
) -> (Vec<Registration>, u64) {
    let (debug, memory) = (context.debug, context.memory);
    let mut found = Vec::new();
    if runtime.kind == RuntimeKind::LocalSet {
        return (found, 0);
    }
    // A runtime without an I/O driver has none.
    let Some(driver) = names::HANDLE_IO.find(debug, memory, &runtime.value) else {
        return (found, 0);
    };
    let Some(head) = names::IO_REGISTRATIONS.at(context, &driver) else {
        return (found, 0);
    };
    let Some(io) = Spot::whole(head.ty.clone()).target(debug) else {
        return (found, 0);
    };
    let Some(parts) = context.found(IoLayout::new(debug, &Spot::whole(io.ty))) else {
        return (found, 0);
    };
    let mut seen = HashSet::new();
    let mut next = head.read(memory).unwrap_or(0);
    while next != 0 && seen.insert(next) {
        if seen.len() as u64 > context.limits.elements {
            context.limit_reached(
                "the registrations of an I/O driver",
                context.limits.elements,
            );
            break;
        }
        let polled = [&parts.reader, &parts.writer]
            .into_iter()
            .filter_map(|path| layout.read(memory, path.address(memory, next)?));
        let mut woken: Vec<Wakes> = polled.map(|waker| layout.wakes(waker)).collect();
        let mut waiter = parts.waiters.read(memory, next).unwrap_or(0);
        while waiter != 0 && seen.insert(waiter) {
            if seen.len() as u64 > context.limits.elements {
                break;
            }
            let waker = parts.waiter_waker.address(memory, waiter);
            let waker = waker.and_then(|waker| layout.read(memory, waker));
            woken.extend(waker.map(|waker| layout.wakes(waker)));
            waiter = parts.waiter_next.read(memory, waiter).unwrap_or(0);
        }
        if !woken.is_empty() {
            found.push(Registration {
                address: Address(next),
                wakes: woken,
            });
        }
        next = parts.next.read(memory, next).unwrap_or(0);
    }
    found.sort_unstable_by_key(|registration| registration.address);
    (found, parts.size)
}
