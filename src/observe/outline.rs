//! What can be seen of the tasks without a dump, and how often there was one.

use std::collections::HashSet;
use std::time::Duration;

use tokio::runtime::Handle;

use super::{Before, Observer, Snapshot, TaskId, resources};
use crate::sync::lock;

impl Observer {
    /// Looks at a runtime at rest, but for where its tasks are parked and who holds which lock. That takes no dump.
    pub fn outline(&self, runtime: &Handle, since: &Before) -> Snapshot {
        let at = self.clock();
        let mut snapshot = Snapshot {
            tasks: lock(&self.0.tasks).alive_seen(&[], &self.0.last_polls),
            at_rest: true,
            timers: resources::are_recorded().then(|| resources::timers(at)),
            at,
            ..Snapshot::default()
        };
        snapshot.keep_what_belongs_to_its_tasks();
        self.look_outside(runtime, since, &mut snapshot);
        snapshot
    }

    /// The tasks that nothing can wake any more, where wakers are recorded.
    pub fn unwakeable(&self) -> HashSet<TaskId> {
        lock(&self.0.tasks).own(resources::unwakeable())
    }

    /// Whether a task is about to be woken by a timer, where timers are recorded: one that is due `within` this time,
    /// or that was due no longer ago than `since`, as a busy system may let a worker sleep on for a while.
    pub fn has_timer_due(&self, since: Duration, within: Duration) -> bool {
        let due = resources::due(since, within);
        !lock(&self.0.tasks).own(due).is_empty()
    }

    /// How many dumps were asked for so far.
    pub fn dumps(&self) -> u64 {
        self.0.dumps.load()
    }
}
