//! The polls of tasks: in which one something was heard of a task.
//!
//! An error or a panic is how a task ended only if the poll in which it was heard is the last one. So each poll looks
//! whether something was heard in an earlier one, which the task then got over. No hook is needed for the end of a
//! task: what is left of a task that is not alive is how it ended.

use std::cell::Cell;
use std::hash::{Hash as _, Hasher};
use std::panic::Location;
use std::sync::atomic::{AtomicBool, Ordering};

use crossbeam_utils::atomic::AtomicCell;
use tokio::task;

/// The poll that goes on, or the last one on this thread.
#[derive(Clone, Copy)]
pub(super) struct Poll {
    pub(super) task: task::Id,
    pub(super) spawned_at: &'static Location<'static>,
    pub(super) heard: Heard,
}

/// What was heard last in a poll.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Heard {
    Nothing,
    Error,
    /// Which the task may have caught.
    Panic,
    /// Whatever its group says, which knows. A destructor may panic after an error: the first word counts.
    FromGroup,
}

thread_local! {
    // Without a destructor it is there for every hook, and costs an instruction or two.
    static POLL: Cell<Option<Poll>> = const { Cell::new(None) };
}

impl Poll {
    /// To be called before each poll.
    #[inline]
    pub(super) fn begin(task: task::Id, spawned_at: &'static Location<'static>) {
        POLL.set(Some(Self {
            task,
            spawned_at,
            heard: Heard::Nothing,
        }));
    }

    /// The poll of this task on this thread. `None` for a task that no hook tells of, as one of `spawn_blocking`.
    pub(super) fn of(task: task::Id) -> Option<Self> {
        POLL.get().filter(|poll| poll.task == task)
    }

    /// The one on this thread, if a panic was heard in it.
    pub(super) fn panicked() -> Option<Self> {
        POLL.get().filter(|poll| poll.heard == Heard::Panic)
    }

    /// Notes what was heard in it.
    pub(super) fn note(self, heard: Heard) {
        POLL.set(Some(Self { heard, ..self }));
    }
}

/// The tasks of which something was heard in their last poll.
///
/// Each has a place by its number, and looks there before each poll. Of two that share one, the older is lost, and
/// counts as ended unless it is alive: it was not polled while thousands of others were spawned.
pub(super) struct Suspects {
    places: Box<[AtomicCell<Option<task::Id>>]>,
}

/// Whether there ever was one, of any observer. Mostly nothing is heard of any task. It is static so that a poll finds
/// it without following the pointer to its observer.
static ARE_ANY: AtomicBool = AtomicBool::new(false);

const PLACES: usize = 1 << 14;

impl Suspects {
    pub(super) fn new() -> Self {
        Self {
            places: (0..PLACES).map(|_| AtomicCell::new(None)).collect(),
        }
    }

    pub(super) fn enter(&self, task: task::Id) {
        self.place(task).store(Some(task));
        ARE_ANY.store(true, Ordering::Release);
    }

    #[inline]
    pub(super) fn contain(&self, task: task::Id) -> bool {
        ARE_ANY.load(Ordering::Acquire) && self.place(task).load() == Some(task)
    }

    pub(super) fn remove(&self, task: task::Id) {
        let _ = self.place(task).compare_exchange(Some(task), None);
    }

    #[inline]
    fn place(&self, task: task::Id) -> &AtomicCell<Option<task::Id>> {
        let mut number = Number(0);
        task.hash(&mut number);
        let place = usize::try_from(number.0 % PLACES as u64).unwrap_or_default();
        &self.places[place]
    }
}

/// A hash that is the number itself: Tokio counts tasks, so those that follow one another have places side by side.
struct Number(u64);

impl Hasher for Number {
    #[inline]
    fn write_u64(&mut self, number: u64) {
        self.0 = number;
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = self.0.wrapping_mul(31).wrapping_add(u64::from(*byte));
        }
    }

    fn finish(&self) -> u64 {
        self.0
    }
}
