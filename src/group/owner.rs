//! Who runs a group: leads it from stage to stage, and says what has come of it.

use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use tokio::time::{Instant, Sleep, sleep, sleep_until};

use super::member::Member;
use super::on_failure::OnFailure;
use super::shared::{Drain, GROUPS, Key, Shared, Stage};
use crate::error_group::{ErrorGroup, Failure, Panic};

pub(super) struct Owner {
    body: Member,
    /// Goes off when the group is to be cancelled: at its deadline, or at the end of the grace after its first
    /// failure, if that comes before.
    alarm: Option<Pin<Box<Sleep>>>,
}

impl Owner {
    pub(super) fn new(shared: Arc<Shared>) -> Self {
        Self {
            body: Member::new(shared, Key::BODY),
            alarm: None,
        }
    }

    fn shared(&self) -> &Arc<Shared> {
        &self.body.shared
    }

    pub(super) fn begin(&mut self) {
        if let OnFailure::CancelAfter(grace) = self.shared().on_failure() {
            // Where there is no timer, better now than together with the first failure.
            drop(sleep(grace));
        }
        let deadline = self.shared().deadline();
        self.alarm = deadline.map(|deadline| Box::pin(sleep_until(deadline)));
        if let Some(member) = Member::current() {
            self.shared().begin_within(&member.shared);
        }
        GROUPS.enter_if_observed(self.shared());
    }

    /// Runs `f` as the body of the group.
    pub(super) fn as_body<R>(&self, f: impl FnOnce() -> R) -> Result<R, Panic> {
        let run = || catch_unwind(AssertUnwindSafe(f));
        self.body.enter(run).map_err(Panic::new)
    }

    /// The body has failed, unless its error only passes a cancellation on. Then it just has no value.
    pub(super) fn failed(&self, failure: Failure) {
        if !failure.is_cancellation(|id| self.shared().is_within(id)) {
            self.shared().failed(self.body.key, None, failure);
        }
    }

    /// The body has ended. Ready once the last child has: whether anything has failed.
    pub(super) fn drain(&mut self, cx: &mut Context<'_>) -> Poll<bool> {
        match self.shared().drain(cx.waker()) {
            Drain::Over { has_failed } => Poll::Ready(has_failed),
            Drain::Waits(stage) => {
                self.expire(stage, cx);
                Poll::Pending
            }
        }
    }

    /// Cancels the group if it is time to. Returns how far the group has come.
    pub(super) fn watch(&mut self, cx: &mut Context<'_>) -> Stage {
        let stage = self.shared().watch(cx.waker());
        if self.expire(stage, cx) {
            Stage::Cancelled
        } else {
            stage
        }
    }

    /// Cancels the group, which has come so far, if it is time to. Returns whether it was.
    pub(super) fn expire(&mut self, stage: Stage, cx: &mut Context<'_>) -> bool {
        if stage == Stage::Stopping {
            self.set_grace();
        }
        let is_due =
            stage < Stage::Cancelled && self.alarm.as_mut().is_some_and(|alarm| is_due(alarm, cx));
        if is_due {
            let at = self.alarm.take().map(|alarm| alarm.deadline());
            if at == self.shared().deadline() {
                self.shared().expired();
            } else {
                self.shared().cancel();
            }
        }
        is_due
    }

    /// Brings the alarm forward to the end of the grace, unless that has been done, or the deadline comes first.
    fn set_grace(&mut self) {
        let deadline = self.shared().deadline();
        let alarm = self.alarm.as_ref().map(|alarm| alarm.deadline());
        if alarm != deadline {
            return;
        }
        let OnFailure::CancelAfter(grace) = self.shared().on_failure() else {
            return;
        };
        let Some(end) = Instant::now().checked_add(grace) else {
            return;
        };
        if deadline.is_none_or(|deadline| end < deadline) {
            self.alarm = Some(Box::pin(sleep_until(end)));
        }
    }

    pub(super) fn outcome<T>(&self, value: Option<T>, has_failed: bool) -> Result<T, ErrorGroup> {
        match value {
            Some(value) if !has_failed => Ok(value),
            value => {
                if let Err(payload) = catch_unwind(AssertUnwindSafe(|| drop(value))) {
                    self.shared().body_failed(Panic::new(payload).into());
                }
                Err(self.shared().take_errors())
            }
        }
    }

    /// The scope is gone before its end.
    pub(super) fn abandon(&self) {
        self.shared().abandon(Member::current());
    }
}

/// Whether it has gone off.
fn is_due(alarm: &mut Pin<Box<Sleep>>, cx: &mut Context<'_>) -> bool {
    // It goes off up to a millisecond late, which is too late for what is due at once.
    alarm.deadline() <= Instant::now() || alarm.as_mut().poll(cx).is_ready()
}
