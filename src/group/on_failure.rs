//! What a failure does to the rest of a group.

use std::time::Duration;

/// What a group does with the tasks that are left once something in it has failed.
///
/// The default is to [cancel](OnFailure::Cancel) them, as asyncio, trio and Kotlin do: a group then
/// never hangs on a task that waits for what the failed one should have done. Its price is that errors on
/// their way are never made. A pool of three workers shows both: with three posts all three fail, and only
/// a group that waits reports all three; with one post one fails and two wait for it, and only a group
/// that cancels ends at all. Cancelling [after a while](OnFailure::CancelAfter) does right by both, for
/// whoever can say how long is long enough.
///
/// ```
/// # #[tokio::main(flavor = "current_thread", start_paused = true)]
/// # async fn main() {
/// use std::future::pending;
/// use std::time::Duration;
/// use unstuck::{BoxError, OnFailure, TaskGroup};
///
/// let errors = TaskGroup::new("pool")
///     .on_failure(OnFailure::CancelAfter(Duration::from_secs(5)))
///     .scope(async |group| {
///         group.spawn("fails", async { "x".parse::<u8>() })?;
///         group.spawn("waits", pending::<Result<(), BoxError>>())?;
///         Ok(())
///     })
///     .await
///     .unwrap_err();
/// assert_eq!((errors.len(), errors.cancelled()), (1, 1));
/// # }
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnFailure {
    /// Waits for all of them. Every error is reported, but a task that waits for what the failed one
    /// should have done keeps the group waiting for ever.
    WaitForAll,
    /// Cancels them at once. Nothing hangs, but errors on their way are never made.
    #[default]
    Cancel,
    /// Asks them to end, by way of [`Scope::stopping`](crate::Scope::stopping), leaves them this long, and
    /// cancels those that have not. Meanwhile the body goes on, and the group takes more tasks. Needs a runtime
    /// with a timer.
    CancelAfter(Duration),
}
