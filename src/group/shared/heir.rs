//! What waits for the children of a scope that was dropped before its end.

use std::sync::Arc;

use tokio::task;

use super::super::member::Member;
use super::{Ended, Key, Open, Role, Shared};
use crate::error_group::{ErrorGroup, Failure};
use crate::sync::lock;

/// The entry in another group that waits for the children of a scope that was dropped.
pub(super) struct Heir {
    pub(super) group: Arc<Shared>,
    /// Keeps that group open until then.
    pub(super) key: Key,
    /// The last in the chain of heirs that began with that group, when this one inherited. Following it skips the
    /// links between, of which there may be thousands.
    last: Arc<Shared>,
    id: Option<task::Id>,
}

impl Shared {
    /// The scope was dropped before its end, and can't wait for the children. If it ran in another group, that one
    /// waits for them, and gets their failures.
    pub(in super::super) fn abandon(self: &Arc<Self>, heir: Option<Member>) {
        self.abort();
        let heir = heir.and_then(|member| {
            let last = member.shared.last_heir();
            // A group that waited for itself would never end.
            (!Arc::ptr_eq(self, &last)).then(|| Heir::new(member, last))
        });
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

    /// The last in the chain of heirs that begins with this group.
    fn last_heir(self: &Arc<Self>) -> Arc<Self> {
        let last = |group: &Arc<Self>| {
            let state = lock(&group.state);
            state.heir.as_ref().map(|heir| Arc::clone(&heir.last))
        };
        let mut group = Arc::clone(self);
        while let Some(next) = last(&group) {
            group = next;
        }
        group
    }
}

impl Heir {
    /// Keeps that member's group open.
    fn new(Member { shared, key, .. }: Member, last: Arc<Shared>) -> Self {
        let origin = shared.origin(key, task::try_id());
        let id = origin.id;
        let place = lock(&shared.state).open.insert(Open {
            order: origin.order,
            name: origin.task,
            spawned_at: origin.spawned_at,
            role: Role::Task,
            handle: None,
        });
        Self {
            group: shared,
            key: Key::of(place),
            last,
            id,
        }
    }

    /// How the entry ends, if these are the errors of the group whose scope was dropped.
    pub(super) fn inherit(self, errors: ErrorGroup) -> (Self, Ended) {
        if errors.is_cancelled() {
            return (self, Ended::Well);
        }
        let failed = Ended::Failed(self.id, Failure::Group(Box::new(errors)));
        (self, failed)
    }
}
