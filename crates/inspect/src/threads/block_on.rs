//! The futures that threads run with `block_on`, found in the locals of the functions on their stacks.

use foldhash::{HashMap, HashMapExt as _, HashSet, HashSetExt as _};

use super::{RawThread, StackFrame, Unwinder};
use crate::context::Context;
use crate::debug_info::{Base, EntryId, Kind, Location, Type, TypeId, Value, Variable};
use crate::snapshot::{Gap, StackGap, Suspension};
use crate::tokio::names;
use crate::tokio::runtimes::{self, RawRuntime};
use crate::tokio::wakers::{self, RawWaker, WakerLayout};
use crate::walk::{Plans, Root, Walker};

/// What was found on the stacks.
#[derive(Default)]
pub(crate) struct BlockOns {
    pub(crate) found: Vec<RawBlockOn>,
    /// Runtimes that a thread works for.
    pub(crate) runtimes: Vec<RawRuntime>,
    /// The stack of each thread whose registers are known.
    pub(crate) stacks: HashMap<u32, Vec<StackFrame>>,
}

pub(crate) struct RawBlockOn {
    pub(crate) thread: u32,
    pub(crate) address: u64,
    pub(crate) ty: TypeId,
    pub(crate) root: Root,
    /// The thread is inside the future's `poll`, not in between two calls of it.
    pub(crate) polled: bool,
    /// What it is polled with.
    pub(crate) waker: Option<RawWaker>,
    /// How many wakers of it exist.
    pub(crate) wakers: Option<u64>,
}

/// A variable with its place on a stack.
struct Candidate {
    value: Value,
    /// It is the pointer to a pinned future, not the future.
    pinned: bool,
}

/// What the compiler calls the function that polls an async function or block starts so.
const COROUTINE: &str = "{async_";

/// Follows the stacks of all threads whose registers are known, and reads the futures that they run.
pub(crate) fn find(
    context: &Context<'_>,
    plans: &Plans,
    walker: &mut Walker<'_>,
    unwinder: &Unwinder<'_>,
    threads: &[RawThread],
    layout: Option<&WakerLayout>,
) -> BlockOns {
    let mut found = BlockOns::default();
    let mut variables: HashMap<(EntryId, u64), Vec<Variable>> = HashMap::new();
    let mut runtimes = HashSet::new();
    for thread in threads {
        let Some(frames) = stack(context, unwinder, thread) else {
            continue;
        };
        let mut block_on = None;
        // While a future is polled, its own state is that of before. The futures that it polls are in locals of
        // functions further in.
        let mut polled = false;
        let mut inner = None;
        let mut own = None;
        for frame in &frames {
            let address = context.debug.file_address(frame.address);
            let Some(function) = context.debug.index.function_at(address) else {
                continue;
            };
            let variables = variables
                .entry((function.entry, address))
                .or_insert_with(|| context.debug.variables(function.entry, address));
            let candidates: Vec<Candidate> = variables
                .iter()
                .filter_map(|variable| candidate(context, frame, variable))
                .collect();
            for candidate in &candidates {
                if let Some(runtime) = runtimes::of_value(context, &candidate.value)
                    && runtimes.insert(runtime.value.address)
                {
                    found.runtimes.push(runtime);
                }
            }
            if block_on.is_some() {
                continue;
            }
            let futures = candidates
                .iter()
                .filter_map(|candidate| future(context, plans, walker, candidate));
            let largest =
                futures.max_by_key(|(value, root)| (root.tree.frames.len(), value.address));
            if context
                .debug
                .any_function_at(function.entry, address, |name| {
                    name.contains(names::BLOCK_ON)
                })
            {
                block_on = largest.or_else(|| inner.take());
                own = own.or_else(|| own_waker(context, layout?, &candidates));
            } else {
                inner = largest.or(inner);
                polled |= context
                    .debug
                    .any_function_at(function.entry, address, |name| name.starts_with(COROUTINE));
            }
        }
        if let Some((value, root)) = block_on {
            let wakers = own.and_then(|(waker, parks)| {
                parks.then(|| wakers::of_parker(context, waker)).flatten()
            });
            found.found.push(RawBlockOn {
                waker: own.map(|(waker, _)| waker),
                wakers,
                thread: thread.id,
                address: value.address,
                ty: value.ty.id,
                root,
                polled,
            });
        }
        found.stacks.insert(thread.id, frames);
    }
    found
}

