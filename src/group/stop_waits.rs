//! How a group finds out that a task waits for it to stop, and for nothing else.
//!
//! A task can be woken only through its wakers. If its waits for the group to stop hold all of them, then
//! nothing else can wake it. To count them, a task that waits for its group to stop is polled with a waker of its
//! own from then on.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering, fence};
use std::sync::{Arc, OnceLock};
use std::task::{Wake, Waker};

/// The waits of one task for its group to stop; also the task's waker.
#[derive(Default)]
pub(super) struct StopWaits {
    task: OnceLock<Waker>,
    waits: AtomicUsize,
    /// Since the task was last polled.
    is_woken: AtomicBool,
    /// Whether the group counts the task as idle.
    is_idle: AtomicBool,
}

impl StopWaits {
    /// The waker for the next poll of the task whose own waker is `task`.
    pub(super) fn waker(self: &Arc<Self>, task: &Waker) -> Waker {
        // Tokio polls a task with the same waker each time.
        self.task.get_or_init(|| task.clone());
        self.is_woken.store(false, Ordering::Relaxed);
        Waker::from(Arc::clone(self))
    }

    /// Whether the task, which has just been polled, waits for its group to stop, and for nothing else. Its
    /// member holds one reference to this, and nothing else does but wakers and waits.
    pub(super) fn are_all(self: &Arc<Self>) -> bool {
        // Each wait has two: its own, and the waker.
        let others = Arc::strong_count(self) - 1;
        // Whoever has woken the task and is gone since is seen to have woken it.
        fence(Ordering::Acquire);
        let waits = self.waits.load(Ordering::Relaxed);
        waits > 0 && others == 2 * waits && !self.is_woken.load(Ordering::Relaxed)
    }

    /// Notes whether the task is idle. Returns whether that is new.
    pub(super) fn set_idle(&self, is_idle: bool) -> bool {
        self.is_idle.swap(is_idle, Ordering::Relaxed) != is_idle
    }
}

impl Wake for StopWaits {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.is_woken.store(true, Ordering::Relaxed);
        if let Some(task) = self.task.get() {
            task.wake_by_ref();
        }
    }
}

/// A wait of a task for its group to stop, which is woken through the waker of its [`StopWaits`].
pub(super) struct StopWait(Arc<StopWaits>);

impl StopWait {
    /// None if `waker` is another one, as within a combinator that polls its parts by their own wakers.
    pub(super) fn new(waits: &Arc<StopWaits>, waker: &Waker) -> Option<Self> {
        let is_own = Waker::from(Arc::clone(waits)).will_wake(waker);
        is_own.then(|| {
            waits.waits.fetch_add(1, Ordering::Relaxed);
            Self(Arc::clone(waits))
        })
    }
}

impl Drop for StopWait {
    fn drop(&mut self) {
        self.0.waits.fetch_sub(1, Ordering::Relaxed);
    }
}
