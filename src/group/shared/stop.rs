//! Waits for a group to stop.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::task::Waker;

use tokio::sync::Notify;

use super::super::stop_waits::StopWaits;
use super::{Key, Role, Shared, Stage};
use crate::sync::{Mutex, lock};

#[derive(Default)]
pub(super) struct Stop {
    wanted: Notify,
    /// The waits of each child that has waited for it.
    waits: Mutex<BTreeMap<Key, Arc<StopWaits>>>,
}

impl Stop {
    /// The child under `key` ends. Returns whether it was idle.
    #[cold]
    pub(super) fn leave(&self, key: Key) -> bool {
        let waits = lock(&self.waits).remove(&key);
        waits.is_some_and(|waits| waits.set_idle(false))
    }
}

impl Shared {
    fn waiters(&self) -> &Stop {
        self.stop.get_or_init(Box::default)
    }

    /// Notified when the group wants its tasks to end. To be created before the stage is checked.
    pub(in super::super) fn stop_wanted(&self) -> &Notify {
        &self.waiters().wanted
    }

    pub(super) fn want_stop(&self) {
        if let Some(stop) = self.stop.get() {
            stop.wanted.notify_waiters();
        }
    }

    /// The waits of the child under `key`.
    pub(in super::super) fn stop_waits(&self, key: Key) -> Arc<StopWaits> {
        Arc::clone(lock(&self.waiters().waits).entry(key).or_default())
    }

    /// The child under `key`, which has waited, is about to be polled. Returns the waker for that.
    pub(in super::super) fn resume(&self, key: Key, task: &Waker) -> Waker {
        let waits = self.stop_waits(key);
        if waits.set_idle(false) {
            lock(&self.state).idle -= 1;
        }
        waits.waker(task)
    }

    /// The child under `key`, which has waited, has been polled and has not ended.
    pub(in super::super) fn rest(&self, key: Key) {
        // Services are not counted.
        if lock(&self.state).open[key.place()].role == Role::Service {
            return;
        }
        let are_all = |waits: &Arc<StopWaits>| waits.are_all() && waits.set_idle(true);
        if !lock(&self.waiters().waits).get(&key).is_some_and(are_all) {
            return;
        }
        lock(&self.state).idle += 1;
        self.finish();
    }

    /// Moves on to [`Stage::Finished`] if nothing is left except tasks that wait for the group to stop, and services.
    /// Cancels the services if nothing else is left.
    #[cold]
    pub(super) fn finish(&self) {
        let state = lock(&self.state);
        let (is_finished, has_only_services) = (state.is_finished(), state.has_only_services());
        drop(state);
        if is_finished {
            self.advance(|_| Stage::Finished);
        }
        if has_only_services {
            self.end();
        }
    }
}
