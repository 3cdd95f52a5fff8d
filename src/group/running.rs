//! Runs a group's body beside its children, and then waits for those.

use std::future::{Future, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

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
    pub(super) fn body<F>(&mut self, body: F) -> Body<'_, F> {
        Body {
            body: Some(body),
            running: self,
        }
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
            let Some(stage) = self.shared.drain(cx.waker()) else {
                return Poll::Ready(());
            };
            self.let_due_happen(stage, cx);
            Poll::Pending
        })
        .await;
        self.is_over = true;
    }

    /// Lets what is due happen. Returns how far the group has come.
    fn watch(&mut self, cx: &mut Context<'_>) -> Stage {
        let stage = self.shared.watch(cx.waker());
        if self.let_due_happen(stage, cx) {
            self.shared.stage()
        } else {
            stage
        }
    }

    /// Whether anything was due, in a group that has come so far.
    fn let_due_happen(&mut self, stage: Stage, cx: &mut Context<'_>) -> bool {
        if stage >= Stage::Cancelled {
            return false;
        }
        let expires = is_due(&mut self.deadline, cx);
        if expires {
            self.shared.expired();
        }
        let OnFailure::CancelAfter(grace) = self.shared.on_failure() else {
            return expires;
        };
        if stage == Stage::Stopping {
            self.grace.get_or_insert_with(|| Box::pin(sleep(grace)));
        }
        let is_over = is_due(&mut self.grace, cx);
        if is_over {
            self.shared.cancel();
        }
        expires || is_over
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
    /// The body of a group, which is polled, and dropped, as a member of it. A future by itself, as an async function
    /// would have room for the body twice.
    pub(super) struct Body<'r, F> {
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

impl<F, T> Future for Body<'_, F>
where
    F: Future<Output = Result<T, BoxError>>,
{
    type Output = Option<T>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let value = ready!(self.as_mut().run(cx));
        self.as_mut().put_down();
        self.project().running.end_body();
        Poll::Ready(value)
    }
}

impl<F> Body<'_, F> {
    /// Ready once the body has ended, or the group is cancelled.
    fn run<T>(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<T>>
    where
        F: Future<Output = Result<T, BoxError>>,
    {
        let this = self.project();
        if this.running.watch(cx) >= Stage::Cancelled {
            return Poll::Ready(None);
        }
        let Some(body) = this.body.as_pin_mut() else {
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

    /// Drops the body, unless that has been done; if it panics, so did the body.
    fn put_down(self: Pin<&mut Self>) {
        let mut this = self.project();
        if this.body.is_some()
            && let Err(panic) = this.running.as_body(|| this.body.set(None))
        {
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
