//! Runs a group's body beside its children, and then waits for those.

use std::future::{Future, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll};

use tokio::time::{Instant, Sleep, sleep, sleep_until};

use pin_project_lite::pin_project;

use super::member::Member;
use super::on_failure::OnFailure;
use super::shared::{Ended, Key, Shared, Stage};
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
        if let OnFailure::CancelAfter(grace) = shared.on_failure() {
            // Where there is no timer, better now than together with the first failure.
            drop(sleep(grace));
        }
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
        let mut body = pin!(Body {
            body: Some(body),
            running: self,
        });
        let value = poll_fn(|cx| body.as_mut().poll(cx)).await;
        body.as_mut().put_down();
        body.project().running.end_body();
        value
    }

    /// Runs `f` as the body of the group.
    fn as_body<R>(&mut self, f: impl FnOnce() -> R) -> Result<R, Panic> {
        let run = || catch_unwind(AssertUnwindSafe(f));
        Member::enter(&mut self.body, run).map_err(Panic::new)
    }

    fn failed(&self, failure: Failure) {
        if let Some(Member { shared, key }) = &self.body {
            shared.failed(*key, None, failure);
        }
    }

    fn end_body(&mut self) {
        if let Some(Member { shared, key }) = self.body.take() {
            shared.ended(key, Ended::Well);
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
        match value {
            Some(value) if !self.shared.has_failed() => Ok(value),
            value => {
                if let Err(payload) = catch_unwind(AssertUnwindSafe(|| drop(value))) {
                    self.shared.body_failed(Panic::new(payload).into());
                }
                Err(self.shared.take_errors())
            }
        }
    }
}

pin_project! {
    /// The body of a group, which is polled, and dropped, as a member of it.
    struct Body<'r, F> {
        #[pin]
        body: Option<F>,
        running: &'r mut Running,
    }

    impl<F> PinnedDrop for Body<'_, F> {
        fn drop(this: Pin<&mut Self>) {
            this.put_down();
        }
    }
}

impl<F> Body<'_, F> {
    /// Ready once the body has ended, or the group is cancelled.
    fn poll<T>(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<T>>
    where
        F: Future<Output = Result<T, BoxError>>,
    {
        let mut this = self.project();
        if this.running.watch(cx) >= Stage::Cancelled {
            return Poll::Ready(None);
        }
        let Some(body) = this.body.as_mut().as_pin_mut() else {
            return Poll::Ready(None);
        };
        let failure = match this.running.as_body(|| body.poll(cx)) {
            Ok(Poll::Pending) => return Poll::Pending,
            Ok(Poll::Ready(Ok(value))) => return Poll::Ready(Some(value)),
            Ok(Poll::Ready(Err(error))) => Failure::from(error),
            Err(panic) => panic.into(),
        };
        // A group within it was cancelled, which leaves it without a value.
        if !failure.is_cancellation() {
            this.running.failed(failure);
        }
        Poll::Ready(None)
    }

    /// Drops the body; if that panics, so did the body.
    fn put_down(self: Pin<&mut Self>) {
        let mut this = self.project();
        if let Err(panic) = this.running.as_body(|| this.body.set(None)) {
            this.running.failed(panic.into());
        }
    }
}

/// Whether the timer, if there is one, has gone off; it does so once.
fn is_due(timer: &mut Option<Pin<Box<Sleep>>>, cx: &mut Context<'_>) -> bool {
    // It goes off up to a millisecond late, which is too late for what is due at once.
    let is_due = |timer: &mut Pin<Box<Sleep>>| {
        timer.deadline() <= Instant::now() || timer.as_mut().poll(cx).is_ready()
    };
    let due = timer.as_mut().is_some_and(is_due);
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
