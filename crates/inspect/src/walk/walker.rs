//! Reads the futures of a task with plans.

use std::sync::Arc;

use foldhash::{HashSet, HashSetExt as _};

use super::containers::{EMPTY, Table, Tree};
use super::objects::Objects;
use super::plan::{Coroutine, Elements, HeldResult, Part, Plan, Plans, Shares};
use super::reach::Purpose;
use crate::context::Context;
use crate::debug_info::{Path, TypeId, Value};
use crate::snapshot::{
    Address, AwaitTree, Frame, FrameIndex, Gap, Handle, HandleKind, HeldIn, HeldResults, Leaf,
    NameId, ObjectId, Origin, Outcome, Suspension, WaitsFor,
};
use crate::tokio::handles::{HandleLayout, TraitHandleLayout};
use crate::tokio::names;
use crate::tokio::outcomes;
use crate::tokio::own;
use crate::tokio::waits::{Slot, Within};
use crate::values::Texts;

/// The future that a task or a `block_on` runs.
pub(crate) struct Root {
    pub(crate) tree: AwaitTree,
    /// The outermost async function, if there is one such.
    pub(crate) function: Option<(NameId, Origin)>,
    /// The type behind the trait object that the future is.
    pub(crate) concrete: Option<NameId>,
    pub(crate) wakers: WakerSlots,
}

/// Where the wakers of a tree are.
#[derive(Default)]
pub(crate) struct WakerSlots {
    /// For each leaf.
    pub(crate) leaves: Vec<Slot>,
    /// The members of sets of futures. They are polled with wakers of their own, that refer to them.
    pub(crate) members: HashSet<u64>,
    /// What keeps the wakers of those sets: the start and the size.
    pub(crate) sets: Vec<(u64, u64)>,
}

/// Something that is still to be read.
struct Work {
    plan: Arc<Plan>,
    address: u64,
    purpose: Purpose,
    frame: Option<FrameIndex>,
    /// The local that holds it. `None` for what is awaited.
    local: Option<HeldIn>,
    buffer: Option<BufferId>,
}

/// The memory that a pointer or a container in a local leads to.
#[derive(Clone, Copy)]
struct Buffer {
    address: u64,
    size: u64,
    /// The one that the pointer itself is in.
    outer: Option<BufferId>,
}

/// A number in [`Walker::buffers`].
type BufferId = u32;

enum Step {
    Read(Work),
    /// A function's awaited future was read. If nothing was found in it, it is a future that is not understood.
    Awaited {
        frame: FrameIndex,
        address: u64,
        size: u64,
        name: NameId,
        found_before: usize,
    },
}

/// Reads futures. One walker reads many, one after the other.
pub(crate) struct Walker<'a> {
    pub(super) context: &'a Context<'a>,
    pub(crate) texts: Texts<'a>,
    pub(super) plans: &'a Plans,
    pub(crate) objects: Objects,
    /// Addresses and types of the current tree that must not be entered twice for the same purpose.
    seen: HashSet<(u64, TypeId, Purpose)>,
    steps: Vec<Step>,
    tree: AwaitTree,
    /// Stands for what has no name, in what is outside of async functions.
    unnamed: Option<HeldIn>,
    /// The functions of the current tree's frames.
    coroutines: Vec<Arc<Coroutine>>,
    /// What these and their callers say of what they await.
    within: Vec<Within>,
    /// The memory that these are in.
    frame_buffers: Vec<Option<BufferId>>,
    buffers: Vec<Buffer>,
    visits_left: u64,
    concrete: Option<NameId>,
    wakers: WakerSlots,
    /// Functions keep no note of which locals they have dropped.
    any_may_be_dropped: bool,
}

impl<'a> Walker<'a> {
    pub(crate) fn new(context: &'a Context<'a>, plans: &'a Plans) -> Self {
        Self {
            context,
            texts: Texts::new(context),
            plans,
            objects: Objects::default(),
            seen: HashSet::new(),
            steps: Vec::new(),
            tree: AwaitTree::default(),
            unnamed: None,
            coroutines: Vec::new(),
            within: Vec::new(),
            frame_buffers: Vec::new(),
            buffers: Vec::new(),
            visits_left: 0,
            concrete: None,
            wakers: WakerSlots::default(),
            any_may_be_dropped: context.debug.index.aborts(),
        }
    }

