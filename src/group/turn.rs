//! A task's turn to run, in a group that runs only so many at a time.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use tokio::sync::{AcquireError, OwnedSemaphorePermit, Semaphore};

pub(super) enum Turn {
    /// There is no limit, or this has a permit, until it is dropped.
    Now(#[expect(dead_code, reason = "it is there to be dropped")] Option<OwnedSemaphorePermit>),
    /// Waits for a permit.
    Ahead(Pin<Box<dyn Future<Output = Result<OwnedSemaphorePermit, AcquireError>> + Send>>),
}

impl Turn {
    /// A turn that is yet to come, if there is a limit.
    pub(super) fn ahead(turns: Option<&Arc<Semaphore>>) -> Self {
        match turns {
            Some(turns) => Turn::Ahead(Box::pin(Arc::clone(turns).acquire_owned())),
            None => Turn::Now(None),
        }
    }

    /// Waits for a turn.
    pub(super) async fn taken(turns: Option<&Arc<Semaphore>>) -> Self {
        match turns {
            // The semaphore is never closed.
            Some(turns) => Turn::Now(Arc::clone(turns).acquire_owned().await.ok()),
            None => Turn::Now(None),
        }
    }

    pub(super) fn is_ahead(&self) -> bool {
        matches!(self, Turn::Ahead(_))
    }

    /// Ready once the turn has come.
    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if let Turn::Ahead(coming) = self {
            *self = Turn::Now(ready!(coming.as_mut().poll(cx)).ok());
        }
        Poll::Ready(())
    }
}
