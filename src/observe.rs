//! Observations: what is known about a running program.
//!
//! Cheapest first: hooks of the runtime tell the life and the polls of every task, `records` and `panics` tell how
//! tasks failed, the primitives of this crate tell what they are waiting for; a reading of all tasks from memory and
//! the list of `threads` are taken only once the program has gone quiet.
//!
//! This module collects. What it means is for [`diagnosis`](crate::diagnosis) to say.

mod hooks;
mod last_polls;
mod outside;
mod panics;
mod polls;
mod pulse;
mod reading;
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

use std::borrow::Cow;
use std::cell::RefCell;
use std::collections::HashSet;
use std::future;
use std::io;
use std::sync::{Arc, Mutex};
use std::task::Poll;
use std::thread::{self, ThreadId};
use std::time::Duration;

use crossbeam_utils::atomic::AtomicCell;
use tokio::runtime::Handle;
use tokio::task::{self, JoinHandle};

use crate::sync::lock;
use last_polls::LastPolls;
use reading::Reading;
use tasks::Tasks;

pub use outside::Outside;
pub use panics::note_panics;
pub use pulse::Pulse;
pub use reading::{is_prepared, prepare, wait_until_prepared};
pub use records::layer;
pub use resource::{HolderSeen, ResourceKind, ResourceSeen, WaiterSeen};
pub use resources::resource_layer;
#[cfg(all(unix, feature = "guard"))]
pub(crate) use signals::leave_out_signal;
pub use snapshot::{
    Doing, End, EventSeen, GroupSeen, Leaf, LeafKind, PollSeen, Snapshot, TaskId, TaskSeen,
    TaskState, TimerSeen, Unlisted, WaitSeen,
};
use threads::Threads;
use workers::is_driven_to_the_end;

pub use threads::mark_own_thread;
#[cfg(feature = "guard")]
pub(crate) use threads::start as start_watching;
pub use timers::Timers;
pub use unrecorded::unrecorded;

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
        }))
    }

    /// Starts the main task, under that name. To be called once the runtime is built, before anything else runs
    /// on it.
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
        let main = async {
            // So that it is known early on whether wakers are recorded.
            future::poll_fn(|cx| {
                drop(cx.waker().clone());
                Poll::Ready(())
            })
            .await;
            main.await
        };
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
        threads::mark();
        lock(&self.0.seats).push(Arc::clone(&seat));
        HERE.set(Some((self.clone(), seat)));
    }

    /// The time since the observer was made: [`Snapshot::at`] is by this clock, which moves every few milliseconds.
    pub fn clock(&self) -> Duration {
        self.0.last_polls.now()
    }

    /// Looks back at a program that has ended: how its tasks did, and what those are at that it left
    /// behind. Calls `cut_off` once that is known, and before it takes the time to put it into words.
    pub fn look_back(&self, runtime: &Handle, cut_off: impl FnOnce()) -> Snapshot {
        const A_WHILE: Duration = Duration::from_secs(2);
        // A task may be awaited, and its awaiter return, before the hook has heard of its end. And one
        // that was aborted ends in a moment.
        let at_rest = is_driven_to_the_end(runtime) && self.settle(runtime);
        let left_behind = lock(&self.0.tasks).has_own_alive();
        let reading = (at_rest && left_behind).then(|| {
            reading::prepare();
            reading::wait_until_prepared(A_WHILE);
            reading::read(runtime)
        });
        let snapshot = self.snapshot(reading.as_ref(), &self.polling(), at_rest, Vec::new());
        cut_off();
        snapshot
    }

    /// Looks at how its tasks did so far, and not at where they are parked.
    pub fn look_at_tasks(&self) -> Snapshot {
        self.snapshot(None, &self.polling(), false, Vec::new())
    }

    /// Looks at everything, and disturbs nothing. `since` is what the workers and the threads outside were at a while
    /// ago.
    pub fn look(&self, runtime: &Handle, since: &Before) -> Snapshot {
        // First, as whatever wakes a task in the meantime may be gone afterwards.
        let outside = self.outside(runtime, since);
        let (resources, unwakeable) = (resources::seen(), self.unwakeable());
        let polling = self.polling_since(since);
        let at_rest = self.is_idle(runtime);
        let reading = reading::read(runtime);
        let mut snapshot = self.snapshot(Some(&reading), &polling, at_rest, resources);
        snapshot.unwakeable = unwakeable;
        if !resources::are_recorded() && snapshot.waits_for_locks() {
            snapshot.blind.push(resources::UNRECORDED.into());
        }
        if !polling.is_empty() {
            snapshot.polls = self.polls();
            snapshot.queued = workers::queued(runtime).saturating_sub(snapshot.library_unpolled());
        }
        if !outside.threads_seen {
            snapshot.blind.push(threads::UNSEEN.into());
        }
        snapshot.outside = outside;
        snapshot
    }

    /// The tasks, with what the primitives of this crate know, and where they are parked, if that was read.
    fn snapshot(
        &self,
        reading: Option<&Result<Reading, Cow<'static, str>>>,
        polling: &[task::Id],
        at_rest: bool,
        resources: Vec<ResourceSeen>,
    ) -> Snapshot {
        let at = self.clock();
        let (mut tasks, unlisted) = {
            let tasks = lock(&self.0.tasks);
            (tasks.seen(polling, &self.0.last_polls), tasks.unlisted())
        };
        let blind: Option<Cow<'static, str>> = match reading {
            Some(Ok(reading)) => reading.enter(&mut tasks).map(Cow::Borrowed),
            Some(Err(unread)) => Some(unread.clone()),
            None => None,
        };
        let (events, groups) = resources::own_waits();
        let mut snapshot = Snapshot {
            tasks,
            unlisted,
            unpolled: self.unpolled(),
            events,
            groups,
            resources,
            is_read: reading.is_some() && blind.is_none(),
            at_rest,
            timers: resources::are_recorded().then(|| resources::timers(at)),
            at,
            blind: blind.into_iter().collect(),
            ..Snapshot::default()
        };
        snapshot.keep_what_belongs_to_its_tasks();
        snapshot.name_children();
        snapshot
    }

    /// The tasks that nothing can wake any more, where wakers are recorded.
    fn unwakeable(&self) -> HashSet<TaskId> {
        lock(&self.0.tasks).own(resources::unwakeable())
    }

    /// Looks again at what lies outside the tasks, and is cheap to look at. To be done after each look: only then it is
    /// known that nothing woke a task unnoticed.
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
