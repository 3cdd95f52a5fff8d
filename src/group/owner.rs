//! The part of a scope that polls no user code: it keeps the timers, waits for the children and takes the errors.

use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::time::{Instant, Sleep, sleep, sleep_until};

use super::member::Member;
use super::policy::Policy;
use super::shared::{Drain, GROUPS, Key, Nested, Progress, Shared, Stage};
use crate::error_group::{ErrorGroup, Failure, Panic};

/// Drives a group from stage to stage.
pub(super) struct Owner {
    body: Member,
    /// The entry in the group that it began in, if there is one.
    nested: Option<Nested>,
    /// When the grace period began.
    grace_began: Option<Instant>,
    /// The timer for the deadline or the end of the grace period, whichever is earlier.
    alarm: Option<Pin<Box<Sleep>>>,
}

impl Owner {
    pub(super) fn new(shared: Arc<Shared>) -> Self {
        Self {
            body: Member::new(shared, Key::BODY),
            nested: None,
            grace_began: None,
            alarm: None,
        }
    }

    fn shared(&self) -> &Arc<Shared> {
        &self.body.shared
    }

    /// Returns whether the body may begin: the deadline has not passed.
    pub(super) fn begin(&mut self) -> bool {
        let Policy {
            grace, deadline, ..
        } = self.shared().policy();
        if grace.is_some() || deadline.is_some() {
            // Panics if the runtime has no timer: now, rather than when the timer is needed.
            drop(sleep(Duration::ZERO));
        }
        if let Some(member) = Member::current() {
            self.nested = Some(self.shared().begin_within(&member.shared));
        }
        GROUPS.enter_if_observed(self.shared());
        let Some(deadline) = deadline else {
            return true;
        };
        let now = Instant::now();
        if now < deadline.at {
            return true;
        }
        self.shared().expire(now);
        // Without a grace period, as nothing has begun.
        self.shared().abort();
        false
    }

    /// Runs `f` as the body of the group.
    pub(super) fn as_body<R>(&self, f: impl FnOnce() -> R) -> Result<R, Panic> {
        let run = || catch_unwind(AssertUnwindSafe(f));
        self.body.enter(run).map_err(Panic::new)
    }

    /// Reports that the body has failed, unless its error only passes a cancellation on.
    pub(super) fn failed(&self, failure: Failure) {
        if !failure.is_cancellation(|id| self.shared().is_within(id)) {
            self.shared().failed(self.body.key, None, failure);
        }
    }

    /// To be called once the body has ended. Ready when the last child has: whether anything has failed.
    pub(super) fn drain(&mut self, cx: &mut Context<'_>) -> Poll<bool> {
        match self.shared().drain(cx.waker()) {
            Drain::Over { has_failed } => Poll::Ready(has_failed),
            Drain::Waits(progress) => {
                self.keep_time(progress, cx);
                Poll::Pending
            }
        }
    }

    /// Cancels the group if it is time to. Returns its stage.
    pub(super) fn watch(&mut self, cx: &mut Context<'_>) -> Stage {
        let progress = self.shared().watch(cx.waker());
        self.keep_time(progress, cx)
    }

    /// Handles a deadline or grace period that has passed, and sets the alarm for the next one. Returns the stage of
    /// the group after that.
    fn keep_time(&mut self, progress: Progress, cx: &mut Context<'_>) -> Stage {
        let Progress {
            mut stage,
            mut deadline,
        } = progress;
        loop {
            let grace = self.shared().policy().grace;
            let grace = grace.filter(|_| stage == Stage::Stopping);
            if stage >= Stage::Cancelled || deadline.is_none() && grace.is_none() {
                self.alarm = None;
                return stage;
            }
            let now = Instant::now();
            if deadline.take_if(|deadline| *deadline <= now).is_some() {
                stage = self.shared().expire(now);
                continue;
            }
            // None if that is further away than a clock can say: it never ends.
            let end =
                grace.and_then(|grace| self.grace_began.get_or_insert(now).checked_add(grace));
            if end.is_some_and(|end| end <= now) {
                self.shared().abort();
                return Stage::Cancelled;
            }
            let Some(next) = deadline.into_iter().chain(end).min() else {
                return stage;
            };
            let alarm = self
                .alarm
                .get_or_insert_with(|| Box::pin(sleep_until(next)));
            if alarm.deadline() != next {
                alarm.as_mut().reset(next);
            }
            if alarm.as_mut().poll(cx).is_pending() {
                return stage;
            }
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

    /// The scope is dropped before its end.
    pub(super) fn abandon(&self) {
        self.shared().abandon(Member::current());
    }
}