    /// Reads the future of this type at this address.
    pub(crate) fn read(&mut self, ty: TypeId, address: u64) -> Root {
        self.start();
        if let Some(plan) = self.plans.awaiting(self.context, ty) {
            self.push(plan, address, Purpose::Await, None, None, None);
            self.run();
        } else {
            self.unknown_root(ty, address);
        }
        self.hold_outside(ty, address);
        self.hold();
        if self.tree.frames.is_empty() && self.tree.leaves.is_empty() {
            self.unknown_root(ty, address);
        }
        let tree = self.take_tree();
        let function = self
            .outermost(&tree)
            .map(|coroutine| (coroutine.function_id, coroutine.origin));
        Root {
            tree,
            function,
            concrete: self.concrete.take(),
            wakers: std::mem::take(&mut self.wakers),
        }
    }

    /// The function that a task is named after: the outermost one that is neither Tokio's nor of a task group. `None`
    /// if the task awaits several things outside of any function.
    fn outermost(&self, tree: &AwaitTree) -> Option<&Coroutine> {
        let mut parent = None;
        loop {
            let awaited = |frame: &&Frame| frame.parent == parent && frame.held_in.is_none();
            let mut children = (0_u32..)
                .zip(&tree.frames)
                .filter(|(_, frame)| awaited(frame));
            let only = children
                .next()
                .filter(|_| children.next().is_none())
                .map(|(number, _)| number);
            let leaves = tree
                .leaves
                .iter()
                .any(|leaf| leaf.frame == parent && leaf.held_in.is_none());
            let outer = parent.and_then(|FrameIndex(number)| self.coroutines.get(number as usize));
            let Some(number) = only.filter(|_| !leaves) else {
                return outer.map(|outer| &**outer);
            };
            parent = Some(FrameIndex(number));
            let coroutine = self.coroutines.get(number as usize)?;
            let function = &coroutine.function;
            if !function.starts_with(names::FUNCTIONS) && !own::is_library(function) {
                return Some(coroutine);
            }
        }
    }

    /// Reads what a value of this type at this address holds. Futures in it are in the tree, and everything else is in
    /// the tree's handles.
    pub(crate) fn contents(&mut self, ty: TypeId, address: u64) -> AwaitTree {
        self.start();
        self.hold_outside(ty, address);
        self.hold();
        self.take_tree()
    }

    /// There may be many trees, so they are as small as they can be, and the room to build one is kept for the next.
    fn take_tree(&mut self) -> AwaitTree {
        for frame in &mut self.tree.frames {
            frame.handles.shrink_to_fit();
        }
        AwaitTree {
            frames: self.tree.frames.drain(..).collect(),
            leaves: self.tree.leaves.drain(..).collect(),
            handles: self.tree.handles.drain(..).collect(),
        }
    }

    fn start(&mut self) {
        if self.seen.capacity() > 4096 {
            // Clearing a large table takes time, for each task after the large one.
            self.seen = HashSet::new();
        }
        self.seen.clear();
        self.coroutines.clear();
        self.within.clear();
        self.frame_buffers.clear();
        self.buffers.clear();
        self.steps.clear();
        self.concrete = None;
        self.unnamed = None;
        self.wakers = WakerSlots::default();
        self.visits_left = self.context.limits.visits_per_task;
    }

    /// Reads what is held outside of async functions.
    fn hold_outside(&mut self, ty: TypeId, address: u64) {
        let Some(plan) = self.plans.holding(self.context, ty) else {
            return;
        };
        // What async functions hold is read with their frames.
        if matches!(&*plan, Plan::Coroutine(_)) && !self.tree.frames.is_empty() {
            return;
        }
        let unnamed = HeldIn {
            local: self.plans.unnamed(self.context, ty),
            maybe_dropped: false,
        };
        self.unnamed = Some(unnamed);
        self.push(plan, address, Purpose::Hold, None, Some(unnamed), None);
        self.run();
    }

