//! A task group: a scope that ends after its children, and loses nothing that they end with.

use std::collections::HashMap;
use std::future::{Future, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use tokio::task::{self, JoinError, JoinSet};
use tokio::time::{Sleep, sleep};

use crate::error_group::{BoxError, ErrorGroup, Failure, Panic, TaskFailure};
use crate::place::Place;
use crate::registry::{Registry, lock};

/// Runs tasks as a group: the scope ends after all of them have, and what any of them ended with is
/// part of what the scope returns.
///
/// The first failure, be it an error, a panic, or the body's own, sets off the group's
/// [policy](OnFailure). Whatever else fails by the time the last task has ended is in the
/// [`ErrorGroup`] too.
///
/// ```
/// # tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(async {
/// use unstuck::{OnFailure, TaskGroup};
///
/// let outcome = TaskGroup::new("pool", OnFailure::WaitForAll)
///     .scope(async |group| {
///         group.spawn("even", async { Ok::<(), std::io::Error>(()) })?;
///         group.spawn("odd", async { "seven".parse::<u8>().map(drop) })?;
///         Ok(())
///     })
///     .await;
///
/// let errors = outcome.unwrap_err();
/// assert_eq!(errors.to_string(), "1 error in task group `pool`");
/// assert_eq!(errors.failures()[0].task(), "odd");
/// # });
/// ```
#[derive(Debug)]
pub struct TaskGroup {
    name: String,
    on_failure: OnFailure,
    opened_at: Place,
}

/// What a group does with the tasks that are left once something in it has failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnFailure {
    /// Waits for all of them. Every error is reported, but a task that waits for what the failed one
    /// should have done keeps the group waiting for ever.
    WaitForAll,
    /// Cancels them at once. Nothing hangs, but errors on their way are never made.
    Cancel,
    /// Leaves them this long to end by themselves, then cancels those that have not.
    CancelAfter(Duration),
}

/// The inside of a running group, with which its body and its tasks spawn more tasks into it.
#[derive(Clone)]
pub struct Scope(Arc<Shared>);

/// A task was not spawned: the group is cancelled, or has ended. Its future was dropped without
/// having been polled.
#[derive(Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Refused {
    task: String,
    group: String,
}

pub(crate) struct Shared {
    name: String,
    opened_at: Place,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    children: JoinSet<Result<(), BoxError>>,
    /// Those of the children that have not been joined yet.
    open: HashMap<task::Id, Child>,
    spawned: usize,
    /// A closed group takes no more tasks.
    closed: bool,
    /// Whom to wake when a group without children gets one.
    idle: Option<Waker>,
    /// The task that waits for the children, once the body is done.
    waiter: Option<task::Id>,
}

#[derive(Clone, Debug)]
struct Child {
    name: String,
    spawned_at: Place,
    order: usize,
}

pub(crate) static GROUPS: Registry<Shared> = Registry::new();

impl TaskGroup {
    /// A group under the name by which errors and reports call it.
    ///
    /// In tokio-console its tasks are named `group/task`.
    #[track_caller]
    pub fn new(name: impl Into<String>, on_failure: OnFailure) -> Self {
        Self {
            name: name.into(),
            on_failure,
            opened_at: Place::caller(),
        }
    }

    /// Runs `body`, then waits for every task that was spawned into the group.
    ///
    /// # Errors
    ///
    /// If the body or any task returned an error or panicked: all that they ended with.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future drops the body and aborts every task of the group. As with any Tokio task,
    /// their destructors may run a little later.
    ///
    /// # Panics
    ///
    /// Only outside a Tokio runtime, or for [`OnFailure::CancelAfter`] in one without a timer. A panic
    /// of the body is caught, and is part of the error.
    pub async fn scope<T>(
        self,
        body: impl AsyncFnOnce(Scope) -> Result<T, BoxError>,
    ) -> Result<T, ErrorGroup> {
        let shared = Arc::new(Shared {
            name: self.name,
            opened_at: self.opened_at,
            state: Mutex::default(),
        });
        GROUPS.enter(&shared);
        let _abort = AbortOnDrop(&shared);

        let mut running = Running {
            shared: &shared,
            on_failure: self.on_failure,
            grace: None,
            failures: Vec::new(),
            cancelled: 0,
        };
        let value = running.body(body(Scope(Arc::clone(&shared)))).await;
        running.drain().await;
        running.outcome(value)
    }
}

