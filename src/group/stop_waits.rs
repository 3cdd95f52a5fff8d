//! How a group finds out that a task waits for it to stop, and for nothing else.
//!
//! A task can be woken only through its wakers. If its waits for the group to stop hold all of them, nothing else can
//! wake it. To count them, a task that has waited for its group to stop is polled with a new waker for each poll. The
//! waker of an earlier poll may live on for a moment after it has woken the task. Then the task is checked again when
//! that waker is dropped.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering, fence};
use std::sync::{Arc, OnceLock, Weak};
use std::task::{Wake, Waker};

use crate::sync::{Mutex, lock};

/// The waits of one task for its group to stop.
#[derive(Default)]
pub(super) struct StopWaits {
    task: OnceLock<Waker>,
    /// The waker of the last poll.
    last: Mutex<Weak<PollWaker>>,
    /// How many polls have a waker that has not been dropped.
    polls: AtomicUsize,
    /// Whether the task is to be polled again when the waker of a poll is gone.
    is_watched: AtomicBool,
    /// Whether the task has been woken since its last poll.
    is_woken: AtomicBool,
    /// Whether the group counts the task as idle.
    is_idle: AtomicBool,
}

/// The waker of one poll of a task.
struct PollWaker {
    waits: Arc<StopWaits>,
    /// How many waits for the group to stop hold it.
    held: AtomicUsize,
}

impl StopWaits {
    /// The waker for the next poll of the task whose own waker is `task`.
    pub(super) fn waker(self: &Arc<Self>, task: &Waker) -> Waker {
        // Tokio polls a task with the same waker each time.
        self.task.get_or_init(|| task.clone());
        self.is_woken.store(false, Ordering::Relaxed);
        self.is_watched.store(false, Ordering::SeqCst);
        self.polls.fetch_add(1, Ordering::SeqCst);
        let waker = Arc::new(PollWaker {
            waits: Arc::clone(self),
            held: AtomicUsize::new(0),
        });
        *lock(&self.last) = Arc::downgrade(&waker);
        Waker::from(waker)
    }

    fn last(&self) -> Option<Arc<PollWaker>> {
        lock(&self.last).upgrade()
    }

    /// Whether the task, which has just been polled, waits for its group to stop, and for nothing else.
    pub(super) fn are_all(&self) -> bool {
        let Some(last) = self.last() else {
            return false;
        };
        // Each wait has two: its own, and the waker.
        let others = Arc::strong_count(&last) - 1;
        // A waker that has woken the task and been dropped since is seen to have woken it.
        fence(Ordering::Acquire);
        let waits = last.held.load(Ordering::Relaxed);
        if waits == 0 || others != 2 * waits {
            return false;
        }
        // Before the count is read, so that a waker of an earlier poll that is dropped now is not missed.
        self.is_watched.store(true, Ordering::SeqCst);
        self.polls.load(Ordering::SeqCst) == 1 && !self.is_woken.load(Ordering::Relaxed)
    }

    /// Records whether the task is idle. Returns whether that has changed.
    pub(super) fn set_idle(&self, is_idle: bool) -> bool {
        self.is_idle.swap(is_idle, Ordering::Relaxed) != is_idle
    }
}

impl Wake for PollWaker {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.waits.is_woken.store(true, Ordering::Relaxed);
        if let Some(task) = self.waits.task.get() {
            task.wake_by_ref();
        }
    }
}

impl Drop for PollWaker {
    fn drop(&mut self) {
        self.waits.polls.fetch_sub(1, Ordering::SeqCst);
        if self.waits.is_watched.swap(false, Ordering::SeqCst)
            && let Some(task) = self.waits.task.get()
        {
            task.wake_by_ref();
        }
    }
}

/// A wait of a task for its group to stop, which is woken through the waker of its last poll.
pub(super) struct StopWait(Arc<PollWaker>);

impl StopWait {
    /// None if `waker` is another one, as within a combinator that polls its parts with wakers of its own.
    pub(super) fn new(waits: &StopWaits, waker: &Waker) -> Option<Self> {
        let last = waits.last()?;
        let is_own = Waker::from(Arc::clone(&last)).will_wake(waker);
        is_own.then(|| {
            last.held.fetch_add(1, Ordering::Relaxed);
            Self(last)
        })
    }
}

impl Drop for StopWait {
    fn drop(&mut self) {
        self.0.held.fetch_sub(1, Ordering::Relaxed);
    }
}
