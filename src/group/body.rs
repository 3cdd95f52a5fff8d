//! The body of a group: a closure, then its future, then its value.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use pin_project_lite::pin_project;

pin_project! {
    /// A body, in the states that it goes through.
    #[project = Current]
    #[project_replace = Former]
    pub(super) enum Body<S, F, T> {
        Unbegun {
            start: S,
        },
        Begun {
            #[pin]
            future: F,
        },
        // Without a value if it failed or was cancelled. Its group may still wait for children.
        Ended {
            value: Option<T>,
        },
        Over,
    }
}

impl<S, F, T> Body<S, F, T>
where
    S: FnOnce() -> F,
{
    /// Calls the closure on the first poll, and polls its future. A body that has ended is pending.
    #[inline]
    pub(super) fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output>
    where
        F: Future,
    {
        let ended = Body::Ended { value: None };
        if self.as_mut().is_unbegun()
            && let Former::Unbegun { start } = self.as_mut().project_replace(ended)
        {
            self.set(Body::Begun { future: start() });
        }
        match self.project() {
            Current::Begun { future } => future.poll(cx),
            _ => Poll::Pending,
        }
    }
}

/// By `Pin<&mut Self>`, as a future that has begun may refer to itself, and then no `&` to it may exist.
impl<S, F, T> Body<S, F, T> {
    pub(super) fn is_unbegun(self: Pin<&mut Self>) -> bool {
        matches!(self.project(), Current::Unbegun { .. })
    }

    pub(super) fn has_ended(self: Pin<&mut Self>) -> bool {
        matches!(self.project(), Current::Ended { .. } | Current::Over)
    }

    pub(super) fn is_over(self: Pin<&mut Self>) -> bool {
        matches!(self.project(), Current::Over)
    }

    /// Drops the closure or the future, and stores the value.
    pub(super) fn end(mut self: Pin<&mut Self>, value: Option<T>) {
        self.set(Body::Ended { value });
    }

    /// Takes the value, as the group is over.
    pub(super) fn take(self: Pin<&mut Self>) -> Option<T> {
        match self.project_replace(Body::Over) {
            Former::Ended { value } => value,
            _ => None,
        }
    }
}
