//! A task of a group: its handle, and the wrapper around its future.

use std::borrow::Cow;
use std::fmt;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll, Waker, ready};

use pin_project_lite::pin_project;
use tokio::task::{self, JoinHandle};

use super::member::Member;
use super::no_value::NoValue;
use super::shared::{Ended, Stage};
use super::turn::Turn;
use crate::error_group::{BoxError, Failure, GroupId, Panic};

/// The handle of a task in a group.
///
/// It is for reading the task's value. Errors and panics are the group's to report, and dropping the handle
/// does nothing to the task.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// use unstuck::{BoxError, TaskGroup};
///
/// let group = TaskGroup::new("one").scope(async |group| {
///     let child = group.spawn("child", async { Ok::<_, BoxError>(1) })?;
///     println!("task {} has ended: {}", child.id(), child.is_finished());
///     Ok(child.value().await?)
/// });
/// assert_eq!(group.await.unwrap(), 1);
/// # }
/// ```
#[derive(Debug)]
pub struct Child<T> {
    group: GroupId,
    name: Cow<'static, str>,
    task: JoinHandle<Option<T>>,
}

impl<T> Child<T> {
    /// The name of the task.
    pub fn name(&self) -> &str {
        &self.name
    }

    pub(super) fn into_name(self) -> Cow<'static, str> {
        self.name
    }

    pub(super) fn of(group: GroupId, name: Cow<'static, str>, task: JoinHandle<Option<T>>) -> Self {
        Self { group, name, task }
    }
}

impl<T: 'static> Child<T> {
    /// Waits for the end of the task, and returns its value.
    ///
    /// Can be awaited in the body of the group, in its tasks, and after the scope has ended. In a group with a
    /// [limit](crate::TaskGroup::limit), a task that waits for another one keeps its turn: tasks that all wait
    /// for one that has no turn yet wait forever.
    ///
    /// A value that is never read is dropped by Tokio, perhaps a moment after the scope has ended. If its destructor
    /// panics then, that is not reported.
    ///
    /// # Errors
    ///
    /// [`NoValue`] if the task failed or was cancelled, both of which are part of what the group's scope returns. So
    /// in the body and the tasks of that group it can be passed on with `?`, and is no failure.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future loses the value, but does nothing to the task.
    ///
    /// # Examples
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// use unstuck::TaskGroup;
    ///
    /// let group = TaskGroup::new("one").scope(async |group| {
    ///     Ok(group.spawn("child", async { "1".parse::<u8>() })?)
    /// });
    /// let child = group.await.unwrap();
    /// assert_eq!(child.value().await, Ok(1));
    /// # }
    /// ```
    pub async fn value(self) -> Result<T, NoValue> {
        // An error means that the task was aborted, which the group has recorded.
        let value = self.task.await.ok().flatten();
        value.ok_or_else(|| NoValue::of(self.group))
    }

    /// Ready once the task has ended: its value, or none if it failed or was cancelled.
    pub(super) fn poll_value(&mut self, cx: &mut Context<'_>) -> Poll<Option<T>> {
        let ended = ready!(Pin::new(&mut self.task).poll(cx));
        Poll::Ready(ended.ok().flatten())
    }

    /// Tokio's id of the task.
    pub fn id(&self) -> task::Id {
        self.task.id()
    }

    /// Cancels this task, and no other: it is aborted at its next await, or before it begins. That is no error;
    /// the group counts it among those that were [cancelled](crate::ErrorGroup::cancelled_count). Nothing happens to a
    /// task that has ended, nor to a [blocking](crate::Scope::spawn_blocking) one that has begun.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// use std::future::pending;
    /// use unstuck::{BoxError, TaskGroup};
    ///
    /// let group = TaskGroup::new("two").scope(async |group| {
    ///     let endless = group.spawn("endless", pending::<Result<(), BoxError>>())?;
    ///     let two = group.spawn("two", async { "2".parse::<i32>() })?;
    ///     endless.cancel();
    ///     Ok((endless.value().await.ok(), two.value().await?))
    /// });
    /// assert_eq!(group.await.unwrap(), (None, 2));
    /// # }
    /// ```
    pub fn cancel(&self) {
        self.task.abort();
    }

    /// Whether the task has ended. Tokio records that after the task has reported its end to the group: on several
    /// threads, the scope may have ended a moment before.
    pub fn is_finished(&self) -> bool {
        self.task.is_finished()
    }
}

