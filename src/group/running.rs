//! The future of a scope: runs the body, then waits for the children.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use pin_project_lite::pin_project;

use super::body::Body;
use super::owner::Owner;
use super::shared::{Shared, Stage};
use crate::error_group::{BoxError, ErrorGroup};

pin_project! {
    /// A hand-written future, as an async function stores its arguments a second time, which makes the task of the
    /// scope larger and slower to spawn.
    pub(super) struct Running<S, F, T> {
        // Polled and dropped as a member of the group.
        #[pin]
        body: Body<S, F, T>,
        owner: Owner,
    }

    impl<S, F, T> PinnedDrop for Running<S, F, T> {
        fn drop(mut this: Pin<&mut Self>) {
            this.as_mut().put_down();
            let mut this = this.project();
            if !this.body.as_mut().is_over() {
                this.owner.abandon();
            }
        }
    }
}

impl<S, F, T> Running<S, F, T>
where
    S: FnOnce() -> F,
    F: Future<Output = Result<T, BoxError>>,
{
    /// `start` is called on the first poll, as a member of the group: if it panics, so did the body.
    pub(super) fn new(shared: Arc<Shared>, start: S) -> Self {
        Self {
            body: Body::Unbegun { start },
            owner: Owner::new(shared),
        }
    }

    /// Ready once the body has ended, or the group is cancelled.
    fn run(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let mut this = self.project();
        // Nothing can have cancelled it before the first poll, so that one is followed by `watch`, if it is pending.
        let begins = this.body.as_mut().is_unbegun();
        let is_cancelled = if begins {
            !this.owner.begin()
        } else {
            this.owner.watch(cx) >= Stage::Cancelled
        };
        if is_cancelled {
            return Poll::Ready(());
        }
        let mut ended = None;
        let run = this.owner.as_body(|| {
            if let Poll::Ready(result) = this.body.as_mut().poll(cx) {
                ended = Some(result);
                this.body.as_mut().end(None);
            }
        });
        let goes_on = run.is_ok() && ended.is_none();
        if goes_on && !(begins && this.owner.watch(cx) >= Stage::Cancelled) {
            return Poll::Pending;
        }
        match ended {
            Some(Ok(value)) => this.body.end(Some(value)),
            Some(Err(error)) => this.owner.failed(error.into()),
            None => {}
        }
        if let Err(panic) = run {
            this.owner.failed(panic.into());
        }
        Poll::Ready(())
    }
}

impl<S, F, T> Running<S, F, T> {
    /// Drops the body, unless that has been done. If its destructor panics, so did the body.
    fn put_down(self: Pin<&mut Self>) {
        let mut this = self.project();
        if !this.body.as_mut().has_ended()
            && let Err(panic) = this.owner.as_body(|| this.body.end(None))
        {
            this.owner.failed(panic.into());
        }
    }
}

impl<S, F, T> Future for Running<S, F, T>
where
    S: FnOnce() -> F,
    F: Future<Output = Result<T, BoxError>>,
{
    type Output = Result<T, ErrorGroup>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let body = self.as_mut().project().body;
        if !body.has_ended() {
            ready!(self.as_mut().run(cx));
            self.as_mut().put_down();
        }
        let mut this = self.project();
        assert!(
            !this.body.as_mut().is_over(),
            "the scope of a task group was polled after completion"
        );
        let has_failed = ready!(this.owner.drain(cx));
        Poll::Ready(this.owner.outcome(this.body.take(), has_failed))
    }
}
