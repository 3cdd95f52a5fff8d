//! The programs that are watched in this process: a task of one may be what a task of another waits for.

use std::sync::{Arc, Mutex};

use tokio::runtime::Handle;

use crate::observe::{Observer, Pulse};
use crate::registry::Registry;
use crate::sync::lock;

static PROGRAMS: Registry<Program> = Registry::new();

/// A program that the others have to reckon with, as long as this is kept.
pub(super) struct Program {
    observer: Observer,
    runtime: Handle,
    /// The pulse with which it was found to be stuck, but for what the others might do.
    stuck_at: Mutex<Option<Pulse>>,
}

impl Program {
    pub(super) fn among_others(observer: &Observer, runtime: &Handle) -> Arc<Self> {
        let program = Arc::new(Self {
            observer: observer.clone(),
            runtime: runtime.clone(),
            stuck_at: Mutex::default(),
        });
        PROGRAMS.enter(&program);
        program
    }

    pub(super) fn set_stuck_at(&self, pulse: Option<Pulse>) {
        *lock(&self.stuck_at) = pulse;
    }

    /// How many others might wake a task of this one. Whoever is not listed has done so by now, and whoever
    /// was woken is not stuck any more; so a task that sleeps after this sleeps on.
    pub(super) fn others(self: &Arc<Self>) -> usize {
        let programs = PROGRAMS.alive().into_iter();
        let others = programs.filter(|other| !Arc::ptr_eq(other, self));
        others.filter(|other| !other.is_stuck()).count()
    }

    fn is_stuck(&self) -> bool {
        let stuck_at = lock(&self.stuck_at).clone();
        stuck_at.is_some_and(|then| {
            self.observer.is_idle(&self.runtime) && self.observer.pulse() == then
        })
    }
}
