//! Observations: what is known about a running program.
//!
//! Cheapest first: hooks of the runtime tell the life and the polls of every task, `records` and `panics` tell how
//! tasks failed, the primitives of this crate tell what they are waiting for; a `dump` of all tasks and the list of
//! `threads` are taken only once the program has gone quiet.
//!
//! This module collects. What it means is for [`diagnosis`](crate::diagnosis) to say.

mod dump;
mod hooks;
mod last_polls;
mod names;
mod outline;
mod outside;
mod panics;
mod polls;
mod pulse;
mod records;
mod resource;
mod resources;
mod signals;
mod snapshot;
mod tasks;
mod threads;
mod timers;
mod unrecorded;
mod workers;

use std::cell::RefCell;
use std::collections::HashSet;
use std::io;
use std::sync::{Arc, Mutex};
use std::thread::{self, ThreadId};
use std::time::Duration;

use crossbeam_utils::atomic::AtomicCell;
use tokio::runtime::Handle;
use tokio::task::{self, JoinHandle};

use crate::sync::lock;
use dump::Dumped;
use last_polls::LastPolls;
use tasks::Tasks;

pub use outside::Outside;
pub use panics::note_panics;
pub use pulse::Pulse;
pub use records::layer;
pub use resource::{HolderSeen, ResourceKind, ResourceSeen, WaiterSeen};
pub use resources::resource_layer;
#[cfg(all(unix, feature = "guard"))]
pub(crate) use signals::leave_out_signal;
pub use snapshot::{
    Doing, End, EventSeen, GroupSeen, Leaf, PollSeen, Snapshot, TaskId, TaskSeen, TaskState,
    TimerSeen, Unlisted, WaitSeen,
};
use threads::Threads;
use workers::is_driven_to_the_end;

#[cfg(feature = "guard")]
pub(crate) use threads::start as start_watching;
pub use threads::{leave_out_harness, mark_own_thread};
pub use timers::Timers;
pub use unrecorded::unrecorded;

/// Of how many tasks a dump can be taken without harm to the runtime: one hangs a worker for good that has
/// some two hundred in its queue, and it may wake them all.
pub const DUMP_SAFELY: usize = 150;

/// Watches one Tokio runtime.
///
/// Made before the runtime, and [attached](Observer::attach) to its builder; it
/// [starts the main task](Observer::start_main) there.
#[derive(Clone)]
pub struct Observer(Arc<Shared>);

struct Shared {
    tasks: Mutex<Tasks>,
    /// One for each thread of the runtime.
    seats: Mutex<Vec<Arc<Seat>>>,
    last_polls: LastPolls,
    /// Sources of I/O that the runtime registers for itself.
    own_io_sources: AtomicCell<usize>,
    /// Signals that somebody listened to before the program began.
    own_signals: AtomicCell<u64>,
    /// Panics of its tasks are not printed.
    keeps_panics: AtomicCell<bool>,
    /// How many dumps were asked for.
    dumps: AtomicCell<u64>,
    /// How many main was in: Tokio's workers may take one more than they are asked to.
    dumps_taken: AtomicCell<u64>,
    /// Nobody watches it any more.
    is_let_go: AtomicCell<bool>,
}

/// What one thread of the runtime is at. Only that thread writes to it.
struct Seat {
    id: ThreadId,
    /// The task that is being polled.
    polling: AtomicCell<Option<task::Id>>,
    /// Polls begun so far.
    polls: AtomicCell<u64>,
    /// The system's number of the thread.
    thread: Option<u64>,
}

thread_local! {
    /// The runtime that this thread works for.
    static HERE: RefCell<Option<(Observer, Arc<Seat>)>> = const { RefCell::new(None) };
}

/// What workers and threads were at, at one moment.
#[derive(Clone, Debug)]
pub struct Before {
    /// One for each thread of the runtime.
    seats: Vec<AtSeat>,
    threads: Threads,
}

/// What a seat showed at that moment.
#[derive(Clone, Debug, PartialEq, Eq)]
struct AtSeat {
    task: Option<task::Id>,
    polls: u64,
}

