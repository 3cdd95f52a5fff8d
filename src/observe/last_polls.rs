//! When each task was last polled, so that it can be said for how long it has been parked; and whether it ever was.
//!
//! Every poll comes by here: it reads a coarse clock, and looks for its task in a table without locks. A set of
//! slots there fills one line of the processor's cache. A task that finds its set taken is entered into the next
//! table, which is larger.

use std::collections::HashSet;
use std::hash::{Hash as _, Hasher};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use coarsetime::Instant;
use tokio::task;

use super::Observer;
use super::snapshot::TaskId;
use crate::sync::lock;

/// How many sets the first table has, and how many times those of the last one each further one has.
const SETS: usize = 1 << 8;
const GROWTH: usize = 1 << 3;
/// Enough for some millions of tasks. Of what is beyond, it is not known when they were polled.
const TABLES: usize = 5;

/// No task has this key.
const FREE: u64 = 0;

/// Set in the time of a task that has not been polled yet.
const UNPOLLED: u64 = 1 << 63;

pub(super) struct LastPolls {
    made: Instant,
    tables: [OnceLock<Box<[Set]>>; TABLES],
}

#[derive(Default)]
#[repr(align(64))]
struct Set([Slot; 4]);

#[derive(Default)]
struct Slot {
    task: AtomicU64,
    /// In milliseconds, with [`UNPOLLED`].
    polled_at: AtomicU64,
}

impl LastPolls {
    pub(super) fn new() -> Self {
        Self {
            made: Instant::now(),
            tables: Default::default(),
        }
    }

    /// The time since this was made, on a clock that moves every few milliseconds.
    pub(super) fn now(&self) -> Duration {
        Duration::from_millis(self.milliseconds())
    }

    fn milliseconds(&self) -> u64 {
        let now = Instant::now_without_cache_update();
        now.duration_since(self.made).as_millis()
    }

    /// To be called where a task is spawned, by one thread at a time.
    pub(super) fn enter(&self, task: task::Id) {
        let key = key(task);
        let is_free = |slot: &&Slot| slot.task.load(Relaxed) == FREE;
        let mut tables = (0..TABLES).map(|nth| self.tables[nth].get_or_init(|| table(nth)));
        if let Some(slot) = tables.find_map(|table| set(table, key).iter().find(is_free)) {
            let spawned_at = self.milliseconds() | UNPOLLED;
            slot.polled_at.store(spawned_at, Relaxed);
            slot.task.store(key, Relaxed);
        }
    }

    /// To be called where a task ends.
    pub(super) fn leave(&self, task: task::Id) {
        if let Some(slot) = self.slot(task) {
            slot.task.store(FREE, Relaxed);
        }
    }

    /// To be called where a poll is over.
    pub(super) fn polled(&self, task: task::Id) {
        let now = self.milliseconds();
        if let Some(slot) = self.slot(task)
            // A line that many threads read is not written to without need.
            && slot.polled_at.load(Relaxed) != now
        {
            slot.polled_at.store(now, Relaxed);
        }
    }

    /// When the task was last polled, or else spawned; by the clock of [`now`](Self::now).
    pub(super) fn of(&self, task: task::Id) -> Option<Duration> {
        let slot = self.slot(task)?;
        let at = slot.polled_at.load(Relaxed) & !UNPOLLED;
        Some(Duration::from_millis(at))
    }

    /// Whether no poll of it is over yet. Not of a task of which that is not known.
    pub(super) fn none_is_over(&self, task: task::Id) -> bool {
        let slot = self.slot(task);
        slot.is_some_and(|slot| slot.polled_at.load(Relaxed) & UNPOLLED != 0)
    }

    fn slot(&self, task: task::Id) -> Option<&Slot> {
        let key = key(task);
        let is_its_own = |slot: &&Slot| slot.task.load(Relaxed) == key;
        let mut tables = self.tables.iter().map_while(OnceLock::get);
        tables.find_map(|table| set(table, key).iter().find(is_its_own))
    }
}