    fn unknown_root(&mut self, ty: TypeId, address: u64) {
        let ty = self.context.debug.ty(ty);
        let waits_for = WaitsFor::Unknown {
            type_name: self.plans.name(&ty.name),
        };
        self.leaf(
            Slot::Unknown,
            Leaf {
                frame: None,
                held_in: None,
                address: Address(address),
                size: ty.size,
                waits_for,
                registered: None,
            },
        );
    }

    fn push(
        &mut self,
        plan: Arc<Plan>,
        address: u64,
        purpose: Purpose,
        frame: Option<FrameIndex>,
        local: Option<HeldIn>,
        buffer: Option<BufferId>,
    ) {
        self.steps.push(Step::Read(Work {
            plan,
            address,
            purpose,
            frame,
            local,
            buffer,
        }));
    }

    /// Goes on with what is in the same local.
    fn push_held(&mut self, plan: Arc<Plan>, address: u64, work: &Work, buffer: Option<BufferId>) {
        self.push(plan, address, work.purpose, work.frame, work.local, buffer);
    }

    /// The memory that something leads to. Only asked for where the local may have been moved: what it was moved to
    /// leads there, too.
    fn buffer(&mut self, address: u64, size: u64, work: &Work) -> Option<BufferId> {
        self.buffer_in(address, size, work.local, work.buffer)
    }

    fn buffer_in(
        &mut self,
        address: u64,
        size: u64,
        local: Option<HeldIn>,
        outer: Option<BufferId>,
    ) -> Option<BufferId> {
        let maybe_dropped = local.is_some_and(|held| held.maybe_dropped);
        let id = BufferId::try_from(self.buffers.len()).ok();
        let id = id.filter(|_| maybe_dropped)?;
        self.buffers.push(Buffer {
            address,
            size,
            outer,
        });
        Some(id)
    }

    /// Takes one from the budgets.
    fn visit(&mut self) -> bool {
        let all = self.context.visits_left.get();
        if self.visits_left == 0 || all == 0 {
            let (what, limit) = if all == 0 {
                ("the futures of all tasks", self.context.limits.visits)
            } else {
                ("the futures of a task", self.context.limits.visits_per_task)
            };
            self.context.limit_reached(what, limit);
            self.steps.clear();
            return false;
        }
        self.visits_left -= 1;
        self.context.visits_left.set(all - 1);
        true
    }

    /// Iterative, as futures may be nested deeper than the stack allows.
    fn run(&mut self) {
        while let Some(step) = self.steps.pop() {
            if !self.visit() {
                return;
            }
            match step {
                Step::Read(work) => self.read_work(&work),
                Step::Awaited {
                    frame,
                    address,
                    size,
                    name,
                    found_before,
                } => {
                    if self.found() == found_before {
                        self.unknown(frame, address, size, name);
                    }
                }
            }
        }
    }

    /// Reads what the locals of all frames hold. More frames are found on the way.
    fn hold(&mut self) {
        let mut next = 0;
        while next < self.tree.frames.len() {
            let coroutine = self.coroutines[next].clone();
            let address = self.tree.frames[next].address.0;
            let frame = FrameIndex(u32::try_from(next).unwrap_or(u32::MAX));
            next += 1;
            let Some(state) = coroutine.state(self.plans, self.context, address) else {
                continue;
            };
            let is_suspended = matches!(state.suspension, Some(Suspension::Suspended(_)));
            let some_dropped = if self.any_may_be_dropped {
                is_suspended
            } else {
                state.some_dropped(self.context, address)
            };
            let own = &self.tree.frames[next - 1];
            let in_dropped = self.tree.maybe_dropped(own.held_in, own.parent);
            // No count tells whether a result is still there.
            if !in_dropped && !some_dropped {
                let results = state.results.iter();
                let results = results.filter_map(|held| self.held_results(held, address));
                self.tree.frames[next - 1].results = results.collect();
            }
            let buffer = self.frame_buffers[next - 1];
            // The last step is taken first.
            for held in state.held.iter().rev() {
                let may_be = !held.awaited && (some_dropped || held.moved);
                let local = HeldIn {
                    local: held.local,
                    maybe_dropped: in_dropped || may_be,
                };
                self.push(
                    held.plan.clone(),
                    address.wrapping_add(held.offset),
                    Purpose::Hold,
                    Some(frame),
                    Some(local),
                    buffer,
                );
            }
            self.run();
        }
    }

