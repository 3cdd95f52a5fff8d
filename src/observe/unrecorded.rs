//! Keeps what the watching does out of the records of the program that is watched.

use std::sync::LazyLock;

use tracing::dispatcher::{self, DefaultGuard, Dispatch};
use tracing::level_filters::LevelFilter;
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};

/// Until the guard is dropped, what happens on this thread is recorded by nobody: it belongs to the
/// watching, not to the program that is watched.
///
/// ```
/// use tracing::level_filters::LevelFilter;
///
/// let _unrecorded = unstuck::observe::unrecorded();
/// // In a program without a subscriber, nothing is recorded for this one's sake either.
/// assert_eq!(LevelFilter::current(), LevelFilter::OFF);
/// ```
pub fn unrecorded() -> DefaultGuard {
    static NOBODY: LazyLock<Dispatch> = LazyLock::new(|| Dispatch::new(Nobody));
    dispatcher::set_default(&NOBODY)
}

/// Wants nothing, as `NoSubscriber` does, and says so beforehand.
///
/// `tracing` asks once whether a place in the code is wanted, and keeps the answer. As long as this is the only
/// subscriber, it must not ask at all: it would ask on behalf of the thread alone that happens to be at that place,
/// and could write down the answer after the program has set a subscriber that wants the opposite.
struct Nobody;

impl Subscriber for Nobody {
    fn max_level_hint(&self) -> Option<LevelFilter> {
        Some(LevelFilter::OFF)
    }

    fn enabled(&self, _: &Metadata<'_>) -> bool {
        false
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(u64::MAX)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, _: &Event<'_>) {}

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}
