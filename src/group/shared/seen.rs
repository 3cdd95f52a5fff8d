//! What a group knows of its children, for reports.

use tokio::task;

use super::Shared;
use crate::sync::lock;

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
}
