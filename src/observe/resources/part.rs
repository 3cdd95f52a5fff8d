//! What a span stands for.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};

use tracing::Subscriber;
use tracing::span::Id;
use tracing_subscriber::layer::Context;
use tracing_subscriber::registry::LookupSpan;

use super::Resource;
use super::ledger::{Guard, Ledger};
use super::timer::Timer;
use super::wakers::Wakers;
use crate::sync::lock;

/// What a span stands for.
#[derive(Clone)]
pub(super) enum Part {
    Task(Arc<Wakers>),
    Resource(Arc<Resource>),
    Timer(Arc<Timer>),
    /// A request for permits of the semaphore inside.
    Request(Arc<Request>),
    /// The call that makes the request, for a guard of this kind.
    Call(Arc<Resource>, Guard),
}

impl Part {
    pub(super) fn of<S>(id: &Id, context: &Context<'_, S>) -> Option<Self>
    where
        S: Subscriber + for<'a> LookupSpan<'a>,
    {
        context.span(id)?.extensions().get::<Self>().cloned()
    }

    pub(super) fn of_task(self) -> Option<Arc<Wakers>> {
        match self {
            Self::Task(wakers) => Some(wakers),
            _ => None,
        }
    }
}

/// A request for permits.
pub(super) struct Request {
    pub(super) resource: Arc<Resource>,
    /// Its place in the queue, once it has been polled.
    pub(super) place: OnceLock<u64>,
    pub(super) wants: AtomicUsize,
}

impl Request {
    pub(super) fn wants(&self) -> usize {
        self.wants.load(Ordering::Relaxed)
    }

    pub(super) fn ledger<R>(&self, f: impl FnOnce(&mut Ledger) -> R) -> R {
        f(&mut lock(&self.resource.ledger))
    }

    /// The same, if it has a place there.
    pub(super) fn queued(&self, f: impl FnOnce(&mut Ledger, u64)) {
        if let Some(place) = self.place.get() {
            self.ledger(|ledger| f(ledger, *place));
        }
    }
}
