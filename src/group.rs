//! A task group: a scope that ends after its children, and keeps every error and panic of theirs.
//!
//! [`TaskGroup`] configures a group, [`Scope`] spawns tasks into one that runs, and a [`Child`] is the handle of a
//! task.

mod body;
mod child;
mod children;
mod member;
mod named;
mod no_value;
mod on_failure;
mod owner;
mod policy;
mod ready;
mod running;
mod scope;
mod shared;
mod started;
mod stop_waits;
mod turn;

use std::borrow::Cow;
use std::convert::Infallible;
use std::panic::Location;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use crate::error_group::{BoxError, ErrorGroup};
use policy::{Deadline, Policy};
use running::Running;
use shared::Shared;

pub use child::Child;
pub use children::Children;
pub use no_value::NoValue;
pub use on_failure::OnFailure;
pub use scope::Scope;
#[cfg(all(tokio_unstable, feature = "guard"))]
pub(crate) use shared::GROUPS;
pub use started::{NeverStarted, Started};

/// Runs tasks as a group: the scope ends after all of them have, and returns every error and panic of theirs.
///
/// The first failure of a task or of the body triggers the group's [policy](OnFailure). What fails after that, until
/// the last task has ended, is in the [`ErrorGroup`] too.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// use unstuck::{OnFailure, TaskGroup};
///
/// let outcome = TaskGroup::new("pool")
///     .on_failure(OnFailure::WaitForAll)
///     .scope(async |group| {
///         let even = group.spawn("even", async { "8".parse::<u8>() })?;
///         group.spawn("odd", async { "seven".parse::<u8>() })?;
///         assert_eq!(even.value().await?, 8);
///         Ok(())
///     })
///     .await;
///
/// let errors = outcome.unwrap_err();
/// assert_eq!(errors.to_string(), "1 error in task group `pool`");
/// assert_eq!(errors.failures()[0].task(), "odd");
/// # }
/// ```
///
/// # What tasks inherit
///
/// Nothing: a task has neither the current span of tracing nor the task-locals of the one that spawns it. Both can be
/// given to its future in one line: `future.in_current_span()`, and `LOCAL.scope(LOCAL.get(), future)`.
/// [`Scope::spawn`] has an example.
///
/// # How it compares
///
/// | | this | asyncio `TaskGroup` | trio nursery | Kotlin `coroutineScope` | Go `errgroup` | Tokio `JoinSet` |
/// |---|---|---|---|---|---|---|
/// | ends before its children | no | no | no | no | if `Wait` is not called | if dropped |
/// | on the first failure | a named choice | cancels | cancels | cancels | cancels the context | nothing |
/// | the errors that come after it | kept | kept | kept | attached to the first | lost | one by one, by hand |
/// | a panic | kept, with its payload | – | – | – | ends the program | kept, by hand |
/// | a child may spawn into it | yes | yes | yes | yes | yes | no |
/// | cancels a task that does not await | no | no | no | no | no | no |
/// | clean-up that awaits | in a [grace period](TaskGroup::grace) | yes | shielded | `NonCancellable` | by hand | by hand |
/// | tasks that end with the rest | [`Scope::spawn_service`] | – | – | – | – | – |
/// | a spawn once it is cancelled or over | [`Refused`](crate::Refused); in the group itself that is cancellation | raises | raises, once over | never runs | runs | runs |
/// | tasks that stay on one thread | [`Scope::spawn_local`] | all | all | by dispatcher | – | `spawn_local` |
/// | waits for clean-up when it is itself dropped | only within another group, which then does: a destructor can't await | yes | yes | yes | – | no |
#[derive(Clone, Debug)]
#[must_use = "a group does nothing until its scope is awaited"]
pub struct TaskGroup {
    name: Cow<'static, str>,
    opened_at: &'static Location<'static>,
    policy: Policy,
}

impl TaskGroup {
    /// A group with this name, which errors and reports use.
    ///
    /// In tokio-console its tasks are named `group/task`.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// use unstuck::TaskGroup;
    ///
    /// let group = TaskGroup::new("pool");
    /// assert_eq!(group.scope(async |_| Ok(1)).await.unwrap(), 1);
    /// # }
    /// ```
    #[track_caller]
    pub fn new(name: impl Into<Cow<'static, str>>) -> Self {
        Self {
            name: name.into(),
            opened_at: Location::caller(),
            policy: Policy::default(),
        }
    }

    /// Sets what a failure does to the other tasks. The default is [`OnFailure::Cancel`].
    ///
    /// ```
    /// use unstuck::{OnFailure, TaskGroup};
    ///
    /// let group = TaskGroup::new("pool").on_failure(OnFailure::WaitForAll);
    /// ```
    pub fn on_failure(mut self, on_failure: OnFailure) -> Self {
        self.policy.on_failure = on_failure;
        self
    }

