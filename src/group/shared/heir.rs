//! Who waits for the children of a scope that is gone before its end.

use std::sync::Arc;

use tokio::task;

use super::super::member::Member;
use super::{Ended, Key, Open, Shared};
use crate::error_group::{ErrorGroup, Failure};
use crate::sync::lock;

/// Whoever waits for the children of a scope that is gone: a member of another group.
pub(super) struct Heir {
    pub(super) group: Arc<Shared>,
    /// What keeps that group open until then.
    pub(super) key: Key,
    id: Option<task::Id>,
}

impl Shared {
    /// The scope is gone before its end, with nobody to wait for the children. If it ran in another
    /// group, that one waits for them, and gets what they ended with.
    pub(in super::super) fn abandon(self: &Arc<Self>, heir: Option<Member>) {
        self.cancel();
        let heir = heir.filter(|heir| !self.waits_for(&heir.shared));
        let heir = heir.map(Heir::new);
        let mut state = lock(&self.state);
        state.waiter = None;
        state.body_is_open = false;
        if !state.open.is_empty() {
            state.heir = heir;
            return;
        }
        drop(state);
        if let Some(heir) = heir {
            let (heir, ended) = heir.inherit(self.take_errors());
            heir.group.ended(heir.key, ended);
        }
    }

    /// Whether it is that group, or inherits from it: were it left to that one, neither would ever end.
    fn waits_for(self: &Arc<Self>, other: &Arc<Self>) -> bool {
        let mut heir = Some(Arc::clone(other));
        while let Some(group) = heir {
            if Arc::ptr_eq(self, &group) {
                return true;
            }
            let state = lock(&group.state);
            heir = state.heir.as_ref().map(|heir| Arc::clone(&heir.group));
        }
        false
    }
}

impl Heir {
    /// Keeps that member's group open.
    fn new(Member { shared, key }: Member) -> Self {
        let origin = shared.origin(key, task::try_id());
        let id = origin.id;
        let key = Key(lock(&shared.state).open.insert(Open {
            order: origin.order,
            name: origin.task,
            spawned_at: origin.spawned_at,
            handle: None,
        }));
        Self {
            group: shared,
            key,
            id,
        }
    }

    /// How what is held open ends, with these errors of the group that is gone.
    pub(super) fn inherit(self, errors: ErrorGroup) -> (Self, Ended) {
        if errors.failures.is_empty() {
            return (self, Ended::Well);
        }
        let failed = Ended::Failed(self.id, Failure::Group(Box::new(errors)));
        (self, failed)
    }
}