impl Scope {
    /// Spawns a task into the group, under the name by which errors and reports call it.
    ///
    /// # Errors
    ///
    /// [`Refused`] if the group is cancelled or has ended; `future` is dropped then.
    #[track_caller]
    pub fn spawn<F, E>(&self, name: impl Into<String>, future: F) -> Result<(), Refused>
    where
        F: Future<Output = Result<(), E>> + Send + 'static,
        E: Into<BoxError>,
    {
        let name = name.into();
        let spawned_at = Place::caller();
        let future = async move { future.await.map_err(Into::into) };

        let mut state = lock(&self.0.state);
        if state.closed {
            // The future may own anything, this group included: it must not be dropped under the lock.
            drop(state);
            drop(future);
            return Err(Refused {
                task: name,
                group: self.0.name.clone(),
            });
        }
        let id = spawn_named(&mut state.children, &self.0.name, &name, future);
        let order = state.spawned;
        state.spawned += 1;
        state.open.insert(
            id,
            Child {
                name,
                spawned_at,
                order,
            },
        );
        let idle = state.idle.take();
        drop(state);
        if let Some(waker) = idle {
            waker.wake();
        }
        Ok(())
    }
}

/// Spawns under the name `group/task` where Tokio has names for tasks.
#[cfg(all(tokio_unstable, feature = "observe"))]
#[track_caller]
fn spawn_named<F>(set: &mut JoinSet<F::Output>, group: &str, task: &str, future: F) -> task::Id
where
    F: Future<Output: Send + 'static> + Send + 'static,
{
    let name = format!("{group}/{task}");
    match set.build_task().name(&name).spawn(future) {
        Ok(handle) => handle.id(),
        Err(never) => unreachable!("spawning a future does no I/O, yet it failed: {never}"),
    }
}

#[cfg(not(all(tokio_unstable, feature = "observe")))]
#[track_caller]
fn spawn_named<F>(set: &mut JoinSet<F::Output>, _group: &str, _task: &str, future: F) -> task::Id
where
    F: Future<Output: Send + 'static> + Send + 'static,
{
    set.spawn(future).id()
}

/// A group at work.
struct Running<'g> {
    shared: &'g Arc<Shared>,
    on_failure: OnFailure,
    /// Runs from the first failure to the moment at which the rest is cancelled.
    grace: Option<Pin<Box<Sleep>>>,
    failures: Vec<(usize, TaskFailure)>,
    cancelled: usize,
}

/// Whether a group without children is over, or may still get some.
#[derive(Clone, Copy, PartialEq)]
enum WhenEmpty {
    Close,
    StayOpen,
}

/// The body comes before the first child.
const BODY: usize = 0;

