//! What Tokio's hooks, `tracing` records and the panic hook tell of the tasks of a runtime: where they were spawned,
//! what they are called, and how they ended.
//!
//! This module collects. What it means is for [`Outcomes`] to say.

mod hooks;
mod panics;
mod records;
mod tasks;
mod unrecorded;
mod workers;

use std::cell::RefCell;
use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use crossbeam_utils::atomic::AtomicCell;
use tokio::runtime::Handle;

use crate::group::GROUPS;
use crate::outcomes::{Outcomes, TaskId};
use crate::sync::lock;
use tasks::Tasks;

pub use panics::note_panics;
pub use records::layer;
pub use unrecorded::unrecorded;

/// Hears of the tasks of one Tokio runtime.
///
/// Made before the runtime, and [attached](Observer::attach) to its builder.
#[derive(Clone)]
pub struct Observer(Arc<Shared>);

struct Shared {
    tasks: Mutex<Tasks>,
    /// One for each thread of the runtime.
    seats: Mutex<Vec<Arc<Seat>>>,
    /// Panics of its tasks are not printed.
    keeps_panics: AtomicCell<bool>,
}

/// What one thread of the runtime is at. Only that thread writes to it.
struct Seat {
    /// Polls begun so far.
    polls: AtomicCell<u64>,
}

thread_local! {
    /// The runtime that this thread works for.
    static HERE: RefCell<Option<(Observer, Arc<Seat>)>> = const { RefCell::new(None) };
}

impl Observer {
    /// An observer that has seen nothing yet.
    #[expect(clippy::new_without_default, reason = "an observer is made on purpose")]
    pub fn new() -> Self {
        Self(Arc::new(Shared {
            tasks: Mutex::default(),
            seats: Mutex::default(),
            keeps_panics: AtomicCell::new(false),
        }))
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
            polls: AtomicCell::new(0),
        });
        lock(&self.0.seats).push(Arc::clone(&seat));
        HERE.set(Some((self.clone(), seat)));
    }

    /// How many polls have begun so far. The same number twice: no task was polled meanwhile.
    pub fn polls(&self) -> u64 {
        let seats = lock(&self.0.seats);
        seats.iter().map(|seat| seat.polls.load()).sum()
    }

    /// How the tasks did so far.
    pub fn outcomes(&self) -> Outcomes {
        let (mut tasks, unlisted) = {
            let tasks = lock(&self.0.tasks);
            (tasks.list(), tasks.unlisted())
        };
        // Where nobody records the spans that have the names, groups still know those of their children.
        let groups = GROUPS.alive();
        let names = groups.iter().flat_map(|group| group.names());
        let names: HashMap<TaskId, String> = names.map(|(id, name)| (id.into(), name)).collect();
        for task in tasks.iter_mut().filter(|task| task.name.is_none()) {
            task.name = names.get(&task.id).cloned();
        }
        Outcomes {
            tasks,
            unlisted,
            ..Outcomes::default()
        }
    }

    /// Waits until the runtime has come to rest, but not for long, and only if somebody drives it. Whether it did.
    ///
    /// A task may be awaited, and its awaiter return, before the hook has heard of its end. And one that was aborted
    /// ends in a moment.
    pub fn settle(&self, runtime: &Handle) -> bool {
        workers::is_driven_to_the_end(runtime) && workers::settle(runtime)
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

/// Leaves this thread out of what is read of the process, until it ends: it only waits for others.
pub fn mark_own_thread() {
    crate::own_threads::mark();
}