    /// What a local of a function that is suspended at this address holds, if there are errors in it.
    fn held_results(&self, held: &HeldResult, address: u64) -> Option<HeldResults> {
        let ty = self.context.debug.ty(held.ty);
        let value = Value::new(ty, address.wrapping_add(held.offset));
        let (results, count) = self.texts.results(&value)?;
        let mut failures: Vec<(Outcome, u64)> = Vec::new();
        for result in &results {
            let outcome = outcomes::of_result(&self.texts, result)?;
            if outcome == Outcome::Returned {
                continue;
            }
            let known = failures.iter().position(|(known, _)| *known == outcome);
            if let Some(known) = known {
                failures[known].1 += 1;
            } else if failures.len() < DIFFERENT {
                failures.push((outcome, 1));
            }
        }
        (!failures.is_empty()).then_some(HeldResults {
            local: held.local,
            count,
            failures,
        })
    }

    /// What the functions say of what this frame awaits.
    fn within(&self, frame: Option<FrameIndex>) -> Within {
        let within = frame.and_then(|frame| self.within.get(frame.0 as usize));
        within.copied().unwrap_or_default()
    }

    fn leaf(&mut self, slot: Slot, mut leaf: Leaf) {
        let is_io = matches!(leaf.waits_for, WaitsFor::Io { .. });
        if !is_io && self.within(leaf.frame).signal {
            leaf.waits_for = WaitsFor::Signal;
        }
        self.wakers.leaves.push(slot);
        self.tree.leaves.push(leaf);
    }

    fn found(&self) -> usize {
        self.tree.frames.len() + self.tree.leaves.len()
    }

    fn unknown(&mut self, frame: FrameIndex, address: u64, size: u64, name: NameId) {
        let waits_for = WaitsFor::Unknown { type_name: name };
        self.leaf(
            Slot::Unknown,
            Leaf {
                frame: Some(frame),
                held_in: None,
                address: Address(address),
                size,
                waits_for,
                registered: None,
            },
        );
    }

    fn read_work(&mut self, work: &Work) {
        let Work {
            ref plan, address, ..
        } = *work;
        let memory = self.context.memory;
        match &**plan {
            Plan::Parts(parts) => {
                for part in parts.iter().rev() {
                    self.part(part, work);
                }
            }
            Plan::Variants { tag, values, parts } => {
                let value = tag.read(memory, address);
                let chosen = value.and_then(|value| tag.choose(value, values.iter().copied()));
                if let Some(Some(part)) = chosen.and_then(|number| parts.get(number)) {
                    self.part(part, work);
                }
            }
            Plan::Coroutine(coroutine) => self.coroutine(coroutine, work),
            Plan::Pointer(target) => {
                if let Some(to) = memory.word(address) {
                    self.follow(*target, to, work);
                }
            }
            Plan::TraitObject { .. } => self.trait_object(work),
            Plan::Slice {
                start,
                length,
                elements,
            } => {
                let start = memory.word(address.wrapping_add(*start));
                let length = memory.word(address.wrapping_add(*length));
                if let (Some(start), Some(length)) = (start, length) {
                    let size = length.saturating_mul(elements.size);
                    let buffer = self.buffer(start, size, work);
                    self.elements(elements, start, length, work, buffer);
                }
            }
            Plan::Array { count, elements } => {
                self.elements(elements, address, *count, work, work.buffer);
            }
            Plan::Vec {
                start,
                length,
                elements,
            } => {
                if let (Some(start), Some(length)) =
                    (start.read(memory, address), length.read(memory, address))
                {
                    let size = length.saturating_mul(elements.size);
                    let buffer = self.buffer(start, size, work);
                    self.elements(elements, start, length, work, buffer);
                }
            }
            Plan::Deque { .. } => self.deque(work),
            Plan::Once { state, set, part } => {
                if state.read(memory, address) == Some(*set) {
                    self.part(part, work);
                }
            }
            Plan::Queue(queue) => {
                self.messages(queue.message, queue.messages(self.context, address), work);
            }
            Plan::Nodes(nodes) => {
                self.messages(nodes.message, nodes.messages(self.context, address), work);
            }
            Plan::Table(table) => self.table(table, work),
            Plan::Tree(tree) => self.tree(tree, work),
            Plan::Set { .. } => self.set(work),
            Plan::Wait { .. } => self.wait(work),
            Plan::Handle { layout, shares } => self.handle(layout, *shares, work),
            Plan::TraitHandle(layout) => self.trait_handle(layout, work),
        }
    }