    /// Sets the grace period: how long tasks, and the body, have between being asked to stop and being cancelled.
    ///
    /// It begins with a [`stop`](Scope::stop), a [`cancel`](Scope::cancel), a deadline, or a failure under
    /// [`OnFailure::Cancel`], whichever comes first, and begins once. From then on [`stopping`](Scope::stopping) is
    /// ready. The body goes on meanwhile, and the group takes more tasks. Without a grace period, a group that is
    /// cancelled is cancelled at once, and one that is stopped waits as long as its tasks take.
    ///
    /// Other languages have shielded clean-up: code of a cancelled task that awaits and can't be cancelled again. Rust
    /// can't, as a future that is cancelled is dropped, and its destructors can't await. So clean-up that awaits
    /// has to begin before the task is cancelled: that is what the grace period is for.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// use std::time::Duration;
    /// use unstuck::{BoxError, Scope, TaskGroup};
    ///
    /// let group = TaskGroup::new("careful")
    ///     .grace(Duration::from_secs(10))
    ///     .scope(async |group: Scope| {
    ///         let stopping = group.stopping();
    ///         let flushes = group.spawn("flushes", async {
    ///             stopping.await;
    ///             tokio::task::yield_now().await;
    ///             Ok::<_, BoxError>("flushed")
    ///         })?;
    ///         group.cancel();
    ///         Ok(flushes.value().await?)
    ///     });
    /// assert_eq!(group.await.unwrap(), "flushed");
    /// # }
    /// ```
    pub fn grace(mut self, grace: Duration) -> Self {
        self.policy.grace = Some(grace);
        self
    }

    /// [Cancels](Scope::cancel) the group at `deadline`, unless it has ended by then. That is a failure of its own,
    /// [`Failure::Deadline`](crate::Failure::Deadline).
    ///
    /// Of several deadlines, on one group or on groups within groups, the earliest comes first. It has the precision
    /// of Tokio's timers, a millisecond. If it has passed before the scope is awaited, the body does not begin. The
    /// [grace period](TaskGroup::grace) begins at the deadline, unless it has begun before. [`Scope::set_deadline`]
    /// moves it.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread", start_paused = true)]
    /// # async fn main() {
    /// use std::future::pending;
    /// use std::time::Duration;
    /// use tokio::time::Instant;
    /// use unstuck::{BoxError, Failure, TaskGroup};
    ///
    /// let errors = TaskGroup::new("slow")
    ///     .deadline(Instant::now() + Duration::from_secs(2))
    ///     .scope(async |_| pending::<Result<(), BoxError>>().await)
    ///     .await
    ///     .unwrap_err();
    /// assert!(matches!(errors.failures()[0].failure(), Failure::Deadline));
    /// # }
    /// ```
    pub fn deadline(self, deadline: Instant) -> Self {
        self.with_deadline(deadline, true)
    }

    /// [Cancels](Scope::cancel) the group at that time, unless it has ended by then. That is no failure. In all else it
    /// is a [deadline](TaskGroup::deadline). If both are set, the earlier one counts.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread", start_paused = true)]
    /// # async fn main() {
    /// use std::future::pending;
    /// use std::time::Duration;
    /// use tokio::time::Instant;
    /// use unstuck::{BoxError, TaskGroup};
    ///
    /// let outcome = TaskGroup::new("for a while")
    ///     .cancel_at(Instant::now() + Duration::from_secs(2))
    ///     .scope(async |group| {
    ///         group.spawn("endless", pending::<Result<(), BoxError>>())?;
    ///         Ok("the body has its value")
    ///     })
    ///     .await;
    /// assert!(outcome.is_ok());
    /// # }
    /// ```
    pub fn cancel_at(self, at: Instant) -> Self {
        self.with_deadline(at, false)
    }

    fn with_deadline(self, at: Instant, is_failure: bool) -> Self {
        let deadline = Deadline { at, is_failure };
        Self {
            policy: self.policy.with_deadline(deadline),
            ..self
        }
    }

    /// Lets no more than `limit` of the tasks run at the same time; the others wait for their turn before
    /// they are first polled. With [`Scope::spawn_within_limit`] they wait before they are spawned, so that
    /// any number of tasks takes the memory of `limit`. Neither the body nor
    /// [blocking](Scope::spawn_blocking) tasks and [services](Scope::spawn_service) are counted.
    ///
    /// A task keeps its turn until it ends, whatever it waits for. So tasks that spawn into their own group and
    /// await what they have spawned can use up all turns, and then wait for ever.
    ///
    /// # Panics
    ///
    /// If `limit` is 0, as nothing would ever run.
    ///
    /// # Examples
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// use unstuck::{BoxError, TaskGroup};
    ///
    /// let group = TaskGroup::new("pages").limit(2).scope(async |group| {
    ///     for _ in 0..10 {
    ///         group.spawn("page", async { Ok::<_, BoxError>(()) })?;
    ///     }
    ///     Ok(())
    /// });
    /// group.await.unwrap();
    /// # }
    /// ```
    pub fn limit(mut self, limit: usize) -> Self {
        assert!(limit > 0, "a group that runs no task at a time never ends");
        self.policy.limit = Some(limit);
        self
    }

