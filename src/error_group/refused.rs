//! A task that a group did not take.

use std::error::Error;
use std::fmt;

use super::cancellation::{Cancellation, GroupId};

/// A task was not spawned: the group is cancelled, or has ended. Its future was dropped without
/// having been polled.
///
/// A task or body that returns it, also as the cause of another error, counts as cancelled if the group that refused is
/// its own or one around that, as that group was cancelled before. So `spawn(..)?` is no failure in a group that is
/// cancelled. Returned from anywhere else, it is a [`Failure::Refused`](crate::Failure::Refused): nothing kept that
/// group open for the code that spawned into it.
///
/// Two are equal if they have the same name of a task and the same group.
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
    task: String,
    group: String,
    cause: Cancellation,
}

impl Refused {
    pub(crate) fn new(task: String, group: &str, id: GroupId) -> Self {
        let why = format!("group `{group}` is cancelled or has ended");
        Self {
            task,
            group: group.to_owned(),
            cause: Cancellation::in_group(id, why),
        }
    }

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
        let Self { task, cause, .. } = self;
        write!(f, "task `{task}` was not spawned: {cause}")
    }
}

impl Error for Refused {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&self.cause)
    }
}
