//! The handle of a running group, for its body and its tasks.

use std::borrow::Cow;
use std::collections::VecDeque;
use std::convert::Infallible;
use std::fmt;
use std::future::{Future, poll_fn};
use std::panic::Location;
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;

use tokio::runtime::Handle;
use tokio::task::{self, JoinHandle};
use tokio::time::Instant;

use super::child::{Child, Guarded, GuardedFn, Report};
use super::member::Member;
use super::named;
use super::no_value::NoValue;
use super::shared::{Admitted, Role, Shared, Stage};
use super::started::{self, NeverStarted, Started};
use super::stop_waits::StopWait;
use super::turn::Turn;
use crate::error_group::{BoxError, GroupId, Refused};

/// The handle of a running group, with which its body and its tasks spawn more tasks into it, stop and cancel it.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// use unstuck::{BoxError, Scope, TaskGroup};
///
/// let group = TaskGroup::new("crawl").scope(async |group: Scope| {
///     let inner = group.clone();
///     group.spawn("page", async move {
///         inner.spawn("link", async { Ok::<_, BoxError>(()) })?;
///         Ok::<_, BoxError>(())
///     })?;
///     Ok(())
/// });
/// group.await.unwrap();
/// # }
/// ```
#[derive(Clone)]
pub struct Scope(Arc<Shared>);

impl Scope {
    pub(super) fn new(shared: Arc<Shared>) -> Self {
        Self(shared)
    }

    pub(super) fn id(&self) -> GroupId {
        self.0.id()
    }

    /// How many tasks of the group have not ended. The body is not counted.
    ///
    /// An inner group whose scope was dropped, and whose tasks this group waits for, counts as one until it has ended.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// use unstuck::TaskGroup;
    ///
    /// let group = TaskGroup::new("two").scope(async |group| {
    ///     group.spawn_infallible("a", async {})?;
    ///     group.spawn_infallible("b", async {})?;
    ///     Ok(group.len())
    /// });
    /// assert_eq!(group.await.unwrap(), 2);
    /// # }
    /// ```
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether every task of the group has ended.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Spawns a task into the group, with a name that errors and reports use.
    ///
    /// The handle can be dropped: it is there to read the task's value, and dropping it does nothing to the task. The
    /// task runs on the runtime of whoever spawns it, and inherits neither its span nor its task-locals. Both are
    /// properties of a future, and can be given to it:
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// # let _default = tracing::subscriber::set_default(tracing_subscriber::registry());
    /// use tracing::{Instrument, Span, info_span};
    /// use unstuck::TaskGroup;
    ///
    /// tokio::task_local! {
    ///     static USER: u32;
    /// }
    ///
    /// let request = USER.scope(7, async {
    ///     let group = TaskGroup::new("request").scope(async |group| {
    ///         let child = async { (USER.get(), Span::current().metadata().unwrap().name()) };
    ///         let child = USER.scope(USER.get(), child.in_current_span());
    ///         Ok(group.spawn_infallible("child", child)?.value().await?)
    ///     });
    ///     group.await.unwrap()
    /// });
    /// let inherited = request.instrument(info_span!("request")).await;
    /// assert_eq!(inherited, (7, "request"));
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// [`Refused`] if the group is cancelled or has ended; `future` is dropped then, without having been
    /// polled. It can be passed on with `?`: in the body and the tasks of a group that is cancelled, it counts as
    /// cancellation and not as a failure.
    ///
    /// # Panics
    ///
    /// Outside a Tokio runtime.
    ///
    /// # Examples
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// use unstuck::{BoxError, TaskGroup};
    ///
    /// let group = TaskGroup::new("two").scope(async |group| {
    ///     let two = group.spawn("two", async { "2".parse::<i32>() })?;
    ///     group.spawn("unread", async { Ok::<_, BoxError>(()) })?;
    ///     Ok(two.value().await?)
    /// });
    /// assert_eq!(group.await.unwrap(), 2);
    /// # }
    /// ```
    #[track_caller]
    pub fn spawn<T, E>(
        &self,
        name: impl Into<Cow<'static, str>>,
        future: impl Future<Output = Result<T, E>> + Send + 'static,
    ) -> Result<Child<T>, Refused>
    where
        T: Send + 'static,
        E: Into<BoxError>,
    {
        let turn = Turn::ahead(self.0.turns.as_ref());
        self.start(name.into(), Location::caller(), Role::Task, turn, future)
    }

