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

/// Lets a task of [`Scope::spawn_started`](crate::Scope::spawn_started) say that it has started. It can be
/// said once, as saying it uses this up.
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

/// Whoever waits for the task to start; none once it has been answered.
type Starter<V> = Arc<Mutex<Option<oneshot::Sender<Result<V, Early>>>>>;

/// The error of a task that had not started, on its way to the starter. One that never gets there is the group's.
pub(super) struct Early {
    error: Option<BoxError>,
    /// The group, and who the task was in it.
    to: Option<(Arc<Shared>, Origin)>,
}

/// The task's own end of it: once that is gone, nobody waits for the task to start, wherever its
/// [`Started`] may be.
pub(super) struct Starting<V>(Starter<V>);

/// A task ended, panicked or was cancelled before it said that it had started.
///
/// A panic is in the errors of the task's group, and a cancelled task is no failure. So whoever returns this for
/// one of them, also as the cause of another error, has been cancelled, if the task was of their own group or one
/// around that. It is a failure if the task ended well and had forgotten to say anything.
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
    /// Says that the task has started, and hands `value` to its starter, if that still waits.
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
            // A starter that is gone has no use for it.
            let _ = starter.send(Ok(value));
        }
    }
}

/// What a task gets that is to say it has started, what stays with it, and where it is said.
pub(super) fn channel<V>() -> (Started<V>, Starting<V>, oneshot::Receiver<Result<V, Early>>) {
    let (starter, answered) = oneshot::channel();
    let starter = Arc::new(Mutex::new(Some(starter)));
    (Started(Arc::clone(&starter)), Starting(starter), answered)
}

impl<V> Starting<V> {
    /// What the group gets of how the task ended. The error of one that had not started is its starter's
    /// alone, unless that is gone. To be called within the task.
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
