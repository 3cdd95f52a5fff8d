//! Who else has the address of an object, as far as memory was searched for it.

use std::ops::Range;

use unstuck_inspect::snapshot::{
    Address, AwaitTree, BlockingState, Lifecycle, ObjectId, Pointer, Snapshot, ThreadActivity,
};

use super::actor::Actor;
use super::freed::MaybeFreed;
use super::maps::HashMap;
use super::objects::Held;
use super::threads;

/// What a place in memory is part of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Part {
    /// Of what an actor has for itself: its futures, or the stack of its thread.
    Actor(Actor),
    /// Of a shared value.
    Value(ObjectId),
    /// Of memory to which a local leads that may have been moved.
    Buffer(ObjectId),
    /// Of the stack of a thread that waits for something to run, or only watches: it uses nothing of the program
    /// meanwhile.
    IdleStack,
}

/// What was found of the addresses of objects.
pub(super) struct Pointers<'s> {
    places: HashMap<ObjectId, &'s [Pointer]>,
    parts: Parts,
    stacks: HashMap<u32, Part>,
}

impl<'s> Pointers<'s> {
    pub(super) fn of(snapshot: &'s Snapshot) -> Self {
        let places = snapshot.pointers.iter();
        let places: HashMap<_, _> = places.map(|it| (it.object, &*it.places)).collect();
        if places.is_empty() {
            return Self {
                places,
                parts: Parts::default(),
                stacks: HashMap::default(),
            };
        }
        Self {
            places,
            parts: Parts::of(snapshot),
            stacks: stacks(snapshot),
        }
    }

    /// Where an object's addresses are. `None` if memory was not searched for them.
    pub(super) fn places(&self, object: ObjectId) -> Option<&'s [Pointer]> {
        self.places.get(&object).copied()
    }

    /// What else the addresses of an object are part of, where these handles of it are known. `None` if one of them is
    /// part of something that is not known.
    ///
    /// A handle that may have been moved explains nothing: what it was moved to may have the same place, as the items
    /// of a `Vec` stay where they are.
    pub(super) fn beside<'h>(
        &self,
        places: &[Pointer],
        handles: impl Iterator<Item = &'h Held<'h>>,
        freed: &MaybeFreed,
    ) -> Option<Vec<Part>> {
        let handles = handles.filter(|held| !held.maybe_dropped);
        let extent = |held: &Held<'_>| {
            let start = held.handle.address;
            (start, start.0 + held.handle.size)
        };
        let mut handles: Vec<_> = handles.map(extent).collect();
        handles.sort_unstable();
        let mut handles = handles.into_iter().peekable();
        let mut end_of_handles = 0;
        let mut parts = Vec::new();
        for place in places {
            while let Some((_, end)) = handles.next_if(|(start, _)| *start <= place.address) {
                end_of_handles = end_of_handles.max(end);
            }
            if place.address.0 >= end_of_handles {
                parts.push(self.part(place, &|value| !freed.contains(value))?);
            }
        }
        parts.retain(|part| *part != Part::IdleStack);
        parts.sort_unstable();
        parts.dedup();
        Some(parts)
    }

    /// What a place is part of. `exists` says which values do.
    pub(super) fn part(&self, place: &Pointer, exists: &dyn Fn(ObjectId) -> bool) -> Option<Part> {
        match place.stack_of {
            Some(thread) => self.stacks.get(&thread).copied(),
            None => self.parts.at(place.address, exists),
        }
    }
}

/// Whose stack each thread's is. Threads that may do anything are left out.
fn stacks(snapshot: &Snapshot) -> HashMap<u32, Part> {
    let running = |thread: u32| {
        let state = BlockingState::Running {
            thread: Some(thread),
        };
        let closures = &snapshot.blocking_tasks;
        let closure = closures.iter().position(|it| it.state == state)?;
        Some(Part::Actor(Actor::Blocking(closure)))
    };
    let stack = |thread: &unstuck_inspect::snapshot::Thread| {
        let part = match thread.activity {
            ThreadActivity::ParkedWorker | ThreadActivity::IdlePoolThread => Part::IdleStack,
            ThreadActivity::BlockOn => {
                let mut block_ons = snapshot.block_ons.iter();
                let own = block_ons.position(|it| it.thread == thread.id)?;
                Part::Actor(Actor::BlockOn(own))
            }
            ThreadActivity::RunsClosure => running(thread.id)?,
            _ if threads::rests(thread) => Part::IdleStack,
            _ => return None,
        };
        Some((thread.id, part))
    };
    snapshot.threads.iter().filter_map(stack).collect()
}