    /// Spawns a task that returns no error: the output of its future is its value. It may still panic or be cancelled.
    ///
    /// # Errors
    ///
    /// As [`spawn`](Scope::spawn).
    ///
    /// # Panics
    ///
    /// Outside a Tokio runtime.
    ///
    /// # Examples
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// use unstuck::TaskGroup;
    ///
    /// let group = TaskGroup::new("sum").scope(async |group| {
    ///     let one = group.spawn_infallible("one", async { 1 })?;
    ///     let two = group.spawn_infallible("two", async { 2 })?;
    ///     Ok(one.value().await? + two.value().await?)
    /// });
    /// assert_eq!(group.await.unwrap(), 3);
    /// # }
    /// ```
    #[track_caller]
    pub fn spawn_infallible<T: Send + 'static>(
        &self,
        name: impl Into<Cow<'static, str>>,
        future: impl Future<Output = T> + Send + 'static,
    ) -> Result<Child<T>, Refused> {
        self.spawn(name, async { Ok::<_, Infallible>(future.await) })
    }

    /// Spawns a task on the runtime of that handle, which may be another one than the group's own. A runtime that
    /// shuts down cancels its tasks.
    ///
    /// # Errors
    ///
    /// As [`spawn`](Scope::spawn).
    ///
    /// # Examples
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// use tokio::runtime::Handle;
    /// use unstuck::{BoxError, TaskGroup};
    ///
    /// let handle = Handle::current();
    /// let group = TaskGroup::new("from outside").scope(async |group| {
    ///     let from_a_thread = move || {
    ///         let one = async { Ok::<_, BoxError>(1) };
    ///         group.spawn_on("one", one, &handle)
    ///     };
    ///     let one = std::thread::spawn(from_a_thread).join().unwrap()?;
    ///     Ok(one.value().await?)
    /// });
    /// assert_eq!(group.await.unwrap(), 1);
    /// # }
    /// ```
    #[track_caller]
    pub fn spawn_on<T, E>(
        &self,
        name: impl Into<Cow<'static, str>>,
        future: impl Future<Output = Result<T, E>> + Send + 'static,
        handle: &Handle,
    ) -> Result<Child<T>, Refused>
    where
        T: Send + 'static,
        E: Into<BoxError>,
    {
        let _entered = handle.enter();
        self.spawn(name, future)
    }

    /// Spawns a task that stays on this thread, for a future that can't be sent to another. Such tasks
    /// run in a [`LocalSet`](tokio::task::LocalSet), or on a runtime that is local itself.
    ///
    /// # Errors
    ///
    /// As [`spawn`](Scope::spawn).
    ///
    /// # Panics
    ///
    /// Outside both.
    ///
    /// # Examples
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// use std::rc::Rc;
    /// use tokio::task::LocalSet;
    /// use unstuck::{BoxError, TaskGroup};
    ///
    /// let scope = TaskGroup::new("local").scope(async |group| {
    ///     let shared = Rc::new(20);
    ///     let mine = Rc::clone(&shared);
    ///     let child = group.spawn_local("child", async move { Ok::<_, BoxError>(*mine + 1) })?;
    ///     Ok(child.value().await? + *shared)
    /// });
    /// assert_eq!(LocalSet::new().run_until(scope).await.unwrap(), 41);
    /// # }
    /// ```
    #[track_caller]
    pub fn spawn_local<T, E>(
        &self,
        name: impl Into<Cow<'static, str>>,
        future: impl Future<Output = Result<T, E>> + 'static,
    ) -> Result<Child<T>, Refused>
    where
        T: 'static,
        E: Into<BoxError>,
    {
        let turn = Turn::ahead(self.0.turns.as_ref());
        let name = name.into();
        let admitted = self.admit(name.clone(), Location::caller(), Role::Task)?;
        let report = self.report(&admitted);
        let full_name = || self.0.full_name(admitted.key);
        let task = named::spawn_local(full_name, Guarded::new(turn, future, report));
        Ok(self.spawned(admitted, name, task))
    }

    /// Waits for a turn, where the group has a [limit](crate::TaskGroup::limit), and then spawns.
    ///
    /// # Errors
    ///
    /// As [`spawn`](Scope::spawn).
    ///
    /// # Cancel safety
    ///
    /// Dropped before its turn, it drops `future` and spawns nothing.
    ///
    /// # Panics
    ///
    /// When awaited outside a Tokio runtime.
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
    ///         let page = async { Ok::<_, BoxError>(()) };
    ///         group.spawn_within_limit("page", page).await?;
    ///     }
    ///     Ok(())
    /// });
    /// group.await.unwrap();
    /// # }
    /// ```
    #[track_caller]
    pub fn spawn_within_limit<T, E>(
        &self,
        name: impl Into<Cow<'static, str>>,
        future: impl Future<Output = Result<T, E>> + Send + 'static,
    ) -> impl Future<Output = Result<Child<T>, Refused>>
    where
        T: Send + 'static,
        E: Into<BoxError>,
    {
        let (name, spawned_at) = (name.into(), Location::caller());
        async move {
            let turn = Turn::taken(self.0.turns.as_ref()).await;
            self.start(name, spawned_at, Role::Task, turn, future)
        }
    }

    /// Spawns the tasks as the [limit](crate::TaskGroup::limit) of the group allows, and returns their values in the
    /// order of the tasks. The iterator is not advanced before there is a turn for the next task. Without a limit, all
    /// are spawned at once.
    ///
    /// # Errors
    ///
    /// [`NoValue`] if a task failed or was cancelled, or if the group takes no more. The other tasks go on, unless the
    /// [policy](crate::OnFailure) of the group cancels them.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future loses the values, but does nothing to the tasks that were spawned.
    ///
    /// # Panics
    ///
    /// When awaited outside a Tokio runtime.
    ///
    /// # Examples
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// use unstuck::TaskGroup;
    ///
    /// let group = TaskGroup::new("digits").limit(2).scope(async |group| {
    ///     let parse = |digit: &'static str| (digit, async move { digit.parse::<u8>() });
    ///     Ok(group.collect(["3", "1", "2"].map(parse)).await?)
    /// });
    /// assert_eq!(group.await.unwrap(), [3, 1, 2]);
    /// # }
    /// ```
    #[track_caller]
    pub fn collect<N, F, T, E>(
        &self,
        tasks: impl IntoIterator<Item = (N, F)>,
    ) -> impl Future<Output = Result<Vec<T>, NoValue>>
    where
        N: Into<Cow<'static, str>>,
        F: Future<Output = Result<T, E>> + Send + 'static,
        T: Send + 'static,
        E: Into<BoxError>,
    {
        let (tasks, spawned_at) = (tasks.into_iter(), Location::caller());
        async move {
            let mut values = Vec::new();
            let mut children = VecDeque::<Child<T>>::new();
            let mut tasks = tasks;
            loop {
                let turn = Turn::taken(self.0.turns.as_ref()).await;
                let Some((name, future)) = tasks.next() else {
                    break;
                };
                let child = self.start(name.into(), spawned_at, Role::Task, turn, future);
                children.push_back(child.map_err(|_| NoValue::of(self.0.id()))?);
                // A task takes more memory than its value, so what has ended is read at once.
                while let Some(child) = children.pop_front_if(|child| child.is_finished()) {
                    values.push(child.value().await?);
                }
            }
            for child in children {
                values.push(child.value().await?);
            }
            Ok(values)
        }
    }

    /// Spawns a task when called, and when awaited waits until it [says](Started::say) that it has started. Returns the
    /// value that it said. If the task neither says so nor ends, the wait never ends.
    ///
    /// # Errors
    ///
    /// The error that the task returned before it has started, which then is not an error of the group.
    /// [`NeverStarted`] if it ended before that in another way; a panic is in the errors of the group. [`Refused`] as
    /// for [`spawn`](Scope::spawn). Errors after the start go to the group.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future leaves the task running. Its errors then all go to the group, unless the group has ended.
    ///
    /// # Panics
    ///
    /// Outside a Tokio runtime.
    ///
    /// # Examples
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// use unstuck::{BoxError, Started, TaskGroup};
    ///
    /// async fn serve(started: Started<u16>) -> Result<(), BoxError> {
    ///     started.say("8080".parse()?);
    ///     Ok(())
    /// }
    ///
    /// let group = TaskGroup::new("server").scope(async |group| {
    ///     let port = group.spawn_started("serve", serve).await?;
    ///     Ok(port)
    /// });
    /// assert_eq!(group.await.unwrap(), 8080);
    /// # }
    /// ```
    #[track_caller]
    pub fn spawn_started<V, E, F>(
        &self,
        name: impl Into<Cow<'static, str>>,
        task: impl FnOnce(Started<V>) -> F,
    ) -> impl Future<Output = Result<V, BoxError>> + 'static
    where
        V: Send + 'static,
        E: Into<BoxError>,
        F: Future<Output = Result<(), E>> + Send + 'static,
    {
        let (started, starting, answered) = started::channel();
        let future = task(started);
        let spawned = self.spawn(name, async move {
            starting.ended(future.await.map_err(Into::into))
        });
        let group = self.0.id();
        async move {
            spawned?;
            match answered.await {
                Ok(Ok(value)) => Ok(value),
                Ok(Err(early)) => Err(early.into_error()),
                Err(_) => Err(NeverStarted::lost(group).into()),
            }
        }
    }

    /// Spawns a task that runs as long as the others: a heartbeat, a listener for signals, a writer of metrics.
    ///
    /// Once the body has ended and only such tasks are left, the group is [cancelled](Scope::cancel): with a
    /// [grace period](crate::TaskGroup::grace) they can wait for [`stopping`](Scope::stopping), and without one they
    /// are aborted. Until then it is a task like any other, and if it fails, so does the group. It does not count
    /// against the [limit](crate::TaskGroup::limit).
    ///
    /// # Errors
    ///
    /// As [`spawn`](Scope::spawn).
    ///
    /// # Panics
    ///
    /// Outside a Tokio runtime.
    ///
    /// # Examples
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread", start_paused = true)]
    /// # async fn main() {
    /// use std::time::Duration;
    /// use tokio::time::interval;
    /// use unstuck::{BoxError, TaskGroup};
    ///
    /// let group = TaskGroup::new("upload").scope(async |group| {
    ///     group.spawn_service("progress", async {
    ///         let mut second = interval(Duration::from_secs(1));
    ///         loop {
    ///             second.tick().await;
    ///             println!("still uploading");
    ///         }
    ///         # #[expect(unreachable_code)]
    ///         Ok::<(), BoxError>(())
    ///     })?;
    ///     let sent = group.spawn("upload", async { Ok::<_, BoxError>(1) })?;
    ///     Ok(sent.value().await?)
    /// });
    /// assert_eq!(group.await.unwrap(), 1);
    /// # }
    /// ```
    #[track_caller]
    pub fn spawn_service<T, E>(
        &self,
        name: impl Into<Cow<'static, str>>,
        future: impl Future<Output = Result<T, E>> + Send + 'static,
    ) -> Result<Child<T>, Refused>
    where
        T: Send + 'static,
        E: Into<BoxError>,
    {
        let turn = Turn::Now(None);
        self.start(name.into(), Location::caller(), Role::Service, turn, future)
    }

    /// Runs `f` on a thread for blocking work, as a task of the group.
    ///
    /// If the group is cancelled before `f` begins, `f` never runs, though the group waits until a thread is free to
    /// drop it. Once it runs nothing can abort it, and the group waits for its end. It should check
    /// [`is_stopping`](Scope::is_stopping) from time to time, which does not become true just because nothing else is
    /// left. Nor does cancelling the group cancel a group that `f` runs; stopping it does stop that one.
    ///
    /// # Errors
    ///
    /// [`Refused`] if the group is cancelled or has ended; `f` is dropped then.
    ///
    /// # Panics
    ///
    /// Outside a Tokio runtime.
    ///
    /// # Examples
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// use unstuck::{BoxError, TaskGroup};
    ///
    /// let group = TaskGroup::new("sum").scope(async |group| {
    ///     let sum = group.spawn_blocking("sum", || Ok::<u64, BoxError>((1..=1000).sum()))?;
    ///     Ok(sum.value().await?)
    /// });
    /// assert_eq!(group.await.unwrap(), 500_500);
    /// # }
    /// ```
    #[track_caller]
    pub fn spawn_blocking<T, E>(
        &self,
        name: impl Into<Cow<'static, str>>,
        f: impl FnOnce() -> Result<T, E> + Send + 'static,
    ) -> Result<Child<T>, Refused>
    where
        T: Send + 'static,
        E: Into<BoxError>,
    {
        let name = name.into();
        let admitted = self.admit(name.clone(), Location::caller(), Role::Task)?;
        let guarded = GuardedFn::new(f, self.report(&admitted));
        let task = task::spawn_blocking(|| guarded.run());
        Ok(self.spawned(admitted, name, task))
    }

    /// Asks the tasks, and the body, to end: [`stopping`](Scope::stopping) becomes ready. What has not ended after the
    /// [grace period](crate::TaskGroup::grace) is cancelled; without one the group waits as long as it takes. That
    /// is no error. Stopping a group again does nothing.
    ///
    /// Groups inside this one are stopped, too, however deep: those whose scopes have begun in the body or in a task of
    /// this group, and those that begin in them later. Each has its own grace period. One without it has as long as
    /// the group around it.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// use std::future::pending;
    /// use std::time::Duration;
    /// use unstuck::{BoxError, Scope, TaskGroup};
    ///
    /// let group = TaskGroup::new("server")
    ///     .grace(Duration::from_millis(10))
    ///     .scope(async |group: Scope| {
    ///         let stopping = group.stopping();
    ///         group.spawn("ends by itself", async {
    ///             stopping.await;
    ///             Ok::<_, BoxError>(())
    ///         })?;
    ///         group.spawn("is cancelled", pending::<Result<(), BoxError>>())?;
    ///         group.stop();
    ///         Ok(())
    ///     });
    /// group.await.unwrap();
    /// # }
    /// ```
    pub fn stop(&self) {
        self.0.stop();
    }

    /// Cancels the group: its body is dropped and its tasks are aborted, each at its next await. That is no error, but
    /// if the body has no value by then, the scope returns an [empty](crate::ErrorGroup::is_cancelled) group.
    ///
    /// A group with a [grace period](crate::TaskGroup::grace) is first [stopped](Scope::stop). If it is stopping
    /// already, this ends the period at once, as a second Ctrl+C does in many programs.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// use std::future::pending;
    /// use unstuck::{BoxError, Scope, TaskGroup};
    ///
    /// let group = TaskGroup::new("cancelled").scope(async |group: Scope| {
    ///     group.spawn("forever", pending::<Result<(), BoxError>>())?;
    ///     group.cancel();
    ///     Ok("the body has its value before its next await")
    /// });
    /// assert!(group.await.is_ok());
    /// # }
    /// ```
    pub fn cancel(&self) {
        self.0.cancel();
    }

    /// Moves the [deadline](crate::TaskGroup::deadline), or with `None` removes it. Whether its passing is a
    /// failure stays as it was. In a group that had none, it is one. A deadline that has passed can't be moved.
    ///
    /// The scope panics if there is no Tokio runtime with a timer.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread", start_paused = true)]
    /// # async fn main() {
    /// use std::time::Duration;
    /// use tokio::time::{Instant, sleep};
    /// use unstuck::{Scope, TaskGroup};
    ///
    /// let second = Duration::from_secs(1);
    /// let group = TaskGroup::new("patient")
    ///     .deadline(Instant::now() + second)
    ///     .scope(async |group: Scope| {
    ///         group.set_deadline(Instant::now() + 5 * second);
    ///         sleep(4 * second).await;
    ///         group.set_deadline(None);
    ///         sleep(9 * second).await;
    ///         Ok(())
    ///     });
    /// group.await.unwrap();
    /// # }
    /// ```
    pub fn set_deadline(&self, deadline: impl Into<Option<Instant>>) {
        self.0.set_deadline(deadline.into());
    }

    /// Whether the group wants its tasks to end: it or a group around it was [stopped](Scope::stop), it was cancelled,
    /// or nothing is left of it except tasks that wait for [`stopping`](Scope::stopping). Also once it has ended.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// use unstuck::{BoxError, Scope, TaskGroup};
    ///
    /// let group = TaskGroup::new("busy").scope(async |group: Scope| {
    ///     let scope = group.clone();
    ///     group.spawn_blocking("busy", move || {
    ///         while !scope.is_stopping() {
    ///             std::thread::yield_now();
    ///         }
    ///         Ok::<_, BoxError>(())
    ///     })?;
    ///     group.stop();
    ///     Ok(())
    /// });
    /// group.await.unwrap();
    /// # }
    /// ```
    pub fn is_stopping(&self) -> bool {
        self.0.stage() >= Stage::Finished
    }

    /// Waits until the group [wants its tasks to end](Scope::is_stopping), so that a task can clean up
    /// before it is cancelled. Who sees that:
    ///
    /// - When the group or one around it is [stopped](Scope::stop), and in a [grace period](crate::TaskGroup::grace):
    ///   every task, and the body.
    /// - When the group is cancelled without a grace period: nothing in the group, as tasks are aborted and the body is
    ///   dropped at this await. Clean-up is left to destructors. Only a task that is being polled at that moment may
    ///   find it ready. Waits outside the group end.
    /// - When the group is finished: every task. That is once the body has ended and each task that is left waits
    ///   for this, and for nothing else, so that a task that waits only to clean up does not keep its group
    ///   from ending. A task that also waits for something else, such as a server that accepts connections in
    ///   the same `select!`, is not finished and keeps the group open. So does a
    ///   [blocking](Scope::spawn_blocking) task, and a task that waits from within a group of its own.
    ///
    /// The future does not borrow the scope.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future has no effect.
    ///
    /// # Examples
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// use std::time::Duration;
    /// use unstuck::{BoxError, Scope, TaskGroup};
    ///
    /// let errors = TaskGroup::new("careful")
    ///     .grace(Duration::from_secs(1))
    ///     .scope(async |group: Scope| {
    ///         let stopping = group.stopping();
    ///         group.spawn("cleans up", async {
    ///             stopping.await;
    ///             Ok::<_, BoxError>(())
    ///         })?;
    ///         Err::<(), BoxError>("boom".into())
    ///     })
    ///     .await
    ///     .unwrap_err();
    /// assert_eq!(errors.cancelled_count(), 0);
    /// # }
    /// ```
    pub fn stopping(&self) -> impl Future<Output = ()> + Send + Sync + use<> {
        let shared = Arc::clone(&self.0);
        async move {
            // Created before the check, so that a stop between the check and the await is not missed.
            let mut stop = pin!(shared.stop_wanted().notified());
            let mut wait = None;
            poll_fn(|cx| {
                if shared.stage() >= Stage::Finished {
                    return Poll::Ready(());
                }
                drop(wait.take());
                wait = Member::stop_waits_in(&shared)
                    .and_then(|waits| StopWait::new(&waits, cx.waker()));
                stop.as_mut().poll(cx)
            })
            .await;
        }
    }

    #[track_caller]
    fn start<T, E>(
        &self,
        name: Cow<'static, str>,
        spawned_at: &'static Location<'static>,
        role: Role,
        turn: Turn,
        future: impl Future<Output = Result<T, E>> + Send + 'static,
    ) -> Result<Child<T>, Refused>
    where
        T: Send + 'static,
        E: Into<BoxError>,
    {
        let admitted = self.admit(name.clone(), spawned_at, role)?;
        let report = self.report(&admitted);
        let full_name = || self.0.full_name(admitted.key);
        let task = named::spawn(full_name, Guarded::new(turn, future, report));
        Ok(self.spawned(admitted, name, task))
    }

    fn admit(
        &self,
        name: Cow<'static, str>,
        spawned_at: &'static Location<'static>,
        role: Role,
    ) -> Result<Admitted, Refused> {
        let refused = |name: Cow<str>| Refused::new(name.into_owned(), self.0.name(), self.0.id());
        self.0.admit(name, spawned_at, role).map_err(refused)
    }

    /// Not a part of `admit`, so that it is built in place. As a return value it is stored to memory and loaded again
    /// at once with accesses of another size, which defeats store forwarding and stalls the processor.
    #[inline]
    fn report(&self, admitted: &Admitted) -> Report {
        Report::of(Member::new(Arc::clone(&self.0), admitted.key))
    }

    fn spawned<T>(
        &self,
        admitted: Admitted,
        name: Cow<'static, str>,
        task: JoinHandle<Option<T>>,
    ) -> Child<T> {
        self.0.spawned(admitted, task.abort_handle());
        Child::of(self.0.id(), name, task)
    }
}

impl fmt::Debug for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Scope")
            .field("group", &self.0.name())
            .finish_non_exhaustive()
    }
}
