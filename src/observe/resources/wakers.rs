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
    /// How many times its span is entered: a poll that goes on may enter it again.
    entered: usize,
    polls: u64,
    spawned: u64,
    has_ended: bool,
    /// It was polled where nobody was sure to hear of its wakers.
    is_unheard: bool,
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

    /// The task enters its span, which it does for each poll.
    pub(super) fn enters(&self) {
        let mut state = lock(&self.state);
        if state.entered == 0 {
            state.called = false;
            state.polls += 1;
        }
        state.entered += 1;
    }

    /// The task exits its span. Whether each waker that was made meanwhile was heard of.
    pub(super) fn exits(&self, is_heard: bool) {
        let mut state = lock(&self.state);
        state.is_unheard |= !is_heard;
        state.entered = state.entered.saturating_sub(1);
    }

    /// How often the task has been polled, if it is not being polled.
    pub(super) fn asleep(&self) -> Option<u64> {
        let state = lock(&self.state);
        (state.entered == 0).then_some(state.polls)
    }

    /// The same, if besides that this `number` is all the wakers that it has, and none has been called.
    pub(super) fn asleep_with(&self, number: usize) -> Option<u64> {
        let state = lock(&self.state);
        let all = usize::try_from(state.alive).is_ok_and(|alive| alive == number);
        (state.entered == 0 && all && !state.called).then_some(state.polls)
    }

    /// Whether the task was polled, sleeps, and can't be woken: there is no waker of it, and more are only made from
    /// one that there is, or by a poll.
    pub(super) fn are_lost(&self) -> bool {
        let state = lock(&self.state);
        state.entered == 0
            && state.polls > 0
            && state.alive == 0
            && !state.called
            && !state.has_ended
            && !state.is_unheard
    }

    /// The task spawns another one.
    pub(super) fn spawns(&self) {
        lock(&self.state).spawned += 1;
    }

    /// How many tasks it has spawned.
    pub(super) fn spawned(&self) -> u64 {
        lock(&self.state).spawned
    }

    /// The task has ended. Whether somebody still has a waker of it.
    pub(super) fn task_ends(&self) -> bool {
        let mut state = lock(&self.state);
        state.has_ended = true;
        state.alive > 0
    }

    /// Whether the task has ended, and nobody has a waker of it any more.
    pub(super) fn are_gone(&self) -> bool {
        let state = lock(&self.state);
        state.has_ended && state.alive <= 0
    }

    /// From now on it is not known how many there are: somebody may have some that look like these.
    pub(super) fn can_be_mistaken(&self) {
        lock(&self.state).alive = i64::MAX / 2;
    }
}
