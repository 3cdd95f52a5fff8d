//! Observations: what is known about a running program.
//!
//! Cheapest first: hooks of the runtime tell the life and the polls of every task, [`records`] and
//! [`panics`] tell how tasks failed, the primitives of this crate tell what they are waiting for; a
//! [`dump`] of all tasks and the list of [`threads`] are taken only once the program has gone quiet.
//!
//! This module collects. What it means is for [`diagnosis`](crate::diagnosis) to say.

mod dump;
mod hooks;
mod panics;
mod records;
mod resource;
mod resources;
mod snapshot;
mod tasks;
mod threads;

use std::cell::RefCell;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use crossbeam_utils::atomic::AtomicCell;
use tokio::runtime::Handle;
use tokio::task;
use tracing::subscriber::{DefaultGuard, NoSubscriber};

use crate::sync::lock;
use tasks::Tasks;

pub use panics::catch_panics;
pub use records::layer;
pub use resource::{HolderSeen, ResourceKind, ResourceSeen, WaiterSeen};
pub use resources::resource_layer;
pub use snapshot::{
    End, EventSeen, GroupSeen, Leaf, Outside, Snapshot, TaskId, TaskSeen, TaskState, WaitSeen,
};
pub use threads::{Threads, mark_own_thread};

/// Watches one Tokio runtime.
///
/// Made before the runtime, and [attached](Observer::attach) to its builder.
#[derive(Clone)]
pub struct Observer(Arc<Shared>);

struct Shared {
    tasks: Mutex<Tasks>,
    /// One for each thread of the runtime.
    seats: Mutex<Vec<Arc<Seat>>>,
    /// Sources of I/O that the runtime registers for itself.
    own_io_sources: AtomicCell<usize>,
}

/// What one thread of the runtime is at. Only that thread writes to it.
#[derive(Default)]
struct Seat {
    /// The task that is being polled.
    polling: AtomicCell<Option<task::Id>>,
    /// Polls begun so far.
    polls: AtomicCell<u64>,
}

thread_local! {
    /// The runtime that this thread works for.
    static HERE: RefCell<Option<(Observer, Arc<Seat>)>> = const { RefCell::new(None) };
}

/// Counts that grow whenever anything happens in a runtime. Two equal pulses: nothing did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pulse {
    polls: u64,
    spawned: usize,
    ended: usize,
}

impl Pulse {
    /// Whether no more happened since `earlier` than one poll of each living task.
    fn is_echo_of(&self, earlier: &Pulse) -> bool {
        let alive = (earlier.spawned - earlier.ended) as u64;
        self.spawned == earlier.spawned
            && self.ended == earlier.ended
            && self.polls <= earlier.polls + alive
    }
}

impl Observer {
    /// An observer that has seen nothing yet.
    #[expect(clippy::new_without_default, reason = "an observer is made on purpose")]
    pub fn new() -> Self {
        Self(Arc::new(Shared {
            tasks: Mutex::default(),
            seats: Mutex::default(),
            own_io_sources: AtomicCell::new(0),
        }))
    }

    /// To be called once the runtime is built, before anything runs on it.
    pub fn runtime_is_built(&self, runtime: &Handle) {
        self.0.own_io_sources.store(io_sources(runtime));
    }

    /// Counts the calling thread among those of the runtime, as far as spawning onto it goes.
    pub fn adopt_thread(&self) {
        mark_own_thread();
        let seat = Arc::new(Seat::default());
        lock(&self.0.seats).push(Arc::clone(&seat));
        HERE.set(Some((self.clone(), seat)));
    }

    /// What has happened so far, as counts.
    pub fn pulse(&self) -> Pulse {
        let polls = lock(&self.0.seats)
            .iter()
            .map(|seat| seat.polls.load())
            .sum();
        let tasks = lock(&self.0.tasks);
        Pulse {
            polls,
            spawned: tasks.spawned(),
            ended: tasks.ended(),
        }
    }

    /// Whether every worker is parked and no task is on its way to one.
    pub fn is_idle(&self, runtime: &Handle) -> bool {
        let metrics = runtime.metrics();
        let parked = |worker| metrics.worker_park_unpark_count(worker) % 2 == 1;
        let empty = |worker| metrics.worker_local_queue_depth(worker) == 0;
        metrics.global_queue_depth() == 0
            && (0..metrics.num_workers()).all(|worker| parked(worker) && empty(worker))
    }

    /// The counts once the polls that a task dump sets off are over: one of each living task. None if
    /// more than that has happened since `before`, or still goes on.
    pub fn echo(&self, runtime: &Handle, before: &Pulse) -> Option<Pulse> {
        self.settle(runtime);
        let pulse = self.pulse();
        (self.is_idle(runtime) && pulse.is_echo_of(before)).then_some(pulse)
    }

