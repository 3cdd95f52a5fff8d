//! What a group knows about itself at one moment, for the engine.

use tokio::task;

use super::Shared;
use crate::place::Place;
use crate::sync::lock;

/// What a group knows about itself at one moment.
#[derive(Clone, Debug)]
pub(crate) struct GroupState {
    pub(crate) name: String,
    pub(crate) opened_at: Place,
    /// The task that waits for the children, once the body is done.
    pub(crate) waiter: Option<task::Id>,
    /// The children that have not ended, in spawn order.
    pub(crate) open: Vec<task::Id>,
}

impl Shared {
    /// The names of the children that have not ended, `group/child`.
    pub(crate) fn names(&self) -> Vec<(task::Id, String)> {
        let state = lock(&self.state);
        let children = state.open.iter().filter_map(|(_, open)| {
            let id = open.handle.as_ref()?.id();
            Some((id, format!("{}/{}", self.name, open.name)))
        });
        children.collect()
    }

    pub(crate) fn state(&self) -> GroupState {
        let state = lock(&self.state);
        let mut open: Vec<_> = state
            .open
            .iter()
            .filter_map(|(_, open)| Some((open.order, open.handle.as_ref()?.id())))
            .collect();
        open.sort_unstable();
        GroupState {
            name: self.name.to_string(),
            opened_at: self.opened_at.into(),
            waiter: state.waiter,
            open: open.into_iter().map(|(_, id)| id).collect(),
        }
    }
}
