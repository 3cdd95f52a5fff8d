//! The wakers of one task: how many there are, and whether one has been called.

use std::sync::Mutex;

use crate::observe::TaskId;
use crate::sync::lock;

pub(super) struct Wakers {
    pub(super) task: TaskId,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// How many there are. Below zero only if some were made before anybody recorded it.
    alive: i64,
    /// Whether one was called since the task's last poll began.
    called: bool,
    is_polled: bool,
    polls: u64,
}

impl Wakers {
    pub(super) fn of(task: TaskId) -> Self {
        Self {
            task,
            state: Mutex::default(),
        }
    }

    pub(super) fn made(&self) {
        lock(&self.state).alive += 1;
    }

    pub(super) fn dropped(&self) {
        lock(&self.state).alive -= 1;
    }

    pub(super) fn called(&self, is_consumed: bool) {
        let mut state = lock(&self.state);
        state.called = true;
        state.alive -= i64::from(is_consumed);
    }

    pub(super) fn poll_begins(&self) {
        let mut state = lock(&self.state);
        state.called = false;
        state.is_polled = true;
        state.polls += 1;
    }

    pub(super) fn poll_ends(&self) {
        lock(&self.state).is_polled = false;
    }

    /// How often the task was polled.
    pub(super) fn polls(&self) -> u64 {
        lock(&self.state).polls
    }

    /// Whether the task sleeps, and `number` are all the wakers that it has.
    pub(super) fn are_at_rest(&self, number: usize) -> bool {
        let state = lock(&self.state);
        let all = usize::try_from(state.alive).is_ok_and(|alive| alive == number);
        all && !state.called && !state.is_polled
    }
}
