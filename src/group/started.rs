//! A task that says when it has started.

use std::error::Error;
use std::fmt;
use std::sync::{Arc, Mutex};

use tokio::sync::oneshot;
use tokio::task;

use super::member::Member;
use super::shared::Shared;
use crate::error_group::{BoxError, Cancellation, Failure, GroupId, Origin};
use crate::sync::lock;

/// Lets a task of [`Scope::spawn_started`](crate::Scope::spawn_started) say that it has started, once.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// use unstuck::{BoxError, Started, TaskGroup};
///
/// async fn serve(started: Started<u16>) -> Result<(), BoxError> {
///     started.say(8080);
///     Ok(())
/// }
///
/// let port = TaskGroup::new("server")
///     .scope(async |group| group.spawn_started("serve", serve).await)
///     .await;
/// assert_eq!(port.unwrap(), 8080);
/// # }
/// ```
pub struct Started<V>(Starter<V>);

/// The channel to whoever waits for the task to start; none once it has been used.
type Starter<V> = Arc<Mutex<Option<oneshot::Sender<Result<V, Early>>>>>;

/// The error of a task that had not started, sent to the starter. If it is dropped unread, it goes to the group.
pub(super) struct Early {
    error: Option<BoxError>,
    /// The group, and the task in it.
    to: Option<(Arc<Shared>, Origin)>,
}

/// The end of the channel that stays with the task. Once it is dropped, nothing waits for the task to start, even if
/// its [`Started`] is still alive.
pub(super) struct Starting<V>(Starter<V>);

/// A task ended, panicked or was cancelled before it said that it had started.
///
/// A panic is in the errors of the task's group, and a cancelled task is no failure. So after one of them, in the group
/// of the task and in groups inside it, a task or body that returns this, also as the cause of another error, counts
/// as cancelled. If the task ended without an error, this is a failure.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// use unstuck::{BoxError, NeverStarted, Started, TaskGroup};
///
/// let group = TaskGroup::new("server").scope(async |group| {
///     let forgets = |_: Started<u16>| async { Ok::<_, BoxError>(()) };
///     Ok(group.spawn_started("forgets", forgets).await.unwrap_err())
/// });
/// assert!(group.await.unwrap().is::<NeverStarted>());
/// # }
/// ```
#[derive(Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct NeverStarted {
    /// None if the task ended well.
    cause: Option<Cancellation>,
}

impl NeverStarted {
    const FORGOTTEN: Self = Self { cause: None };

    /// The task of that group was dropped, or panicked.
    pub(super) fn lost(group: GroupId) -> Self {
        let cause = Cancellation::in_group(group, "it panicked or was cancelled");
        Self { cause: Some(cause) }
    }
}

impl<V> Started<V> {
    /// Says that the task has started, and sends `value` to its starter, if that still waits.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// use unstuck::{BoxError, TaskGroup};
    ///
    /// let group = TaskGroup::new("server").scope(async |group| {
    ///     let serve = |started: unstuck::Started<_>| async move {
    ///         started.say("ready");
    ///         Ok::<_, BoxError>(())
    ///     };
    ///     group.spawn_started("serve", serve).await
    /// });
    /// assert_eq!(group.await.unwrap(), "ready");
    /// # }
    /// ```
    pub fn say(self, value: V) {
        if let Some(starter) = lock(&self.0).take() {
            // The starter may have been dropped.
            let _ = starter.send(Ok(value));
        }
    }
}

/// What the task says it with, what stays with the task, and what the starter reads.
pub(super) fn channel<V>() -> (Started<V>, Starting<V>, oneshot::Receiver<Result<V, Early>>) {
    let (starter, answered) = oneshot::channel();
    let starter = Arc::new(Mutex::new(Some(starter)));
    (Started(Arc::clone(&starter)), Starting(starter), answered)
}

impl<V> Starting<V> {
    /// The result for the group. The error of a task that had not started goes to its starter instead, unless that was
    /// dropped. To be called within the task.
    pub(super) fn ended(self, ended: Result<(), BoxError>) -> Result<(), BoxError> {
        let Some(starter) = lock(&self.0).take() else {
            return ended;
        };
        let error = ended
            .err()
            .unwrap_or_else(|| NeverStarted::FORGOTTEN.into());
        match starter.send(Err(Early::new(error))) {
            Err(Err(early)) => Err(early.into_error()),
            Err(Ok(_)) | Ok(()) => Ok(()),
        }
    }
}

impl Early {
    fn new(error: BoxError) -> Self {
        let member = Member::current();
        let to = member.map(|Member { shared, key, .. }| {
            let origin = shared.origin(key, task::try_id());
            (shared, origin)
        });
        Self {
            error: Some(error),
            to,
        }
    }

    pub(super) fn into_error(mut self) -> BoxError {
        self.error
            .take()
            .unwrap_or_else(|| NeverStarted::FORGOTTEN.into())
    }
}

impl Drop for Early {
    fn drop(&mut self) {
        if let (Some(error), Some((group, origin))) = (self.error.take(), self.to.take()) {
            let failure = Failure::from(error);
            if !failure.is_cancellation(|id| group.is_within(id)) {
                group.failed_by(origin, failure);
            }
        }
    }
}

impl<V> Drop for Starting<V> {
    fn drop(&mut self) {
        lock(&self.0).take();
    }
}

impl<V> fmt::Debug for Started<V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Started").finish()
    }
}

impl fmt::Display for NeverStarted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the task ended before it said that it had started")
    }
}

impl Error for NeverStarted {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.cause.as_ref().map(|cause| cause as _)
    }
}
