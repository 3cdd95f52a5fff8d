//! When timers are due. They tell when they are first polled, and when they are set anew.

use std::mem;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use crate::observe::{TaskId, TimerSeen};
use crate::registry::Registry;
use crate::sync::lock;

/// Every timer that is alive and has been polled.
static TIMERS: Registry<Timer> = Registry::new();

/// The task that set it, and when it is due.
#[derive(Default)]
pub(super) struct Timer(Mutex<Option<(TaskId, Instant)>>);

impl Timer {
    pub(super) fn set(self: &Arc<Self>, task: TaskId, runs_for: Duration) {
        // None for one that is never due, as good as.
        let set = Instant::now().checked_add(runs_for).map(|due| (task, due));
        if mem::replace(&mut *lock(&self.0), set).is_none() {
            TIMERS.enter(self);
        }
    }
}

/// Those that are not due yet, in order; by a clock that says `now` at this moment.
pub(in crate::observe) fn timers(now: Duration) -> Vec<TimerSeen> {
    let here = Instant::now();
    let seen = |timer: Arc<Timer>| {
        let (task, due) = (*lock(&timer.0))?;
        let due = now + due.checked_duration_since(here)?;
        Some(TimerSeen { task, due })
    };
    let mut timers: Vec<TimerSeen> = TIMERS.alive().into_iter().filter_map(seen).collect();
    timers.sort_unstable();
    timers
}
