//! What moved between two readings of a process.

use std::collections::HashSet;
use std::hash::{BuildHasher as _, Hash, Hasher as _};
use std::mem::discriminant;

use foldhash::quality::FixedState;
use unstuck_inspect::snapshot::{
    Address, AwaitTree, Lifecycle, NameId, PlaceId, Snapshot, TaskState, Thread, WaitsFor,
};

use super::maps::HashMap;

/// What to compare a later reading of a process with: where everything is suspended, as hashes. It is much smaller than
/// the reading.
#[derive(Debug)]
pub struct Fingerprint {
    tasks: HashMap<Address, TaskPrint>,
    /// By their threads.
    block_ons: HashMap<u32, u64>,
    /// By their ids.
    threads: HashMap<u32, u64>,
}

#[derive(Debug, PartialEq, Eq)]
struct TaskPrint {
    id: u64,
    has_ended: bool,
    suspended: u64,
}

impl Fingerprint {
    /// What is compared of a reading.
    pub fn of(snapshot: &Snapshot) -> Self {
        let texts = Texts::of(snapshot);
        let tasks = snapshot.tasks.iter().map(|task| {
            let print = TaskPrint {
                id: task.id,
                has_ended: task.state.lifecycle == Lifecycle::Complete,
                suspended: texts.task(&task.state, &task.futures),
            };
            (task.address, print)
        });
        let block_ons = snapshot.block_ons.iter().map(|it| {
            let mut hasher = FixedState::default().build_hasher();
            (it.address, it.polled).hash(&mut hasher);
            texts.futures(&it.futures).hash(&mut hasher);
            (it.thread, hasher.finish())
        });
        let threads = snapshot.threads.iter();
        Self {
            tasks: tasks.collect(),
            block_ons: block_ons.collect(),
            threads: threads.map(|it| (it.id, rest(it))).collect(),
        }
    }
}

/// What is not the same in both readings, as indices into the later one.
#[derive(Debug, Default)]
pub(super) struct Motion {
    pub(super) tasks: HashSet<usize>,
    pub(super) block_ons: HashSet<usize>,
    /// The ids of the threads.
    pub(super) threads: HashSet<u32>,
    /// Something ended between the readings, so the later one does not have it.
    pub(super) ended: bool,
}

impl Motion {
    /// Compares two readings of one process.
    pub(super) fn between(before: &Fingerprint, after: &Snapshot) -> Self {
        let now = Fingerprint::of(after);
        let task_moved = |address| {
            let (earlier, later) = (before.tasks.get(address), &now.tasks[address]);
            earlier.is_none_or(|earlier| {
                earlier.id != later.id || !earlier.has_ended && earlier != later
            })
        };
        let tasks = after.tasks.iter().enumerate();
        let tasks = tasks.filter(|(_, task)| task.changed || task_moved(&task.address));
        let block_ons = after.block_ons.iter().enumerate();
        let block_ons = block_ons.filter(|(_, it)| {
            it.changed || before.block_ons.get(&it.thread) != now.block_ons.get(&it.thread)
        });
        let threads = now.threads.iter();
        let threads = threads.filter(|(id, rest)| before.threads.get(id) != Some(rest));
        let is_there = |(address, task): (&Address, &TaskPrint)| {
            let later = now.tasks.get(address);
            task.has_ended || later.is_some_and(|later| later.id == task.id)
        };
        let mut blocked = before.block_ons.keys();
        Self {
            tasks: tasks.map(|(index, _)| index).collect(),
            block_ons: block_ons.map(|(index, _)| index).collect(),
            threads: threads.map(|(id, _)| *id).collect(),
            ended: !before.tasks.iter().all(is_there)
                || !blocked.all(|thread| now.block_ons.contains_key(thread)),
        }
    }

    /// Whether the program did anything between the readings.
    ///
    /// Threads do not count: a worker that wakes up, finds nothing to do and sleeps again has done nothing.
    pub(super) fn any(&self) -> bool {
        self.ended || !self.tasks.is_empty() || !self.block_ons.is_empty()
    }
}

/// Where a thread sleeps.
fn rest(thread: &Thread) -> u64 {
    FixedState::default().hash_one((thread.state, thread.system_call, &thread.stack))
}

/// Hashes of the texts of a snapshot, which has them in tables of its own.
struct Texts {
    places: Vec<u64>,
    names: Vec<u64>,
}

impl Texts {
    fn of(snapshot: &Snapshot) -> Self {
        let hash = FixedState::default();
        Self {
            places: snapshot.places.iter().map(|it| hash.hash_one(it)).collect(),
            names: snapshot.names.iter().map(|it| hash.hash_one(it)).collect(),
        }
    }

    fn task(&self, state: &TaskState, futures: &AwaitTree) -> u64 {
        FixedState::default().hash_one((state, self.futures(futures)))
    }

    /// Where futures are suspended, and what they wait for.
    fn futures(&self, futures: &AwaitTree) -> u64 {
        let mut hasher = FixedState::default().build_hasher();
        futures.frames.len().hash(&mut hasher);
        for frame in &futures.frames {
            let PlaceId(place) = frame.place;
            self.places[place as usize].hash(&mut hasher);
            let is_held = frame.held_in.is_some();
            (frame.address, frame.suspension, frame.parent, is_held).hash(&mut hasher);
        }
        for leaf in &futures.leaves {
            (leaf.address, leaf.frame).hash(&mut hasher);
            if let WaitsFor::Unknown { type_name } | WaitsFor::EmptySet { type_name } =
                leaf.waits_for
            {
                discriminant(&leaf.waits_for).hash(&mut hasher);
                self.name(type_name).hash(&mut hasher);
            } else {
                leaf.waits_for.hash(&mut hasher);
            }
        }
        hasher.finish()
    }

    fn name(&self, NameId(name): NameId) -> u64 {
        self.names[name as usize]
    }
}
