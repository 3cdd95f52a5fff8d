//! The configuration of a group.

use std::time::Duration;

use tokio::time::Instant;

use super::on_failure::OnFailure;

/// The configuration of a group.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Policy {
    pub(super) on_failure: OnFailure,
    /// How long tasks have between being asked to stop and being cancelled.
    pub(super) grace: Option<Duration>,
    pub(super) deadline: Option<Deadline>,
    /// How many tasks may run at the same time.
    pub(super) limit: Option<usize>,
}

/// When a group is cancelled, unless it has ended by then.
#[derive(Clone, Copy, Debug)]
pub(super) struct Deadline {
    pub(super) at: Instant,
    pub(super) is_failure: bool,
}

impl Policy {
    /// Keeps the earliest of several deadlines.
    pub(super) fn with_deadline(self, deadline: Deadline) -> Self {
        let earlier = self.deadline.filter(|other| other.at <= deadline.at);
        Self {
            deadline: earlier.or(Some(deadline)),
            ..self
        }
    }
}