    /// Gives the runtime a moment to come to rest.
    fn settle(&self, runtime: &Handle) {
        const AT_MOST: Duration = Duration::from_millis(200);
        let begun = Instant::now();
        while !self.is_idle(runtime) && begun.elapsed() < AT_MOST {
            thread::sleep(Duration::from_millis(1));
        }
    }

    /// Looks back at a program that has ended: how its tasks did.
    pub fn look_back(&self, runtime: &Handle) -> Snapshot {
        // A task may be awaited, and its awaiter return, before the hook has heard of its end.
        self.settle(runtime);
        Snapshot {
            tasks: lock(&self.0.tasks).seen(&[], &dump::Leaves::default()),
            ..Snapshot::default()
        }
    }

    /// Looks at everything. `since` is what the threads looked like a while ago.
    ///
    /// Takes a task dump if the runtime is idle, which polls every task once more.
    pub fn look(&self, runtime: &Handle, since: &Threads) -> Snapshot {
        // First, as the polls that a dump sets off leave records too.
        let resources = resources::seen();
        let polling = self.polling();
        let dump = if polling.is_empty() {
            dump::take(runtime)
        } else {
            Err("where tasks are parked: a dump would wait for the poll that goes on")
        };
        let dumped = dump.is_ok();
        let blind = dump.as_ref().err().copied().into_iter().collect();
        let leaves = dump.unwrap_or_default();
        let mut snapshot = Snapshot {
            tasks: lock(&self.0.tasks).seen(&polling, &leaves),
            events: snapshot::events(),
            groups: snapshot::groups(),
            resources,
            outside: Outside::default(),
            dumped,
            blind,
        };
        snapshot.keep_what_belongs_to_its_tasks();
        self.look_outside(runtime, since, &mut snapshot);
        snapshot
    }

    /// Looks at what is known without a dump, which takes nothing but a few locks and may be done at any
    /// time: the tasks, but not where they are parked, and what the primitives know of themselves.
    pub fn glance(&self) -> Snapshot {
        let resources = resources::seen();
        let mut snapshot = Snapshot {
            tasks: lock(&self.0.tasks).seen(&self.polling(), &dump::Leaves::default()),
            events: snapshot::events(),
            groups: snapshot::groups(),
            resources,
            ..Snapshot::default()
        };
        snapshot.keep_what_belongs_to_its_tasks();
        snapshot
    }

    /// Looks again at what lies outside the tasks, and is cheap to look at.
    pub fn look_outside(&self, runtime: &Handle, since: &Threads, snapshot: &mut Snapshot) {
        let metrics = runtime.metrics();
        let threads = metrics.num_blocking_threads();
        let blocking = threads.saturating_sub(metrics.num_idle_blocking_threads());
        let now = Threads::now();
        let threads_seen = now.is_some();
        if !threads_seen && !snapshot.blind.contains(&threads::UNSEEN) {
            snapshot.blind.push(threads::UNSEEN);
        }
        let (busy, asleep) = now.unwrap_or_default().since(since);
        snapshot.outside = Outside {
            blocking_calls: blocking + metrics.blocking_queue_depth(),
            io_sources: io_sources(runtime).saturating_sub(self.0.own_io_sources.load()),
            threads_seen,
            busy_threads: busy,
            sleeping_threads: asleep,
        };
    }

    /// The tasks that are being polled at this moment.
    fn polling(&self) -> Vec<task::Id> {
        let seats = lock(&self.0.seats);
        seats
            .iter()
            .filter_map(|seat| seat.polling.load())
            .collect()
    }

    /// Runs `f` with the observer of the runtime that this thread works for, if there is one, and with
    /// the number of the poll that goes on.
    fn here<R>(f: impl FnOnce(&Observer, u64) -> R) -> Option<R> {
        // A hook may run while the thread is being torn down, or within another hook.
        HERE.try_with(|here| {
            let here = here.try_borrow().ok()?;
            let (observer, seat) = here.as_ref()?;
            Some(f(observer, seat.polls.load()))
        })
        .ok()
        .flatten()
    }
}

/// Until the guard is dropped, what happens on this thread is recorded by nobody: it belongs to the
/// watching, not to the program that is watched.
pub fn unrecorded() -> DefaultGuard {
    tracing::subscriber::set_default(NoSubscriber::new())
}

fn io_sources(runtime: &Handle) -> usize {
    let metrics = runtime.metrics();
    let sources = metrics
        .io_driver_fd_registered_count()
        .saturating_sub(metrics.io_driver_fd_deregistered_count());
    usize::try_from(sources).unwrap_or(usize::MAX)
}