/// Reports to the group how a task ended. If it is dropped before that, the task was cancelled.
pub(super) struct Report {
    /// None once its end has been reported.
    member: Option<Member>,
}

impl Report {
    pub(super) fn of(member: Member) -> Self {
        Self {
            member: Some(member),
        }
    }

    /// Whether the group is cancelled, so that the task must not begin.
    fn is_cancelled(&self) -> bool {
        let member = self.member.as_ref();
        member.is_some_and(|member| member.shared.stage() >= Stage::Cancelled)
    }

    /// Runs a part of the task, in the task.
    fn run<R>(&self, f: impl FnOnce() -> R) -> Result<R, Panic> {
        let run = || catch_unwind(AssertUnwindSafe(f));
        match &self.member {
            Some(member) => member.enter(run),
            None => run(),
        }
        .map_err(Panic::new)
    }

    /// Reports a failure that is not yet the end.
    fn failed(&self, failure: Failure) {
        if let Some(Member { shared, key, .. }) = &self.member
            && !self.is_cancellation(&failure)
        {
            let id = task::try_id();
            emit_failure(id, &failure);
            shared.failed(*key, id, failure);
        }
    }

    /// Whether an error of the task only passes a cancellation on.
    fn is_cancellation(&self, failure: &Failure) -> bool {
        let member = self.member.as_ref();
        member.is_some_and(|member| failure.is_cancellation(|id| member.shared.is_within(id)))
    }

    /// The task, if it has waited for its group to stop and has not ended.
    #[inline]
    fn stop_waiter(&self) -> Option<&Member> {
        let member = self.member.as_ref();
        member.filter(|member| member.has_stop_waits.load(Ordering::Relaxed))
    }

    /// The waker for the next poll of a task that has waited for its group to stop. The task's own waker is `own`.
    #[inline]
    fn resume(&self, own: &Waker) -> Option<Waker> {
        let Member { shared, key, .. } = self.stop_waiter()?;
        Some(shared.resume(*key, own))
    }

    /// The task has been polled with the waker of its waits for the group to stop.
    fn rest(&self) {
        if let Some(Member { shared, key, .. }) = self.stop_waiter() {
            shared.rest(*key);
        }
    }

    /// Reports the end. Returns the value, if there is one.
    fn ended<T>(&mut self, ended: Result<T, Failure>) -> Option<T> {
        match ended {
            Ok(value) => {
                self.end(Ended::Well);
                Some(value)
            }
            Err(failure) => {
                self.end_with(failure);
                None
            }
        }
    }

    #[cold]
    fn end_with(&mut self, failure: Failure) {
        // The task only passes a cancellation on, so it counts as cancelled.
        if self.is_cancellation(&failure) {
            return self.end(Ended::Cancelled);
        }
        let id = task::try_id();
        emit_failure(id, &failure);
        self.end(Ended::Failed(id, failure));
    }

    fn end(&mut self, ended: Ended) {
        let Some(Member { shared, key, .. }) = self.member.take() else {
            return;
        };
        if matches!(ended, Ended::Cancelled) {
            emit_event(task::try_id(), "cancelled", &"");
        }
        shared.ended(key, ended);
    }
}

impl Drop for Report {
    fn drop(&mut self) {
        self.end(Ended::Cancelled);
    }
}

fn emit_failure(id: Option<task::Id>, failure: &Failure) {
    let emit = || match failure {
        Failure::Panic(panic) => emit_event(id, "panic", panic),
        error => emit_event(id, "error", error),
    };
    // A subscriber that panics must not lose the error.
    let _ = catch_unwind(AssertUnwindSafe(emit));
}

/// Emits the tracing event of a task that failed or was cancelled, which `observe` hears, too.
fn emit_event(id: Option<task::Id>, outcome: &str, error: &dyn fmt::Display) {
    if let Some(id) = id {
        tracing::debug!(target: "unstuck::group", { task.id = %id, outcome, %error }, "task ended");
    }
}

/// A function whose errors and panics go to the group, and the panics of destructors of what it owns.
pub(super) struct GuardedFn<F> {
    f: Option<F>,
    report: Report,
}

impl<F> GuardedFn<F> {
    pub(super) fn new(f: F, report: Report) -> Self {
        Self { f: Some(f), report }
    }