    /// The messages of a channel.
    fn messages(&mut self, ty: TypeId, mut messages: Vec<u64>, work: &Work) {
        let Some(plan) = self.plans.plan(self.context, ty, work.purpose) else {
            return;
        };
        let count = self.at_most(messages.len() as u64, "the messages of a channel");
        messages.truncate(usize::try_from(count).unwrap_or(usize::MAX));
        for message in messages.into_iter().rev() {
            self.push_held(plan.clone(), message, work, None);
        }
    }

    fn part(&mut self, part: &Part, work: &Work) {
        let address = work.address.wrapping_add(part.offset);
        let mut local = work.local;
        // Outside of async functions, the outermost field that has a name stands for the local.
        if let (None, Some(held), Some(field)) = (work.frame, &mut local, part.field)
            && Some(*held) == self.unnamed
        {
            held.local = field;
        }
        let (purpose, frame, buffer) = (work.purpose, work.frame, work.buffer);
        self.push(part.plan.clone(), address, purpose, frame, local, buffer);
    }

    fn trait_object(&mut self, work: &Work) {
        let Plan::TraitObject {
            pointer,
            vtable,
            name,
            polled,
        } = &*work.plan
        else {
            return;
        };
        let memory = self.context.memory;
        let to = memory.word(work.address.wrapping_add(*pointer));
        let vtable = memory.word(work.address.wrapping_add(*vtable));
        let ty = vtable.and_then(|vtable| self.context.debug.type_behind(vtable));
        if let (Some(to), Some(ty)) = (to, ty) {
            if work.frame.is_none() && self.found() == 0 && self.concrete.is_none() {
                self.concrete = Some(self.plans.name(&self.context.debug.ty(ty).name));
            }
            self.follow(ty, to, work);
        } else if *polled && work.purpose == Purpose::Await {
            self.context
                .gap(Gap::UnknownTraitObject { type_name: *name });
        }
    }

    fn deque(&mut self, work: &Work) {
        let Plan::Deque {
            start,
            head,
            length,
            capacity,
            elements,
        } = &*work.plan
        else {
            return;
        };
        let read = |path: &Path| path.read(self.context.memory, work.address);
        let (Some(start), Some(head), Some(length), Some(capacity)) =
            (read(start), read(head), read(length), read(capacity))
        else {
            return;
        };
        // The elements go on at the start of the buffer where they don't fit before its end.
        if let (Some(before_end), true) = (capacity.checked_sub(head), length <= capacity) {
            let first = length.min(before_end);
            let at_head = start.wrapping_add(head.wrapping_mul(elements.size));
            let size = capacity.saturating_mul(elements.size);
            let buffer = self.buffer(start, size, work);
            self.elements(elements, start, length - first, work, buffer);
            self.elements(elements, at_head, first, work, buffer);
        }
    }

