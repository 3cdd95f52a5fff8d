//! Groups inside groups: a group that is asked to stop asks those inside it.

use std::iter::successors;
use std::sync::{Arc, Weak};

use super::{Shared, Stage};
use crate::error_group::GroupId;
use crate::sync::lock;

/// A group's entry in the group around it. It is there from the first poll of the scope until the scope is dropped.
pub(in super::super) struct Nested {
    parent: Weak<Shared>,
    place: usize,
}

impl Shared {
    /// The scope begins in `parent`, and is stopped if `parent` is stopping.
    pub(in super::super) fn begin_within(self: &Arc<Self>, parent: &Arc<Shared>) -> Nested {
        lock(&self.state).parent = Some(Arc::downgrade(parent));
        let mut state = lock(&parent.state);
        let place = state.inner.insert(Arc::downgrade(self));
        let is_stopping = state.stage == Stage::Stopping;
        drop(state);
        if is_stopping {
            self.stop();
        }
        Nested {
            parent: Arc::downgrade(parent),
            place,
        }
    }

    /// Whether it is the group with that id, or runs in it, however deep.
    pub(in super::super) fn is_within(self: &Arc<Self>, id: GroupId) -> bool {
        let parent = |group: &Arc<Self>| lock(&group.state).parent.as_ref()?.upgrade();
        successors(Some(Arc::clone(self)), parent).any(|group| group.id == id)
    }
}

impl Drop for Nested {
    fn drop(&mut self) {
        if let Some(parent) = self.parent.upgrade() {
            lock(&parent.state).inner.remove(self.place);
        }
    }
}