impl Observer {
    /// The tasks of which no poll has begun.
    pub(super) fn unpolled(&self) -> HashSet<TaskId> {
        let polling = self.polling();
        lock(&self.0.tasks).unpolled(&polling, &self.0.last_polls)
    }
}

fn table(nth: usize) -> Box<[Set]> {
    let sets = (0..nth).fold(SETS, |sets, _| sets * GROWTH);
    (0..sets).map(|_| Set::default()).collect()
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "there are fewer sets than that"
)]
fn set(table: &[Set], key: u64) -> &[Slot] {
    &table[key as usize % table.len()].0
}

/// What Tokio hashes a task by: its number. Those that were spawned one after the other are in sets that follow
/// one another.
fn key(task: task::Id) -> u64 {
    #[derive(Default)]
    struct Key(u64);

    impl Hasher for Key {
        fn write(&mut self, bytes: &[u8]) {
            for byte in bytes {
                self.0 = self.0.rotate_left(8) ^ u64::from(*byte);
            }
        }

        fn write_u64(&mut self, number: u64) {
            self.0 ^= number;
        }

        fn finish(&self) -> u64 {
            self.0
        }
    }

    let mut key = Key::default();
    task.hash(&mut key);
    key.finish()
}

#[cfg(test)]
mod tests {
    use std::future::pending;
    use std::sync::{Arc, mpsc};
    use std::thread;

    use tokio::runtime::{Builder, Runtime};
    use tokio::sync::Notify;
    use tokio::task::JoinHandle;

    use super::*;

    fn observed() -> (Observer, Runtime) {
        let observer = Observer::new();
        let mut builder = Builder::new_multi_thread();
        observer.attach(builder.worker_threads(1));
        (observer, builder.build().unwrap())
    }

    #[test]
    fn it_is_known_of_each_of_many_tasks_when_it_was_polled() {
        let (observer, runtime) = observed();
        let first: JoinHandle<()> = runtime.spawn(pending());
        thread::sleep(Duration::from_millis(50));
        let begun = observer.clock();
        let many = SETS * 4 * 3;
        let later: Vec<JoinHandle<()>> = (0..many).map(|_| runtime.spawn(pending())).collect();
        let polled_at = |task: &JoinHandle<()>| observer.0.last_polls.of(task.id());
        assert!(polled_at(&first) < Some(begun));
        assert!(later.iter().all(|task| polled_at(task) >= Some(begun)));
    }

    #[test]
    fn tasks_that_ended_leave_room_for_others() {
        let (observer, runtime) = observed();
        let ended = runtime.block_on(async {
            let mut last = None;
            for _ in 0..SETS * 4 * 3 {
                let task = tokio::spawn(async {});
                last = Some(task.id());
                task.await.unwrap();
            }
            last
        });
        // A task may be awaited before the hook has heard of its end.
        observer.settle(runtime.handle());
        assert!(observer.0.last_polls.tables[1].get().is_none());
        assert_eq!(observer.0.last_polls.of(ended.unwrap()), None);
    }

    #[test]
    fn of_the_tasks_behind_a_poll_those_are_known_that_never_were_polled() {
        let (observer, runtime) = observed();
        let notify = Arc::new(Notify::new());
        let notified = Arc::clone(&notify);
        runtime.spawn(async move { notified.notified().await });
        observer.settle(runtime.handle());
        assert!(observer.unpolled().is_empty());

        let (let_go, told) = mpsc::channel::<()>();
        let (begins, begun) = mpsc::channel();
        runtime.spawn(async move {
            begins.send(()).unwrap();
            let _ = told.recv();
        });
        begun.recv().unwrap();
        let behind = runtime.spawn(pending::<()>());
        // Ready to run, as the other one is, but that has been polled before.
        notify.notify_one();
        assert_eq!(observer.unpolled(), HashSet::from([behind.id().into()]));
        drop(let_go);
        observer.settle(runtime.handle());
        assert!(observer.unpolled().is_empty());
    }
}