    fn wait(&mut self, work: &Work) {
        let Plan::Wait {
            layout,
            ty,
            size,
            name,
        } = &*work.plan
        else {
            return;
        };
        let Work {
            address,
            frame,
            local,
            purpose,
            ..
        } = *work;
        // Futures without a size may share an address.
        if *size > 0 && !self.seen.insert((address, *ty, Purpose::Await)) {
            return;
        }
        let waits_for = layout.read(self.context, address, self.within(frame));
        if waits_for.is_none() && (purpose == Purpose::Hold || !layout.is_of_one_wait()) {
            return;
        }
        let slot = if waits_for.is_some() {
            layout.slot(self.context, address, *size)
        } else {
            Slot::Unknown
        };
        let waits_for = waits_for.unwrap_or(WaitsFor::Unknown { type_name: *name });
        self.leaf(
            slot,
            Leaf {
                frame,
                held_in: local,
                address: Address(address),
                size: *size,
                waits_for,
                registered: None,
            },
        );
    }

    fn coroutine(&mut self, coroutine: &Arc<Coroutine>, work: &Work) {
        let address = work.address;
        if !self.seen.insert((address, coroutine.ty.id, Purpose::Await)) {
            return;
        }
        let Some(state) = coroutine.state(self.plans, self.context, address) else {
            return;
        };
        let Some(suspension) = state.suspension else {
            return;
        };
        let frame = FrameIndex(u32::try_from(self.tree.frames.len()).unwrap_or(u32::MAX));
        self.tree.frames.push(Frame {
            place: state.place,
            suspension,
            parent: work.frame,
            held_in: work.local,
            address: Address(address),
            size: coroutine.ty.size,
            awaits: state.awaits.as_ref().map(|awaits| awaits.name),
            handles: Vec::new(),
            results: Vec::new(),
            joined: state.joined.to_vec(),
        });
        self.coroutines.push(coroutine.clone());
        self.frame_buffers.push(work.buffer);
        let within = Within {
            timeout: state.awaits.as_ref().is_some_and(|it| it.is_timeout),
            ..coroutine.within
        };
        self.within.push(within.below(self.within(work.frame)));
        let Some(awaits) = &state.awaits else { return };
        let awaited = address.wrapping_add(awaits.offset);
        if let (Suspension::Suspended(_), Some(plan)) = (suspension, &awaits.plan) {
            let (size, name, found_before) = (awaits.size, awaits.name, self.found());
            self.steps.push(Step::Awaited {
                frame,
                address: awaited,
                size,
                name,
                found_before,
            });
            let buffer = work.buffer;
            self.push(
                plan.clone(),
                awaited,
                Purpose::Await,
                Some(frame),
                None,
                buffer,
            );
        } else {
            self.unknown(frame, awaited, awaits.size, awaits.name);
        }
    }

    /// Goes on with what a pointer points to.
    fn follow(&mut self, ty: TypeId, to: u64, work: &Work) {
        if to == 0 {
            return;
        }
        if let Some(plan) = self.plans.plan(self.context, ty, work.purpose) {
            // Async functions and leaves note themselves.
            let notes_itself = matches!(&*plan, Plan::Coroutine(_) | Plan::Wait { .. });
            if notes_itself || self.seen.insert((to, ty, work.purpose)) {
                let size = self.context.debug.ty(ty).size;
                let buffer = self.buffer(to, size, work);
                self.push_held(plan, to, work, buffer);
            }
        }
    }

    fn elements(
        &mut self,
        elements: &Elements,
        start: u64,
        count: u64,
        work: &Work,
        buffer: Option<BufferId>,
    ) {
        let Some(plan) = self.plans.plan(self.context, elements.ty, work.purpose) else {
            return;
        };
        let at = |i: u64| start.checked_add(i.checked_mul(elements.size)?);
        let readable = |address| {
            let memory = self.context.memory;
            memory.uint(address, elements.size.min(1)).is_some()
        };
        // A length that leads out of the memory is not the length of this container: it may be a local without a value.
        let last = count.checked_sub(1).and_then(at);
        if !last.is_some_and(readable) {
            return;
        }
        let count = self.at_most(count, "the elements of a container");
        for address in (0..count).rev().filter_map(at) {
            self.push_held(plan.clone(), address, work, buffer);
        }
    }

