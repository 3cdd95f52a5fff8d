//! What is alive: task groups, which know the names of their children, and guards, which a signal asks for a report.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, Weak};

use crate::sync::lock;

/// Weak references to every living `T`.
///
/// Entering costs one lock and a push; nothing is done on leaving. The dead are swept out whenever
/// the list has doubled since the last sweep, so it stays proportional to the living.
pub(crate) struct Registry<T>(Mutex<Entries<T>>);

struct Entries<T> {
    list: Vec<Weak<T>>,
    sweep_at: usize,
}

const FIRST_SWEEP: usize = 64;

/// Whether any runtime of this process is observed, or was.
static IS_OBSERVED: AtomicBool = AtomicBool::new(false);

/// From now on somebody may ask for what is alive.
#[cfg(all(tokio_unstable, feature = "guard"))]
pub(crate) fn note_observer() {
    IS_OBSERVED.store(true, Ordering::Relaxed);
}

impl<T> Registry<T> {
    pub(crate) const fn new() -> Self {
        Self(Mutex::new(Entries {
            list: Vec::new(),
            sweep_at: FIRST_SWEEP,
        }))
    }

    /// For what matters only if it begins on a runtime that is observed: nothing else is entered.
    pub(crate) fn enter_if_observed(&self, item: &Arc<T>) {
        if IS_OBSERVED.load(Ordering::Relaxed) {
            self.enter(item);
        }
    }

    pub(crate) fn enter(&self, item: &Arc<T>) {
        let mut entries = lock(&self.0);
        // What comes last mostly ends first, and its memory is best freed while it is warm.
        while entries
            .list
            .pop_if(|weak| weak.strong_count() == 0)
            .is_some()
        {}
        if entries.list.len() >= entries.sweep_at {
            entries.list.retain(|weak| weak.strong_count() > 0);
            entries.sweep_at = FIRST_SWEEP.max(entries.list.len() * 2);
        }
        entries.list.push(Arc::downgrade(item));
    }

    #[cfg(any(feature = "guard", all(tokio_unstable, feature = "guard")))]
    pub(crate) fn alive(&self) -> Vec<Arc<T>> {
        lock(&self.0)
            .list
            .iter()
            .filter_map(Weak::upgrade)
            .collect()
    }
}
