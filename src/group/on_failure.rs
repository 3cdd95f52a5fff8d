//! What a failure does to the rest of a group.

/// What a group does with the tasks that are left once something in it has failed.
///
/// The default is to [cancel](OnFailure::Cancel) them, as asyncio, trio and Kotlin do: a group then
/// never hangs on a task that waits for what the failed one should have done. Its price is that errors on
/// their way are never made. A pool of three workers shows both: with three posts all three fail, and only
/// a group that waits reports all three; with one post one fails and two wait for it, and only a group
/// that cancels ends at all. Cancelling after a [grace period](crate::TaskGroup::grace) does right by both, for
/// whoever can say how long is long enough.
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
    /// Waits for all of them. Every error is reported, but a task that waits for what the failed one
    /// should have done keeps the group waiting for ever.
    WaitForAll,
    /// Cancels them, at once or after the [grace period](crate::TaskGroup::grace). Nothing hangs, but errors on
    /// their way are never made.
    #[default]
    Cancel,
}