    /// As many as may be visited. One more than the budget of visits allows: it is noted where that is used up.
    fn at_most(&self, count: u64, what: &str) -> u64 {
        let limit = self.context.limits.elements;
        if count > limit {
            self.context.limit_reached(what, limit);
        }
        let left = self.visits_left.min(self.context.visits_left.get());
        count.min(limit).min(left.saturating_add(1))
    }

    /// The members of a `JoinSet` or `FuturesUnordered`.
    fn set(&mut self, work: &Work) {
        let Plan::Set {
            heads,
            next,
            member,
            name,
            shared,
        } = &*work.plan
        else {
            return;
        };
        let memory = self.context.memory;
        let plan = self.plans.plan(self.context, member.ty, work.purpose);
        if let Some(start) = shared.address(memory, work.address) {
            self.wakers.sets.push((start, shared.size));
        }
        let mut members = Vec::new();
        for head in heads {
            let mut entry = head.read(memory, work.address).unwrap_or(0);
            while entry != 0 && self.seen.insert((entry, member.ty, work.purpose)) {
                let count = members.len() as u64 + 1;
                if self.at_most(count, "the members of a set of futures") < count {
                    break;
                }
                members.push(entry.wrapping_add(member.offset));
                self.wakers.members.insert(entry);
                entry = next.read(memory, entry).unwrap_or(0);
            }
        }
        if members.is_empty() && work.purpose == Purpose::Await {
            let waits_for = WaitsFor::EmptySet { type_name: *name };
            let address = Address(work.address);
            self.leaf(
                Slot::Unknown,
                Leaf {
                    frame: work.frame,
                    held_in: None,
                    address,
                    size: 0,
                    waits_for,
                    registered: None,
                },
            );
        }
        if let Some(plan) = plan {
            for address in members.into_iter().rev() {
                self.push_held(plan.clone(), address, work, None);
            }
        }
    }

    /// The elements of a `HashMap` or `HashSet`.
    fn table(&mut self, table: &Table, work: &Work) {
        let memory = self.context.memory;
        let read = |path: &Path| path.read(memory, work.address);
        let (Some(mask), Some(control), Some(items)) =
            (read(&table.mask), read(&table.control), read(&table.items))
        else {
            return;
        };
        let Some(plan) = self
            .plans
            .plan(self.context, table.elements.ty, work.purpose)
        else {
            return;
        };
        // Anything else is no table, but a local without a value.
        let Some(buckets) = mask.checked_add(1).filter(|it| it.is_power_of_two()) else {
            return;
        };
        if items == 0 || items > buckets {
            return;
        }
        let wanted = self.at_most(items, "the elements of a container");
        let mut found = Vec::new();
        let mut bytes = [0; CONTROL_BYTES];
        let mut first = 0;
        while first < buckets && (found.len() as u64) < wanted {
            let left = usize::try_from(buckets - first).unwrap_or(CONTROL_BYTES);
            let some = &mut bytes[..left.min(CONTROL_BYTES)];
            if memory.read(control.wrapping_add(first), some).is_err() {
                break;
            }
            for (number, byte) in (first..).zip(some) {
                if *byte & EMPTY == 0 {
                    let below = (number + 1).wrapping_mul(table.elements.size);
                    found.push(control.wrapping_sub(below));
                }
            }
            first += CONTROL_BYTES as u64;
        }
        let before = buckets.saturating_mul(table.elements.size);
        let start = control.saturating_sub(before);
        let buffer = self.buffer(start, before.saturating_add(buckets), work);
        for address in found.into_iter().rev() {
            self.push_held(plan.clone(), address, work, buffer);
        }
    }

