//! The programs that are watched in this process: a task of one may be what a task of another waits for.

use std::sync::Arc;

use crossbeam_utils::atomic::AtomicCell;

use crate::registry::Registry;

static PROGRAMS: Registry<Standing> = Registry::new();

/// Whether a program stands still for good, but for what another one might do.
pub(super) struct Standing {
    is_stuck: AtomicCell<bool>,
}

impl Standing {
    /// A program that the others have to reckon with, as long as this is kept.
    pub(super) fn among_others() -> Arc<Self> {
        let standing = Arc::new(Self {
            is_stuck: AtomicCell::new(false),
        });
        PROGRAMS.enter(&standing);
        standing
    }

    pub(super) fn set(&self, is_stuck: bool) {
        self.is_stuck.store(is_stuck);
    }

    /// How many others might wake a task of this one.
    pub(super) fn others(self: &Arc<Self>) -> usize {
        let programs = PROGRAMS.alive().into_iter();
        let others = programs.filter(|other| !Arc::ptr_eq(other, self));
        others.filter(|other| !other.is_stuck.load()).count()
    }
}