/// The stacks of all threads whose registers are known.
pub(crate) fn stacks(
    context: &Context<'_>,
    unwinder: &Unwinder<'_>,
    threads: &[RawThread],
) -> HashMap<u32, Vec<StackFrame>> {
    let stack = |thread: &RawThread| Some((thread.id, stack(context, unwinder, thread)?));
    threads.iter().filter_map(stack).collect()
}

/// The stack of a thread, if its registers are known.
fn stack(
    context: &Context<'_>,
    unwinder: &Unwinder<'_>,
    thread: &RawThread,
) -> Option<Vec<StackFrame>> {
    let unreadable = |why| {
        context.gap(Gap::UnreadableStack {
            thread: thread.id,
            why,
        });
    };
    let Some(registers) = thread.registers else {
        unreadable(StackGap::NotAsleep);
        return None;
    };
    let stack = unwinder.stack(&registers);
    if !stack.complete {
        unreadable(StackGap::LostTrail);
    }
    Some(stack.frames)
}

/// The waker that a `block_on` polls its future with, and whether it is that of a parked thread.
fn own_waker(
    context: &Context<'_>,
    layout: &WakerLayout,
    candidates: &[Candidate],
) -> Option<(RawWaker, bool)> {
    let named = |name: &str| {
        let mut candidates = candidates.iter().filter(|candidate| !candidate.pinned);
        candidates.find(|candidate| &*candidate.value.ty.name == name)
    };
    let parks = named(names::PARKER).is_some();
    let waker = match named(names::WAKER_REF) {
        Some(shared) => shared,
        None => named(names::WAKER).filter(|_| parks)?,
    };
    let raw = names::WAKER_RAW.at(context, &waker.value)?;
    Some((layout.read(context.memory, raw.address)?, parks))
}

fn candidate(context: &Context<'_>, frame: &StackFrame, variable: &Variable) -> Option<Candidate> {
    let base = |base| match base {
        Base::Register(register) => frame.register(register),
        Base::Cfa => Some(frame.cfa),
    };
    let ty = context.debug.ty(variable.ty);
    let (address, pinned) = match variable.location {
        Location::At(register, offset) => (base(register)?.wrapping_add_signed(offset), false),
        Location::Behind(register, offset, plus) => {
            let pointer = base(register)?.wrapping_add_signed(offset);
            (context.memory.word(pointer)?.wrapping_add(plus), false)
        }
        Location::PointsTo(register, offset) => (base(register)?.wrapping_add_signed(offset), true),
    };
    Some(Candidate {
        value: Value::new(ty, address),
        pinned,
    })
}

/// The future that a variable is or points to, if it is suspended.
fn future(
    context: &Context<'_>,
    plans: &Plans,
    walker: &mut Walker<'_>,
    candidate: &Candidate,
) -> Option<(Value, Root)> {
    let debug = context.debug;
    let value = if candidate.pinned {
        let target = crate::debug_info::Spot::whole(candidate.value.ty.clone()).target(debug)?;
        Value::new(target.ty, candidate.value.address)
    } else if candidate.value.ty.size == 8 {
        // A pinned reference.
        candidate.value.target(debug, context.memory)?
    } else {
        candidate.value.clone()
    };
    if value.ty.kind != Kind::Struct {
        return None;
    }
    plans.awaiting(context, value.ty.id)?;
    let root = walker.read(value.ty.id, value.address);
    // A copy of a future from before it was pinned was never polled.
    let suspended = root
        .tree
        .frames
        .iter()
        .any(|frame| matches!(frame.suspension, Suspension::Suspended(_)));
    suspended.then_some((value, root))
}

/// The innermost variable on a stack whose type fits.
pub(crate) fn variable(
    context: &Context<'_>,
    frames: &[StackFrame],
    fits: impl Fn(&Type) -> bool,
) -> Option<Value> {
    frames.iter().find_map(|frame| {
        let address = context.debug.file_address(frame.address);
        let function = context.debug.index.function_at(address)?;
        let variables = context.debug.variables(function.entry, address);
        let mut fitting = variables
            .iter()
            .filter(|variable| fits(&context.debug.ty(variable.ty)));
        let candidate = fitting.find_map(|variable| candidate(context, frame, variable))?;
        Some(candidate.value)
    })
}
