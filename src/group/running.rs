//! Runs a group's body beside its children, and then waits for those.

use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use pin_project_lite::pin_project;
use tokio::time::{Instant, Sleep, sleep, sleep_until};

use super::member::Member;
use super::on_failure::OnFailure;
use super::shared::{Drain, GROUPS, Key, Shared, Stage};
use crate::error_group::{BoxError, ErrorGroup, Failure, Panic};

pin_project! {
    /// A group at work, and what its body gave. A future by hand, as an async function has room of its own for
    /// whatever it is handed, and whoever spawns the task of the scope moves all of that, several times.
    pub(super) struct Running<F, T> {
        // Polled, and dropped, as a member of the group.
        #[pin]
        body: Option<F>,
        value: Option<T>,
        owner: Owner,
    }

    impl<F, T> PinnedDrop for Running<F, T> {
        fn drop(this: Pin<&mut Self>) {
            this.put_down();
        }
    }
}

impl<F, T> Running<F, T>
where
    F: Future<Output = Result<T, BoxError>>,
{
    pub(super) fn new(shared: Arc<Shared>, body: F) -> Self {
        Self {
            body: Some(body),
            value: None,
            owner: Owner::new(shared),
        }
    }

    /// Ready once the body has ended, or the group is cancelled.
    fn run(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let mut this = self.project();
        // Nobody can have cancelled it before its first poll. So that one is watched only if it is left pending.
        let begins = this.owner.begin();
        let is_cancelled = if begins {
            this.owner.let_due_happen(Stage::Open, cx)
        } else {
            this.owner.watch(cx) >= Stage::Cancelled
        };
        if is_cancelled {
            return Poll::Ready(());
        }
        let mut ended = None;
        let run = this.owner.as_body(|| {
            let body = this.body.as_mut().as_pin_mut();
            if let Some(Poll::Ready(result)) = body.map(|body| body.poll(cx)) {
                ended = Some(result);
                this.body.set(None);
            }
        });
        let goes_on = run.is_ok() && ended.is_none();
        if goes_on && !(begins && this.owner.watch(cx) >= Stage::Cancelled) {
            return Poll::Pending;
        }
        match ended {
            Some(Ok(value)) => *this.value = Some(value),
            Some(Err(error)) => this.owner.failed(error.into()),
            None => {}
        }
        if let Err(panic) = run {
            this.owner.failed(panic.into());
        }
        Poll::Ready(())
    }
}

impl<F, T> Running<F, T> {
    /// Drops the body, unless that has been done; if it panics, so did the body.
    fn put_down(self: Pin<&mut Self>) {
        let mut this = self.project();
        if this.body.is_some()
            && let Err(panic) = this.owner.as_body(|| this.body.set(None))
        {
            this.owner.failed(panic.into());
        }
    }
}

impl<F, T> Future for Running<F, T>
where
    F: Future<Output = Result<T, BoxError>>,
{
    type Output = Result<T, ErrorGroup>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        if self.body.is_some() {
            ready!(self.as_mut().run(cx));
            self.as_mut().put_down();
        }
        let this = self.project();
        let has_failed = ready!(this.owner.drain(cx));
        Poll::Ready(this.owner.outcome(this.value.take(), has_failed))
    }
}

/// Who runs a group. Dropping it takes the children with it, even where a scope outlives it.
struct Owner {
    shared: Arc<Shared>,
    deadline: Option<Pin<Box<Sleep>>>,
    /// Runs from the first failure to the moment at which the rest is cancelled.
    grace: Option<Pin<Box<Sleep>>>,
    /// The body, as a member of the group: none once it has ended, and while it is being polled.
    body: Option<Member>,
    step: Step,
}

#[derive(PartialEq, Eq)]
enum Step {
    Unpolled,
    Begun,
    Over,
}

impl Owner {
    fn new(shared: Arc<Shared>) -> Self {
        Self {
            body: Some(Member {
                shared: Arc::clone(&shared),
                key: Key::BODY,
            }),
            step: Step::Unpolled,
            shared,
            deadline: None,
            grace: None,
        }
    }

    /// Begins, unless that has been done: whether it does.
    fn begin(&mut self) -> bool {
        if self.step != Step::Unpolled {
            return false;
        }
        if let OnFailure::CancelAfter(grace) = self.shared.on_failure() {
            // Where there is no timer, better now than together with the first failure.
            drop(sleep(grace));
        }
        let deadline = self.shared.deadline();
        self.deadline = deadline.map(|deadline| Box::pin(sleep_until(deadline)));
        GROUPS.enter(&self.shared);
        self.step = Step::Begun;
        true
    }

    /// Runs `f` as the body of the group.
    fn as_body<R>(&mut self, f: impl FnOnce() -> R) -> Result<R, Panic> {
        let run = || catch_unwind(AssertUnwindSafe(f));
        Member::enter(&mut self.body, run).map_err(Panic::new)
    }

    /// A group within the body that was cancelled leaves it without a value, and is no failure.
    fn failed(&self, failure: Failure) {
        if let Some(Member { shared, key }) = &self.body
            && !failure.is_cancellation()
        {
            shared.failed(*key, None, failure);
        }
    }

    /// The body has ended. Ready once the last child has: whether anything has failed.
    fn drain(&mut self, cx: &mut Context<'_>) -> Poll<bool> {
        self.body = None;
        match self.shared.drain(cx.waker()) {
            Drain::Over { has_failed } => {
                self.step = Step::Over;
                Poll::Ready(has_failed)
            }
            Drain::Waits(stage) => {
                self.let_due_happen(stage, cx);
                Poll::Pending
            }
        }
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

    fn outcome<T>(&self, value: Option<T>, has_failed: bool) -> Result<T, ErrorGroup> {
        match value {
            Some(value) if !has_failed => Ok(value),
            value => {
                if let Err(payload) = catch_unwind(AssertUnwindSafe(|| drop(value))) {
                    self.shared.body_failed(Panic::new(payload).into());
                }
                Err(self.shared.take_errors())
            }
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

impl Drop for Owner {
    fn drop(&mut self) {
        if self.step != Step::Over {
            self.shared.abandon(Member::current());
        }
    }
}
