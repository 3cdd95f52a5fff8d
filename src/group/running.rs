//! Runs a group's body beside its children, and then waits for those.

use std::future::{Future, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll};

use tokio::time::{Instant, Sleep, sleep, sleep_until};

use super::member::Member;
use super::on_failure::OnFailure;
use super::shared::{Key, Shared, Stage};
use crate::error_group::{BoxError, ErrorGroup, Failure, Panic};

/// A group at work. Dropping it takes the children with it, even where a scope outlives it.
pub(super) struct Running {
    shared: Arc<Shared>,
    deadline: Option<Pin<Box<Sleep>>>,
    /// Runs from the first failure to the moment at which the rest is cancelled.
    grace: Option<Pin<Box<Sleep>>>,
    /// The body, as a member of the group: none once it has ended, and while it is being polled.
    body: Option<Member>,
    is_over: bool,
}

impl Running {
    pub(super) fn new(shared: Arc<Shared>, body: Key, deadline: Option<Instant>) -> Self {
        Self {
            body: Some(Member {
                shared: Arc::clone(&shared),
                key: body,
            }),
            is_over: false,
            shared,
            deadline: deadline.map(|deadline| Box::pin(sleep_until(deadline))),
            grace: None,
        }
    }

    /// Runs the body until it ends or the group is cancelled.
    pub(super) async fn body<T>(
        &mut self,
        body: impl Future<Output = Result<T, BoxError>>,
    ) -> Option<T> {
        let mut body = pin!(Some(body));
        let ended = poll_fn(|cx| {
            if self.watch(cx) >= Stage::Cancelled {
                return Poll::Ready(None);
            }
            let Some(body) = body.as_mut().as_pin_mut() else {
                return Poll::Ready(None);
            };
            let poll = || catch_unwind(AssertUnwindSafe(|| body.poll(cx)));
            match Member::enter(&mut self.body, poll) {
                Ok(Poll::Pending) => Poll::Pending,
                Ok(Poll::Ready(ended)) => Poll::Ready(Some(ended.map_err(Failure::from))),
                Err(payload) => Poll::Ready(Some(Err(Panic::new(payload).into()))),
            }
        })
        .await;
        let value = match ended {
            Some(Ok(value)) => Some(value),
            Some(Err(failure)) => {
                self.failed(failure);
                None
            }
            None => None,
        };
        let put_down = || catch_unwind(AssertUnwindSafe(|| body.set(None)));
        if let Err(payload) = Member::enter(&mut self.body, put_down) {
            self.failed(Panic::new(payload).into());
        }
        self.end_body();
        value
    }

    fn failed(&self, failure: Failure) {
        if let Some(Member { shared, key }) = &self.body {
            shared.failed(*key, None, failure);
        }
    }

    fn end_body(&mut self) {
        if let Some(Member { shared, key }) = self.body.take() {
            shared.ended(key, false);
        }
    }

    /// Waits until the last child has ended.
    pub(super) async fn drain(&mut self) {
        poll_fn(|cx| {
            if self.shared.drain(cx.waker()) {
                return Poll::Ready(());
            }
            self.watch(cx);
            Poll::Pending
        })
        .await;
        self.is_over = true;
    }

    /// Lets what is due happen. Returns how far the group has come.
    fn watch(&mut self, cx: &mut Context<'_>) -> Stage {
        let stage = self.shared.watch(cx.waker());
        if stage >= Stage::Cancelled {
            return stage;
        }
        if is_due(&mut self.deadline, cx) {
            self.shared.expired();
        }
        if let OnFailure::CancelAfter(grace) = self.shared.on_failure()
            && stage == Stage::Stopping
        {
            self.grace.get_or_insert_with(|| Box::pin(sleep(grace)));
            if is_due(&mut self.grace, cx) {
                self.shared.cancel();
            }
        }
        self.shared.stage()
    }

    pub(super) fn outcome<T>(self, value: Option<T>) -> Result<T, ErrorGroup> {
        let errors = self.shared.take_errors();
        match value {
            Some(value) if errors.failures.is_empty() => Ok(value),
            _ => Err(errors),
        }
    }
}

/// Whether the timer, if there is one, has gone off; it does so once.
fn is_due(timer: &mut Option<Pin<Box<Sleep>>>, cx: &mut Context<'_>) -> bool {
    let due = timer
        .as_mut()
        .is_some_and(|timer| timer.as_mut().poll(cx).is_ready());
    if due {
        *timer = None;
    }
    due
}

impl Drop for Running {
    fn drop(&mut self) {
        if !self.is_over {
            self.shared.abandon(Member::current());
        }
        self.end_body();
    }
}
