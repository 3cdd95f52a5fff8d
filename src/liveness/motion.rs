//! What moved between two readings of a process.

use std::hash::{BuildHasher as _, Hash, Hasher as _};
use std::mem::discriminant;

use foldhash::quality::FixedState;
use unstuck_inspect::snapshot::{
    Address, AwaitTree, Lifecycle, NameId, PlaceId, Snapshot, Task, TaskState, Thread, WaitsFor,
};

use super::maps::{HashMap, HashSet};

/// What to compare a later reading of a process with: where everything is suspended, as hashes. It is much smaller than
/// the reading.
#[derive(Debug)]
pub struct Positions {
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

impl TaskPrint {
    fn of(task: &Task, texts: &Texts) -> Self {
        Self {
            id: task.id,
            has_ended: task.state.lifecycle == Lifecycle::Complete,
            suspended: texts.task(&task.state, &task.futures),
        }
    }
}

impl Positions {
    /// What is compared of a reading.
    pub fn of(snapshot: &Snapshot) -> Self {
        let texts = Texts::of(snapshot);
        let tasks = snapshot.tasks.iter();
        let tasks = tasks.map(|task| (task.address, TaskPrint::of(task, &texts)));
        Self {
            tasks: tasks.collect(),
            block_ons: block_ons(snapshot, &texts),
            threads: rests(snapshot),
        }
    }
}

/// What is not the same in both readings, as indices into the later one.
#[derive(Debug, Default)]
pub(crate) struct Motion {
    pub(super) tasks: HashSet<usize>,
    pub(super) block_ons: HashSet<usize>,
    /// The ids of the threads.
    pub(super) threads: HashSet<u32>,
    /// Something ended between the readings, so the later one does not have it.
    pub(super) ended: bool,
}

impl Motion {
    /// Compares two readings of one process.
    pub(crate) fn between(before: &Positions, after: &Snapshot) -> Self {
        let texts = Texts::of(after);
        let (block_ons_now, threads_now) = (block_ons(after, &texts), rests(after));
        let mut tasks = HashSet::default();
        // Of those that had not ended.
        let mut still_there = 0;
        for (index, task) in after.tasks.iter().enumerate() {
            let earlier = before.tasks.get(&task.address);
            let earlier = earlier.filter(|earlier| earlier.id == task.id);
            let moved = earlier.is_none_or(|earlier| {
                still_there += usize::from(!earlier.has_ended);
                !earlier.has_ended && *earlier != TaskPrint::of(task, &texts)
            });
            if task.changed || moved {
                tasks.insert(index);
            }
        }
        let were_there = before.tasks.values().filter(|task| !task.has_ended);
        let block_ons = after.block_ons.iter().enumerate();
        let block_ons = block_ons.filter(|(_, it)| {
            it.changed || before.block_ons.get(&it.thread) != block_ons_now.get(&it.thread)
        });
        let threads = threads_now.iter();
        let threads = threads.filter(|(id, rest)| before.threads.get(id) != Some(rest));
        let mut blocked = before.block_ons.keys();
        Self {
            block_ons: block_ons.map(|(index, _)| index).collect(),
            threads: threads.map(|(id, _)| *id).collect(),
            ended: still_there < were_there.count()
                || !blocked.all(|thread| block_ons_now.contains_key(thread)),
            tasks,
        }
    }

    /// Whether the program did anything between the readings.
    ///
    /// Threads do not count: a worker that wakes up, finds nothing to do and sleeps again has done nothing.
    pub(super) fn any(&self) -> bool {
        self.ended || !self.tasks.is_empty() || !self.block_ons.is_empty()
    }
}

/// Where the future of each `block_on` is suspended, by its thread.
fn block_ons(snapshot: &Snapshot, texts: &Texts) -> HashMap<u32, u64> {
    let block_ons = snapshot.block_ons.iter().map(|it| {
        let mut hasher = FixedState::default().build_hasher();
        (it.address, it.polled).hash(&mut hasher);
        texts.futures(&it.futures).hash(&mut hasher);
        (it.thread, hasher.finish())
    });
    block_ons.collect()
}

/// Where each thread sleeps, by its id.
fn rests(snapshot: &Snapshot) -> HashMap<u32, u64> {
    let threads = snapshot.threads.iter();
    threads.map(|it| (it.id, rest(it))).collect()
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