impl Running<'_> {
    /// Runs the body, beside the children, until it ends or the group is cancelled.
    async fn body<T>(&mut self, body: impl Future<Output = Result<T, BoxError>>) -> Option<T> {
        let mut body = pin!(body);
        let ended = poll_fn(|cx| {
            match catch_unwind(AssertUnwindSafe(|| body.as_mut().poll(cx))) {
                Ok(Poll::Pending) => {}
                Ok(Poll::Ready(ended)) => return Poll::Ready(Some(ended.map_err(Failure::from))),
                Err(payload) => return Poll::Ready(Some(Err(Panic::new(payload).into()))),
            }
            // No children is no reason to stop here: the body may spawn some later.
            let _ = self.poll_children(cx, WhenEmpty::StayOpen);
            if lock(&self.shared.state).closed {
                return Poll::Ready(None);
            }
            Poll::Pending
        })
        .await;
        match ended? {
            Ok(value) => Some(value),
            Err(failure) => {
                let failure = TaskFailure {
                    task: "body".to_owned(),
                    id: None,
                    spawned_at: self.shared.opened_at.clone(),
                    failure,
                };
                self.failed(BODY, failure);
                None
            }
        }
    }

    /// Waits until the last child has ended, then closes the group.
    async fn drain(&mut self) {
        lock(&self.shared.state).waiter = task::try_id();
        poll_fn(|cx| self.poll_children(cx, WhenEmpty::Close)).await;
    }

    /// Takes note of the children that have ended; ready when there are none left.
    fn poll_children(&mut self, cx: &mut Context<'_>, when_empty: WhenEmpty) -> Poll<()> {
        loop {
            let mut state = lock(&self.shared.state);
            match state.children.poll_join_next_with_id(cx) {
                Poll::Ready(Some(joined)) => {
                    let id = joined.as_ref().map_or_else(JoinError::id, |(id, _)| *id);
                    let child = state.open.remove(&id);
                    drop(state);
                    if let Some(child) = child {
                        self.ended(id, child, joined.map(|(_, result)| result));
                    }
                }
                Poll::Ready(None) => {
                    // An empty set keeps no waker: the next spawn has to wake the group itself.
                    state.idle = Some(cx.waker().clone());
                    state.closed |= when_empty == WhenEmpty::Close;
                    return Poll::Ready(());
                }
                Poll::Pending => break,
            }
        }
        if let Some(grace) = &mut self.grace
            && grace.as_mut().poll(cx).is_ready()
        {
            self.grace = None;
            self.shared.cancel();
        }
        Poll::Pending
    }

    fn ended(
        &mut self,
        id: task::Id,
        child: Child,
        joined: Result<Result<(), BoxError>, JoinError>,
    ) {
        let failure = match joined {
            Ok(Ok(())) => return,
            Ok(Err(error)) => Failure::from(error),
            Err(end) => match end.try_into_panic() {
                Ok(payload) => Panic::new(payload).into(),
                Err(_cancelled) => {
                    record_end(id, "cancelled", &"");
                    self.cancelled += 1;
                    return;
                }
            },
        };
        let kind = match failure {
            Failure::Panic(_) => "panic",
            Failure::Error(_) | Failure::Group(_) => "error",
        };
        record_end(id, kind, &failure);
        let failure = TaskFailure {
            task: child.name,
            id: Some(id),
            spawned_at: child.spawned_at,
            failure,
        };
        self.failed(BODY + 1 + child.order, failure);
    }

    fn failed(&mut self, order: usize, failure: TaskFailure) {
        let first = self.failures.is_empty();
        self.failures.push((order, failure));
        match self.on_failure {
            OnFailure::Cancel => self.shared.cancel(),
            OnFailure::CancelAfter(grace) if first => self.grace = Some(Box::pin(sleep(grace))),
            OnFailure::CancelAfter(_) | OnFailure::WaitForAll => {}
        }
    }

    fn outcome<T>(mut self, value: Option<T>) -> Result<T, ErrorGroup> {
        match value {
            Some(value) if self.failures.is_empty() => Ok(value),
            _ => {
                self.failures.sort_by_key(|(order, _)| *order);
                Err(ErrorGroup {
                    name: self.shared.name.clone(),
                    opened_at: self.shared.opened_at.clone(),
                    failures: self
                        .failures
                        .into_iter()
                        .map(|(_, failure)| failure)
                        .collect(),
                    cancelled: self.cancelled,
                })
            }
        }
    }
}

impl Shared {
    fn cancel(&self) {
        let mut state = lock(&self.state);
        state.closed = true;
        state.children.abort_all();
    }
}

/// A group whose future is dropped takes its children with it, even where a [`Scope`] outlives it.
struct AbortOnDrop<'g>(&'g Shared);

impl Drop for AbortOnDrop<'_> {
    fn drop(&mut self) {
        self.0.cancel();
        lock(&self.0.state).waiter = None;
    }
}

/// Tells subscribers how a child ended that did not end well; the engine is one of them.
fn record_end(id: task::Id, outcome: &str, error: &dyn std::fmt::Display) {
    tracing::debug!(target: "unstuck::group", { task.id = %id, outcome, error = %error }, "task ended");
}

impl std::fmt::Debug for Scope {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Scope")
            .field("group", &self.0.name)
            .finish_non_exhaustive()
    }
}

impl std::fmt::Display for Refused {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { task, group } = self;
        write!(
            f,
            "task `{task}` was not spawned: group `{group}` is cancelled or has ended"
        )
    }
}

impl std::error::Error for Refused {}

/// What a group knows about itself at one moment.
#[cfg(all(tokio_unstable, feature = "observe"))]
#[derive(Clone, Debug)]
pub(crate) struct GroupState {
    pub(crate) name: String,
    pub(crate) opened_at: Place,
    /// The task that waits for the children, once the body is done.
    pub(crate) waiter: Option<task::Id>,
    /// The children that have not ended, in spawn order.
    pub(crate) open: Vec<task::Id>,
}

#[cfg(all(tokio_unstable, feature = "observe"))]
impl Shared {
    pub(crate) fn state(&self) -> GroupState {
        let state = lock(&self.state);
        let mut open: Vec<_> = state
            .open
            .iter()
            .map(|(id, child)| (child.order, *id))
            .collect();
        open.sort_unstable();
        GroupState {
            name: self.name.clone(),
            opened_at: self.opened_at.clone(),
            waiter: state.waiter,
            open: open.into_iter().map(|(_, id)| id).collect(),
        }
    }
}