    pub(super) fn run<T, E>(mut self) -> Option<T>
    where
        F: FnOnce() -> Result<T, E>,
        E: Into<BoxError>,
    {
        if self.report.is_cancelled() {
            return None;
        }
        let f = self.f.take()?;
        let ended = match self.report.run(|| f().map_err(Into::into)) {
            Ok(ended) => ended.map_err(Failure::from),
            Err(panic) => Err(panic.into()),
        };
        self.report.ended(ended)
    }
}

impl<F> Drop for GuardedFn<F> {
    fn drop(&mut self) {
        if let Some(f) = self.f.take()
            && let Err(panic) = self.report.run(|| drop(f))
        {
            self.report.end_with(panic.into());
        }
    }
}

pin_project! {
    /// A future whose errors and panics go to the group, panics of its destructor included.
    pub(super) struct Guarded<F> {
        #[pin]
        future: Option<F>,
        report: Report,
        // Dropped last, after the end has been reported.
        turn: Turn,
    }

    impl<F> PinnedDrop for Guarded<F> {
        fn drop(this: Pin<&mut Self>) {
            this.put_down();
        }
    }
}

impl<F> Guarded<F> {
    pub(super) fn new(turn: Turn, future: F, report: Report) -> Self {
        Self {
            future: Some(future),
            report,
            turn,
        }
    }

    /// Polls the future. Reports the end, if it is ready.
    #[inline]
    fn poll_future<T, E>(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<T>>
    where
        F: Future<Output = Result<T, E>>,
        E: Into<BoxError>,
    {
        let mut this = self.as_mut().project();
        let mut ended = None;
        let run = this.report.run(|| {
            let future = this.future.as_mut().as_pin_mut();
            if let Some(Poll::Ready(result)) = future.map(|future| future.poll(cx)) {
                ended = Some(result.map_err(Into::into));
                this.future.set(None);
            }
        });
        match (run, ended) {
            (Ok(()), None) => Poll::Pending,
            (Ok(()), Some(ended)) => Poll::Ready(this.report.ended(ended.map_err(Failure::from))),
            (Err(panic), ended) => Poll::Ready(self.panicked(panic, ended)),
        }
    }

    /// The same for a task that has waited for its group to stop, with the waker for that.
    #[cold]
    fn poll_stop_waiter<T, E>(mut self: Pin<&mut Self>, waker: Waker) -> Poll<Option<T>>
    where
        F: Future<Output = Result<T, E>>,
        E: Into<BoxError>,
    {
        let polled = self.as_mut().poll_future(&mut Context::from_waker(&waker));
        drop(waker);
        self.project().report.rest();
        polled
    }

    /// Drops the future, unless that has been done. If its destructor panics, so did the task.
    fn put_down(self: Pin<&mut Self>) {
        let mut this = self.project();
        // By `as_pin_mut`, as a future that has begun may refer to itself, and then no `&` to it may exist.
        if this.future.as_mut().as_pin_mut().is_some()
            && let Err(panic) = this.report.run(|| this.future.set(None))
        {
            this.report.end_with(panic.into());
        }
    }

    /// The future has panicked: when it was polled, or else when it was dropped after its end.
    #[cold]
    fn panicked<T>(
        mut self: Pin<&mut Self>,
        panic: Panic,
        ended: Option<Result<T, BoxError>>,
    ) -> Option<T> {
        let this = self.as_mut().project();
        let value = ended.and_then(|ended| {
            let failed = |error| this.report.failed(Failure::from(error));
            ended.map_err(failed).ok()
        });
        this.report.failed(panic.into());
        self.as_mut().put_down();
        self.project().report.end(Ended::Well);
        value
    }
}

impl<F, T, E> Future for Guarded<F>
where
    F: Future<Output = Result<T, E>>,
    E: Into<BoxError>,
{
    type Output = Option<T>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.as_mut().project();
        if this.turn.is_ahead() {
            ready!(this.turn.poll(cx));
            // The permit is one of a task that was cancelled, and this task is about to be.
            if this.report.is_cancelled() {
                return Poll::Ready(None);
            }
        }
        if let Some(waker) = this.report.resume(cx.waker()) {
            return self.poll_stop_waiter(waker);
        }
        let polled = self.as_mut().poll_future(cx);
        if polled.is_pending() && self.project().report.stop_waiter().is_some() {
            // It has just begun to wait for the group to stop. Poll it again, with the waker for that.
            cx.waker().wake_by_ref();
        }
        polled
    }
}
