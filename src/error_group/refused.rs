//! A task that a group did not take.

use std::fmt;

/// A task was not spawned: the group is cancelled, or has ended. Its future was dropped without
/// having been polled.
///
/// A task that returns it fails with [`Failure::Refused`](crate::Failure::Refused).
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// use unstuck::{BoxError, Scope, TaskGroup};
///
/// let jobs = TaskGroup::new("jobs").scope(async |group: Scope| Ok(group));
/// let over = jobs.await.unwrap();
/// let refused = over.spawn("late", async { Ok::<_, BoxError>(()) }).unwrap_err();
/// assert_eq!((refused.task(), refused.group()), ("late", "jobs"));
/// assert_eq!(
///     refused.to_string(),
///     "task `late` was not spawned: group `jobs` is cancelled or has ended"
/// );
/// # }
/// ```
#[derive(Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Refused {
    pub(crate) task: String,
    pub(crate) group: String,
}

impl Refused {
    /// The name of the task.
    pub fn task(&self) -> &str {
        &self.task
    }

    /// The name of the group.
    pub fn group(&self) -> &str {
        &self.group
    }
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { task, group } = self;
        write!(
            f,
            "task `{task}` was not spawned: group `{group}` is cancelled or has ended"
        )
    }
}

impl std::error::Error for Refused {}