impl Observer {
    /// An observer that has seen nothing yet.
    #[expect(clippy::new_without_default, reason = "an observer is made on purpose")]
    pub fn new() -> Self {
        Self(Arc::new(Shared {
            tasks: Mutex::default(),
            seats: Mutex::default(),
            last_polls: LastPolls::new(),
            own_io_sources: AtomicCell::new(0),
            own_signals: AtomicCell::new(0),
            keeps_panics: AtomicCell::new(false),
            dumps: AtomicCell::new(0),
            dumps_taken: AtomicCell::new(0),
            is_let_go: AtomicCell::new(false),
        }))
    }

    /// Starts the main task, under that name. To be called once the runtime is built, before anything else runs
    /// on it.
    ///
    /// Main is a task, as what a runtime blocks on is in no dump.
    ///
    /// # Errors
    ///
    /// As [`task::Builder::spawn_on`] has them.
    pub fn start_main<T: Send + 'static>(
        &self,
        runtime: &Handle,
        name: &str,
        main: impl Future<Output = T> + Send + 'static,
    ) -> io::Result<JoinHandle<T>> {
        self.0.own_io_sources.store(io_sources(runtime));
        self.0
            .own_signals
            .store(signals::caught().unwrap_or_default());
        let main = self.clone().count_dumps(main);
        let main = task::Builder::new().name(name).spawn_on(main, runtime)?;
        // Nobody may be recording the span that has it.
        self.name(TaskId::from(main.id()), name);
        Ok(main)
    }

    /// From now on the panics of its tasks are not printed, as they are part of what is reported. Takes
    /// [`note_panics`].
    pub fn keep_panics(&self) {
        self.0.keeps_panics.store(true);
    }

    /// Takes down the name of a task.
    pub fn name(&self, task: TaskId, name: &str) {
        lock(&self.0.tasks).name(task, name.to_owned());
    }

    /// Counts the calling thread among those of the runtime, as far as spawning onto it goes.
    pub fn adopt_thread(&self) {
        let seat = Arc::new(Seat {
            id: thread::current().id(),
            polling: AtomicCell::new(None),
            polls: AtomicCell::new(0),
            thread: threads::this_thread(),
        });
        {
            let mut seats = lock(&self.0.seats);
            if !self.0.is_let_go.load() {
                mark_own_thread();
            }
            seats.push(Arc::clone(&seat));
        }
        HERE.set(Some((self.clone(), seat)));
    }

    /// The time since the observer was made: [`Snapshot::at`] is by this clock, which moves every few milliseconds.
    pub fn clock(&self) -> Duration {
        self.0.last_polls.now()
    }

    /// Whether a dump does no harm to a program that is to go on.
    pub fn can_dump_safely(&self) -> bool {
        lock(&self.0.tasks).alive() <= DUMP_SAFELY
    }

    /// Looks back at a program that has ended: how its tasks did, and what those are at that it left
    /// behind. Calls `cut_off` once that is known, and before it takes the time to put it into words.
    pub fn look_back(&self, runtime: &Handle, cut_off: impl FnOnce()) -> Snapshot {
        // A task may be awaited, and its awaiter return, before the hook has heard of its end. And one
        // that was aborted ends in a moment.
        let mut at_rest = is_driven_to_the_end(runtime) && self.settle(runtime);
        let left_behind = lock(&self.0.tasks).has_own_alive();
        let dump = if at_rest && left_behind && self.can_dump_safely() {
            let dump = self.dump(runtime);
            at_rest = self.settle(runtime);
            dump.map(Some)
        } else {
            Ok(None)
        };
        let (mut snapshot, dump) = self.snapshot(dump, &self.polling(), at_rest, Vec::new());
        cut_off();
        if let Some(dump) = dump {
            names::resolve(dump, &mut snapshot);
        }
        snapshot
    }

    /// Looks at everything. `since` is what the workers and the threads outside were at a while ago.
    ///
    /// Takes a task dump, which polls every task once more, unless a worker would keep it waiting.
    /// Nor is one taken of more tasks than `dump_at_most`; see [`DUMP_SAFELY`]. Nor, unless it `may_revive` them, of
    /// tasks that nothing can wake: the poll can set one going.
    pub fn look(
        &self,
        runtime: &Handle,
        since: &Before,
        dump_at_most: usize,
        may_revive: bool,
    ) -> Snapshot {
        // First, as whatever wakes a task in the meantime may be gone afterwards.
        let outside = self.outside(runtime, since);
        // And the polls that a dump sets off leave records, too.
        let (resources, unwakeable) = (resources::seen(), self.unwakeable());
        let polling = self.polling_since(since);
        let at_rest = self.is_idle(runtime) || self.free_workers(runtime) && self.is_idle(runtime);
        let dump = if !polling.is_empty() {
            Err("where tasks are parked (a dump would wait for the poll to return)")
        } else if !may_revive && !unwakeable.is_empty() {
            Err(
                "where tasks are parked (a dump polls them, which can wake one that nothing else can)",
            )
        } else if lock(&self.0.tasks).alive() > dump_at_most {
            Err("where tasks are parked (a dump of so many could hang the runtime)")
        } else if at_rest {
            self.dump(runtime).map(Some)
        } else {
            // A worker whose queue is full may never get over it.
            Err("where tasks are parked (a dump could hang a runtime that is not quiescent)")
        };
        let (mut snapshot, dump) = self.snapshot(dump, &polling, at_rest, resources);
        snapshot.unwakeable = unwakeable;
        if let Some(dump) = dump {
            names::resolve(dump, &mut snapshot);
        }
        if dump::wait_for_locks(&snapshot.tasks) && !resources::are_recorded() {
            snapshot.blind.push(resources::UNRECORDED);
        }
        if !polling.is_empty() {
            snapshot.polls = self.polls();
            snapshot.queued = workers::queued(runtime).saturating_sub(snapshot.library_unpolled());
        }
        if !outside.threads_seen {
            snapshot.blind.push(threads::UNSEEN);
        }
        snapshot.outside = outside;
        snapshot
    }

    /// Dumps the tasks.
    ///
    /// Tokio's workers may dump once more than they are asked to, and keep that for whoever asks next: so what
    /// is handed out at first may be as old as the last dump.
    fn dump(&self, runtime: &Handle) -> Result<Dumped, &'static str> {
        const A_WHILE: Duration = Duration::from_secs(2);
        let mut dumped = self.dump_once(runtime, A_WHILE);
        let is_first = self.0.dumps.load() == 1;
        if dumped.is_ok() && !is_first {
            self.settle(runtime);
            dumped = self.dump_once(runtime, A_WHILE);
        }
        self.free_workers(runtime);
        dumped
    }

    /// A dump needs every worker to come by, and one that is blocked may keep it waiting for ever: so it is
    /// not waited for longer than it should take.
    fn dump_once(&self, runtime: &Handle, a_while: Duration) -> Result<Dumped, &'static str> {
        const EACH: Duration = Duration::from_micros(20);
        const ECHO: Duration = Duration::from_millis(20);
        self.0.dumps.fetch_add(1);
        let alive = u32::try_from(lock(&self.0.tasks).alive()).unwrap_or(u32::MAX);
        self.0.last_polls.dump_begins();
        let dump = dump::take(runtime, a_while + EACH * alive);
        self.0.last_polls.dump_echoes_for(ECHO + EACH * alive);
        dump
    }

    /// The tasks, with what the primitives of this crate know; and the dump, if one was taken, which knows
    /// where they are parked.
    fn snapshot(
        &self,
        dump: Result<Option<Dumped>, &'static str>,
        polling: &[task::Id],
        at_rest: bool,
        resources: Vec<ResourceSeen>,
    ) -> (Snapshot, Option<Dumped>) {
        let blind = dump.as_ref().err().copied().into_iter().collect();
        let dump = dump.ok().flatten();
        let at = self.clock();
        let (tasks, unlisted) = {
            let tasks = lock(&self.0.tasks);
            (tasks.seen(polling, &self.0.last_polls), tasks.unlisted())
        };
        let (events, groups) = resources::own_waits();
        let mut snapshot = Snapshot {
            tasks,
            unlisted,
            unpolled: self.unpolled(),
            events,
            groups,
            resources,
            dumped: dump.is_some(),
            at_rest,
            timers: resources::are_recorded().then(|| resources::timers(at)),
            at,
            blind,
            ..Snapshot::default()
        };
        snapshot.keep_what_belongs_to_its_tasks();
        snapshot.name_children();
        (snapshot, dump)
    }

    /// The tasks that wait for an event that nobody can set any more.
    pub fn orphaned(&self) -> HashSet<TaskId> {
        let events = snapshot::events().into_iter();
        let orphans = events.filter(|event| !event.set && event.setters == 0);
        let waits = orphans.flat_map(|event| event.waits);
        let ids = waits.map(|wait| wait.task).collect();
        lock(&self.0.tasks).own(ids)
    }

    /// Whether some task queues for a lock or permit while it has one that somebody queues for. Otherwise the
    /// locks can't have brought a part of the program to a stop. Cheaper than a glance.
    pub fn has_holders_that_queue(&self) -> bool {
        resources::has_holders_that_queue()
    }

    /// Looks at the tasks that are alive, though not at where they are parked, and at who holds which lock.
    /// That takes no dump, and may be done at any time.
    pub fn glance(&self) -> Snapshot {
        let polling = self.polling();
        let resources = resources::seen();
        // Not below, where the tasks are locked to the end of the statement.
        let unpolled = self.unpolled();
        let mut snapshot = Snapshot {
            tasks: lock(&self.0.tasks).alive_seen(&polling, &self.0.last_polls),
            unpolled,
            resources,
            at: self.clock(),
            ..Snapshot::default()
        };
        snapshot.keep_what_belongs_to_its_tasks();
        snapshot.name_children();
        snapshot
    }

    /// Looks again at what lies outside the tasks, and is cheap to look at. To be done after each look, once the
    /// polls that it set off are over: only then it is known that nothing woke a task unnoticed.
    pub fn look_outside(&self, runtime: &Handle, since: &Before, snapshot: &mut Snapshot) {
        let now = self.outside(runtime, since);
        snapshot.is_torn |= now.lacks_some_of(&snapshot.outside);
        snapshot.outside = now;
    }

    fn outside(&self, runtime: &Handle, since: &Before) -> Outside {
        let metrics = runtime.metrics();
        let threads = metrics.num_blocking_threads();
        let blocking = threads.saturating_sub(metrics.num_idle_blocking_threads());
        let now = Threads::now();
        let threads_seen = now.is_some();
        let (busy, asleep) = now.unwrap_or_default().since(&since.threads);
        Outside {
            blocking_calls: blocking + metrics.blocking_queue_depth(),
            io_sources: io_sources(runtime).saturating_sub(self.0.own_io_sources.load()),
            timers: self.timers(runtime),
            programs: 0,
            threads_seen,
            busy_threads: busy,
            sleeping_threads: asleep,
            signals: signals::caught().is_none_or(|now| now & !self.0.own_signals.load() != 0),
        }
    }

    /// What the workers, and the threads outside, are at. To be held against a look a while later.
    pub fn before(&self) -> Before {
        Before {
            seats: self.seats(),
            threads: Threads::now().unwrap_or_default(),
        }
    }

    /// The tasks that are being polled at this moment.
    fn polling(&self) -> Vec<task::Id> {
        self.seats().iter().filter_map(|seat| seat.task).collect()
    }

    /// The tasks that have been in the same poll since then.
    fn polling_since(&self, before: &Before) -> Vec<task::Id> {
        let lasting = |(now, then): (&AtSeat, &AtSeat)| (now == then).then_some(now.task).flatten();
        let now = self.seats();
        now.iter().zip(&before.seats).filter_map(lasting).collect()
    }

    fn seats(&self) -> Vec<AtSeat> {
        let seats = lock(&self.0.seats);
        let now = |seat: &Arc<Seat>| AtSeat {
            task: seat.polling.load(),
            polls: seat.polls.load(),
        };
        seats.iter().map(now).collect()
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

fn io_sources(runtime: &Handle) -> usize {
    let metrics = runtime.metrics();
    let sources = metrics
        .io_driver_fd_registered_count()
        .saturating_sub(metrics.io_driver_fd_deregistered_count());
    usize::try_from(sources).unwrap_or(usize::MAX)
}