/// The parts of memory that are known, in ascending order of their starts.
#[derive(Default)]
struct Parts(Vec<Extent>);

struct Extent {
    start: u64,
    end: u64,
    /// The highest end of those up to this one.
    reach: u64,
    part: Part,
}

impl Parts {
    fn of(snapshot: &Snapshot) -> Self {
        let mut parts = Self::default();
        for actor in Actor::all(snapshot) {
            let part = Part::Actor(actor);
            let (cell, futures) = match actor {
                Actor::Task(index) => {
                    let task = &snapshot.tasks[index];
                    if task.state.lifecycle == Lifecycle::Complete {
                        // Whoever takes its output has what is in there.
                        continue;
                    }
                    (Some((task.address, task.size)), &task.futures)
                }
                Actor::BlockOn(index) => (None, &snapshot.block_ons[index].futures),
                Actor::Blocking(index) => {
                    let closure = &snapshot.blocking_tasks[index];
                    (Some((closure.address, closure.size)), &closure.futures)
                }
            };
            let mut own = 0..0;
            if let Some((Address(start), size)) = cell {
                parts.add(start, size, part);
                own = start..start.saturating_add(size);
            }
            parts.add_futures(futures, &own, part);
        }
        for (id, object) in (0..).map(ObjectId).zip(&snapshot.objects) {
            // Others are part of what holds them.
            let part = if object.is_buffer {
                Part::Buffer(id)
            } else {
                Part::Value(id)
            };
            if object.is_buffer || object.counts.strong.is_some() {
                let range = object.allocation();
                parts.add(range.start, range.end - range.start, part);
            }
            parts.add_futures(&object.futures, &(0..0), Part::Value(id));
        }
        parts.0.sort_by_key(|extent| extent.start);
        let mut reach = 0;
        for extent in &mut parts.0 {
            reach = reach.max(extent.end);
            extent.reach = reach;
        }
        parts
    }

    fn add(&mut self, start: u64, size: u64, part: Part) {
        self.0.push(Extent {
            start,
            end: start.saturating_add(size),
            reach: 0,
            part,
        });
    }

    /// Without those that may have been moved, which may be part of something else by now, and those in a range that is
    /// added as a whole.
    fn add_futures(&mut self, futures: &AwaitTree, own: &Range<u64>, part: Part) {
        let frames = futures.frames.iter();
        let frames = frames.map(|it| (it.address.0, it.size, it.held_in, it.parent));
        let leaves = futures.leaves.iter();
        let leaves = leaves.map(|it| (it.address.0, it.size, it.held_in, it.frame));
        for (start, size, held_in, parent) in frames.chain(leaves) {
            if !own.contains(&start) && !futures.maybe_dropped(held_in, parent) {
                self.add(start, size, part);
            }
        }
    }

    /// The part that begins last of those around an address: what is not a buffer, if there is any.
    fn at(&self, Address(address): Address, exists: &dyn Fn(ObjectId) -> bool) -> Option<Part> {
        let after = self.0.partition_point(|extent| extent.start <= address);
        let before = self.0[..after].iter().rev();
        let around = before.take_while(|extent| address < extent.reach);
        let around = around.filter(|extent| address < extent.end);
        let mut around = around.filter(|extent| match extent.part {
            Part::Value(object) | Part::Buffer(object) => exists(object),
            Part::Actor(_) | Part::IdleStack => true,
        });
        let is_buffer = |extent: &&Extent| matches!(extent.part, Part::Buffer(_));
        let mut innermost = around.next()?;
        if is_buffer(&innermost) {
            // It may have been freed, and its memory be used by something else.
            let mut others = around.filter(|extent| !is_buffer(extent));
            innermost = others.next().unwrap_or(innermost);
        }
        Some(innermost.part)
    }
}
