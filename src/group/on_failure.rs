//! What a failure does to the rest of a group.

/// What a group does with its other tasks once something in it has failed.
///
/// The default is to [cancel](OnFailure::Cancel) them, as asyncio, trio and Kotlin do: the group then never hangs on a
/// task that waits for something the failed one did not do. The price is that tasks about to fail are cancelled first,
/// and their errors are not seen. Take a pool of three workers that all have the same bug. With three posts all three
/// fail, and only a group that waits reports all three. With one post one fails and two wait for it, and only a group
/// that cancels ends. A [grace period](crate::TaskGroup::grace) before the cancellation handles both cases, if it
/// is long enough.
///
/// ```
/// # #[tokio::main(flavor = "current_thread", start_paused = true)]
/// # async fn main() {
/// use std::future::pending;
/// use std::time::Duration;
/// use unstuck::{BoxError, TaskGroup};
///
/// let errors = TaskGroup::new("pool")
///     .grace(Duration::from_secs(5))
///     .scope(async |group| {
///         group.spawn("fails", async { "x".parse::<u8>() })?;
///         group.spawn("waits", pending::<Result<(), BoxError>>())?;
///         Ok(())
///     })
///     .await
///     .unwrap_err();
/// assert_eq!((errors.error_count(), errors.cancelled_count()), (1, 1));
/// # }
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnFailure {
    /// Waits for all of them. Every error is reported, but a task that waits for something the failed one did not do
    /// keeps the group waiting forever.
    WaitForAll,
    /// Cancels them, at once or after the [grace period](crate::TaskGroup::grace). Nothing hangs, but errors of tasks
    /// that are cancelled before they fail are not seen.
    #[default]
    Cancel,
}
