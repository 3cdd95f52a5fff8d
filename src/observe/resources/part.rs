//! What a span stands for.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock};

use crossbeam_utils::CachePadded;
use foldhash::fast::FixedState;
use tracing::span::Id;

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
    /// A call that makes a request, for a guard of this kind.
    Call(Guard),
}

impl Part {
    pub(super) fn of_task(self) -> Option<Arc<Wakers>> {
        match self {
            Self::Task(wakers) => Some(wakers),
            _ => None,
        }
    }
}

/// What each span stands for that is open, by its number. A subscriber has room for that beside each span, but takes
/// twice as long to find it.
#[derive(Default)]
pub(super) struct Parts([CachePadded<Shard>; SHARDS]);

type Shard = Mutex<HashMap<u64, Part, FixedState>>;

/// So many that threads seldom meet.
const SHARDS: usize = 32;

impl Parts {
    pub(super) fn of(&self, id: &Id) -> Option<Part> {
        lock(self.shard(id)).get(&id.into_u64()).cloned()
    }

    pub(super) fn opened(&self, id: &Id, part: Part) {
        lock(self.shard(id)).insert(id.into_u64(), part);
    }

    /// The number is given to another span after that.
    pub(super) fn closed(&self, id: &Id) {
        lock(self.shard(id)).remove(&id.into_u64());
    }

    /// By all bits of the number: what is first taken for the low ones is the same in each thread.
    fn shard(&self, id: &Id) -> &Shard {
        const GOLDEN: u64 = 0x9e37_79b9_7f4a_7c15;
        let spread = id.into_u64().wrapping_mul(GOLDEN) >> 32;
        let shard = usize::try_from(spread).unwrap_or_default();
        &self.0[shard % SHARDS]
    }
}

/// A request for permits.
pub(super) struct Request {
    pub(super) resource: Arc<Resource>,
    pub(super) guard: Guard,
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
