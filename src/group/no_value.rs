//! The error of reading the value of a task that has none.

use std::error::Error;
use std::fmt;

use crate::error_group::{Cancellation, GroupId};

/// A task has no value: it failed or was cancelled.
///
/// Its failure is in the errors of its group, and a cancellation is no failure. So in the group of the task and in
/// groups inside it, this can be passed on with `?`: a task or body that returns it, also as the cause of another
/// error, counts as cancelled. Returned from anywhere else it is a failure.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// use unstuck::{OnFailure, TaskGroup};
///
/// let errors = TaskGroup::new("sum")
///     .on_failure(OnFailure::WaitForAll)
///     .scope(async |group| {
///         let two = group.spawn("two", async { "x".parse::<i32>() })?;
///         Ok(two.value().await? + 1)
///     })
///     .await
///     .unwrap_err();
/// assert_eq!(errors.to_string(), "1 error in task group `sum`");
/// assert_eq!(errors.failures()[0].task(), "two");
/// # }
/// ```
#[derive(Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct NoValue {
    cause: Cancellation,
}

impl NoValue {
    /// For a task of that group.
    pub(super) fn of(group: GroupId) -> Self {
        let cause = Cancellation::in_group(group, "it failed or was cancelled");
        Self { cause }
    }
}

impl fmt::Display for NoValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the task has no value")
    }
}

impl Error for NoValue {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&self.cause)
    }
}