    /// The elements of a `BTreeMap` or `BTreeSet`.
    fn tree(&mut self, tree: &Tree, work: &Work) {
        let memory = self.context.memory;
        let read = |path: &Path| path.read(memory, work.address);
        let (Some(root), Some(height), Some(length)) =
            (read(&tree.root), read(&tree.height), read(&tree.length))
        else {
            return;
        };
        if root == 0 || height > HIGHEST_TREE {
            return;
        }
        let plans = tree.fields.map(|(offset, of)| {
            (
                offset,
                of,
                self.plans.plan(self.context, of.ty, work.purpose),
            )
        });
        let mut left = self.at_most(length, "the elements of a container");
        let mut nodes = vec![(root, height, work.buffer)];
        while let Some((node, height, outer)) = nodes.pop() {
            let Some(length) = tree.node_length.read(memory, node) else {
                continue;
            };
            if length >= tree.most_edges || length > left {
                break;
            }
            left -= length;
            let edges = if height > 0 { tree.most_edges } else { 0 };
            let size = tree.edges.saturating_add(edges.saturating_mul(8));
            let buffer = self.buffer_in(node, size, work.local, outer);
            for (offset, of, plan) in &plans {
                let Some(plan) = plan else { continue };
                for number in 0..length {
                    let at = offset.wrapping_add(number.wrapping_mul(of.size));
                    let address = node.wrapping_add(at);
                    self.push_held(plan.clone(), address, work, buffer);
                }
            }
            if height > 0 {
                let edges = node.wrapping_add(tree.edges);
                let edge = |number: u64| memory.word(edges.wrapping_add(number.wrapping_mul(8)));
                let below = (0..=length).filter_map(edge).filter(|node| *node != 0);
                nodes.extend(below.map(|node| (node, height - 1, buffer)));
            }
        }
    }

    fn handle(&mut self, layout: &HandleLayout, shares: Shares, work: &Work) {
        if work.local.is_none() {
            return;
        }
        let Some((kind, object)) = layout.read(self.context, work.address) else {
            return;
        };
        let counts = || layout.counts(self.context, work.address);
        let object = self
            .objects
            .id(&layout.object_type, shares, object, layout.owns(), counts);
        if let Some(label) = layout.label(self.context, work.address) {
            self.objects.label(object, self.plans.name(&label));
        }
        self.note(kind, object, layout.owns(), layout.size, work);
    }

    fn trait_handle(&mut self, layout: &TraitHandleLayout, work: &Work) {
        let Some(handle) = layout.read(self.context, work.address) else {
            return;
        };
        let shares = self
            .plans
            .shares(self.context, handle.ty.id, HandleKind::Arc);
        if !shares.always && self.plans.holding(self.context, handle.ty.id).is_none() {
            return;
        }
        let counts = || handle.counts;
        let object = self
            .objects
            .id(&handle.ty, shares, handle.object, true, counts);
        self.note(handle.kind, object, true, layout.size, work);
    }

    fn note(&mut self, kind: HandleKind, object: ObjectId, owns: bool, size: u64, work: &Work) {
        let Some(HeldIn {
            local,
            maybe_dropped,
        }) = work.local
        else {
            return;
        };
        let mut buffer = work.buffer.filter(|_| maybe_dropped);
        while let Some(id) = buffer {
            let Buffer {
                address,
                size,
                outer,
            } = self.buffers[id as usize];
            self.objects
                .add_buffer(address, size, self.plans.name("memory"));
            buffer = outer;
        }
        let handle = Handle {
            local,
            kind,
            address: Address(work.address),
            size,
            object,
            owns,
            maybe_dropped,
        };
        match work.frame {
            Some(frame) => {
                if let Some(frame) = self.tree.frames.get_mut(frame.0 as usize) {
                    if frame.handles.is_empty() {
                        // Most have one: room for more would leave gaps in the memory when it is given back.
                        frame.handles.reserve_exact(1);
                    }
                    frame.handles.push(handle);
                }
            }
            None => self.tree.handles.push(handle),
        }
    }
}

/// How many failures of one local are told apart.
const DIFFERENT: usize = 100;
/// How many control bytes of a table are read at once.
const CONTROL_BYTES: usize = 1024;
/// A tree of this height has more elements than fit into memory.
const HIGHEST_TREE: u64 = 24;