    /// Runs `body`, then waits for every task that was spawned into the group.
    ///
    /// # Errors
    ///
    /// If the body or any task returned an error or panicked, or the deadline passed: all of that. Also if
    /// the group was [cancelled](Scope::cancel) before the body had a value; then without any failures.
    ///
    /// Errors that only pass a cancellation on are no failures: such an empty group, and [`Refused`](crate::Refused),
    /// [`NoValue`] and [`NeverStarted`] from this group or one around it. A task that returns one, alone or as the
    /// [source](std::error::Error::source) of another error, counts as cancelled.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future drops the body and aborts every task of the group. As with any Tokio task,
    /// their destructors may run a little later, since a destructor can't wait for them.
    ///
    /// In a task or the body of another group, that group then waits for them, and what they failed with, before or
    /// after the drop, is a failure of that group. So it is even if the future was dropped by a timeout that the
    /// program has handled. Elsewhere, these failures are lost.
    ///
    /// # Panics
    ///
    /// When awaited with a deadline or a grace period where there is no Tokio runtime with a timer, and when polled
    /// after completion. A panic of the body is caught, and is part of the error.
    ///
    /// # Examples
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// use unstuck::TaskGroup;
    ///
    /// let sum = TaskGroup::new("sum").scope(async |group| {
    ///     let two = group.spawn("two", async { "2".parse::<i32>() })?;
    ///     Ok(two.value().await? + 1)
    /// });
    /// assert_eq!(sum.await.unwrap(), 3);
    /// # }
    /// ```
    pub fn scope<T>(
        self,
        body: impl AsyncFnOnce(Scope) -> Result<T, BoxError>,
    ) -> impl Future<Output = Result<T, ErrorGroup>> {
        let Self {
            name,
            opened_at,
            policy,
        } = self;
        let shared = Arc::new(Shared::new(name, opened_at, policy));
        let scope = Scope::new(Arc::clone(&shared));
        Running::new(shared, move || body(scope))
    }

    /// Like [`scope`](TaskGroup::scope), for a body with an error type of its own, such as `anyhow::Error`: an async
    /// function, or a closure with a return type. `scope` fixes the type, so that a closure does not need to name it.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// use anyhow::{Context, ensure};
    /// use unstuck::{Scope, TaskGroup};
    ///
    /// async fn body(group: Scope) -> anyhow::Result<u8> {
    ///     let seven = group.spawn("seven", async { "7".parse::<u8>().context("not a digit") })?;
    ///     let seven = seven.value().await?;
    ///     ensure!(seven < 7, "{seven} is too much");
    ///     Ok(seven)
    /// }
    ///
    /// let errors = TaskGroup::new("digits").scope_typed(body).await.unwrap_err();
    /// assert_eq!(errors.failures()[0].failure().to_string(), "7 is too much");
    /// # }
    /// ```
    pub fn scope_typed<T, E>(
        self,
        body: impl AsyncFnOnce(Scope) -> Result<T, E>,
    ) -> impl Future<Output = Result<T, ErrorGroup>>
    where
        E: Into<BoxError>,
    {
        self.scope(async |scope| body(scope).await.map_err(Into::into))
    }

    /// Runs `body`, and returns the first value of the tasks that it returns. The other tasks are cancelled, after the
    /// [grace period](TaskGroup::grace) if there is one. Failures cancel nothing, whatever
    /// [`on_failure`](TaskGroup::on_failure) says.
    ///
    /// # Errors
    ///
    /// If no task has a value: all failures, as [`scope`](TaskGroup::scope). If one has, the failures of the others,
    /// panics included, are only in tracing events.
    ///
    /// # Cancel safety
    ///
    /// As [`scope`](TaskGroup::scope).
    ///
    /// # Panics
    ///
    /// As [`scope`](TaskGroup::scope).
    ///
    /// # Examples
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// use unstuck::{Children, TaskGroup};
    ///
    /// let first = TaskGroup::new("mirrors").first_success(async |group| {
    ///     let mut mirrors = Children::new();
    ///     for (mirror, answer) in [("broken", "?"), ("good", "42")] {
    ///         mirrors.push(group.spawn(mirror, async { answer.parse::<u8>() })?);
    ///     }
    ///     Ok(mirrors)
    /// });
    /// assert_eq!(first.await.unwrap(), 42);
    /// # }
    /// ```
    pub fn first_success<T: 'static>(
        self,
        body: impl AsyncFnOnce(Scope) -> Result<Children<T>, BoxError>,
    ) -> impl Future<Output = Result<T, ErrorGroup>> {
        let group = self.on_failure(OnFailure::WaitForAll);
        async {
            let mut first = None;
            // Its body never has a value, so it always returns errors, or an empty group if it was cancelled.
            let Err(errors) = group
                .scope(async |scope: Scope| -> Result<Infallible, BoxError> {
                    let mut children = body(scope.clone()).await?;
                    first = children.next().await.map(|(_, value)| value);
                    if first.is_some() {
                        scope.cancel();
                    }
                    Err(NoValue::of(scope.id()).into())
                })
                .await;
            first.ok_or(errors)
        }
    }
}
