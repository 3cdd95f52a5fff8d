//! Task groups: whom their scopes wait for.

use unstuck_inspect::snapshot::{Address, HandleKind, Lifecycle};

use super::Text;
use super::sentences::and;

/// How many of the tasks are named.
const NAMED: usize = 8;

impl Text<'_> {
    /// `waits for the tasks of a TaskGroup to end: task 3 and task 4`.
    pub(super) fn group_leaf(&self, group: Address) -> String {
        let object = self.names.at(group);
        let handles = object.map_or(&[][..], |object| &object.handles);
        let handles = handles
            .iter()
            .filter(|handle| handle.kind == HandleKind::AbortHandle);
        let tasks = handles.map(|handle| self.snapshot[handle.object].address);
        let tasks = tasks.filter_map(|task| self.names.task(self.snapshot, task));
        let tasks = tasks.filter(|task| task.state.lifecycle != Lifecycle::Complete);
        let mut tasks: Vec<String> = tasks.map(|task| self.task_title(task)).collect();
        let more = tasks.len().saturating_sub(NAMED);
        tasks.truncate(NAMED);
        if more > 0 {
            tasks.push(format!("{more} more"));
        }
        let waits = "waits for the tasks of a TaskGroup to end";
        if tasks.is_empty() {
            waits.to_owned()
        } else {
            format!("{waits}: {}", and(&tasks))
        }
    }
}
