//! What moved between two readings of a process.

use std::collections::{HashMap, HashSet};

use unstuck_inspect::snapshot::{AwaitTree, Lifecycle, Snapshot, Thread, WaitsFor};

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
    pub(super) fn between(before: &Snapshot, after: &Snapshot) -> Self {
        let earlier: HashMap<_, _> = before.tasks.iter().map(|it| (it.address, it)).collect();
        let mut motion = Self::default();
        for (index, task) in after.tasks.iter().enumerate() {
            let settled = earlier.get(&task.address).is_some_and(|earlier| {
                let had_ended = earlier.state.lifecycle == Lifecycle::Complete;
                earlier.id == task.id
                    && (had_ended
                        || earlier.state == task.state
                            && is_same(before, &earlier.futures, after, &task.futures))
            });
            if !settled || task.changed {
                motion.tasks.insert(index);
            }
        }
        let still: HashSet<_> = after.tasks.iter().map(|it| (it.address, it.id)).collect();
        motion.ended = before.tasks.iter().any(|task| {
            task.state.lifecycle != Lifecycle::Complete && !still.contains(&(task.address, task.id))
        });

        let earlier: HashMap<_, _> = before.block_ons.iter().map(|it| (it.thread, it)).collect();
        for (index, block_on) in after.block_ons.iter().enumerate() {
            let same = earlier.get(&block_on.thread).is_some_and(|earlier| {
                earlier.address == block_on.address
                    && earlier.polled == block_on.polled
                    && is_same(before, &earlier.futures, after, &block_on.futures)
            });
            if !same || block_on.changed {
                motion.block_ons.insert(index);
            }
        }
        motion.ended |= before.block_ons.iter().any(|earlier| {
            let mut later = after.block_ons.iter();
            !later.any(|it| it.thread == earlier.thread)
        });

        let earlier: HashMap<_, _> = before.threads.iter().map(|it| (it.id, it)).collect();
        for thread in &after.threads {
            let same = earlier
                .get(&thread.id)
                .is_some_and(|earlier| rests_alike(earlier, thread));
            if !same {
                motion.threads.insert(thread.id);
            }
        }
        motion
    }

    /// Whether the program did anything between the readings.
    ///
    /// Threads do not count: a worker that wakes up, finds nothing to do and sleeps again has done nothing.
    pub(super) fn any(&self) -> bool {
        self.ended || !self.tasks.is_empty() || !self.block_ons.is_empty()
    }
}

/// Whether a thread sleeps in the same place.
fn rests_alike(before: &Thread, after: &Thread) -> bool {
    before.state == after.state
        && before.system_call == after.system_call
        && before.stack == after.stack
}

/// Whether the futures are suspended in the same places and wait for the same things.
fn is_same(before: &Snapshot, earlier: &AwaitTree, after: &Snapshot, later: &AwaitTree) -> bool {
    let frames = || earlier.frames.iter().zip(&later.frames);
    let leaves = || earlier.leaves.iter().zip(&later.leaves);
    earlier.frames.len() == later.frames.len()
        && earlier.leaves.len() == later.leaves.len()
        && frames().all(|(earlier, later)| {
            earlier.address == later.address
                && earlier.suspension == later.suspension
                && earlier.parent == later.parent
                && earlier.held_in.is_some() == later.held_in.is_some()
                && before[earlier.place] == after[later.place]
        })
        && leaves().all(|(earlier, later)| {
            earlier.address == later.address
                && earlier.frame == later.frame
                && waits_alike(before, &earlier.waits_for, after, &later.waits_for)
        })
}

fn waits_alike(before: &Snapshot, earlier: &WaitsFor, after: &Snapshot, later: &WaitsFor) -> bool {
    match (earlier, later) {
        // The names are in tables of their own.
        (
            WaitsFor::Unknown { type_name } | WaitsFor::EmptySet { type_name },
            WaitsFor::Unknown { type_name: other } | WaitsFor::EmptySet { type_name: other },
        ) => before[*type_name] == after[*other],
        _ => earlier == later,
    }
}
