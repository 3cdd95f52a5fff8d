//! A task of a group: its handle, and the guard around its future.

use std::any::Any;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use pin_project_lite::pin_project;
use tokio::task::{self, AbortHandle, JoinHandle};
use tracing::Level;
#[cfg(all(tokio_unstable, feature = "observe"))]
use tracing::level_filters::LevelFilter;

use super::member::Member;
use super::turn::Turn;
use crate::error_group::{BoxError, Failure, Panic};

/// The handle of a task in a group.
///
/// It is for reading the task's value. Errors and panics are the group's to tell, and dropping the handle
/// does nothing to the task.
#[derive(Debug)]
pub struct Child<T>(JoinHandle<Option<T>>);

impl<T: Send + 'static> Child<T> {
    /// Waits for the end of the task: its value, or nothing if it failed or was cancelled. Both are part
    /// of what the group's scope returns.
    ///
    /// Can be awaited in the body of the group, in its tasks, and after the scope has ended.
    ///
    /// Cancel-safe, but the value is lost with the handle.
    pub async fn value(self) -> Option<T> {
        // An error means that the task was aborted, of which the group knows.
        self.0.await.ok().flatten()
    }

    /// Tokio's id of the task.
    pub fn id(&self) -> task::Id {
        self.0.id()
    }

    /// Whether the task has ended.
    pub fn is_finished(&self) -> bool {
        self.0.is_finished()
    }

    pub(super) fn abort_handle(&self) -> AbortHandle {
        self.0.abort_handle()
    }

    /// Spawns under the name `group/task` where Tokio has names for tasks.
    #[track_caller]
    pub(super) fn spawn<F, E>(future: Guarded<F>) -> Self
    where
        F: Future<Output = Result<T, E>> + Send + 'static,
        E: Into<BoxError>,
    {
        Self(spawn_named(future))
    }

    #[track_caller]
    pub(super) fn spawn_blocking<E: Into<BoxError>>(
        f: impl FnOnce() -> Result<T, E> + Send + 'static,
        mut report: Report,
    ) -> Self {
        Self(task::spawn_blocking(move || {
            let ended = report.run(f);
            report.ended(ended)
        }))
    }
}

#[cfg(all(tokio_unstable, feature = "observe"))]
#[track_caller]
fn spawn_named<F>(future: Guarded<F>) -> JoinHandle<<Guarded<F> as Future>::Output>
where
    Guarded<F>: Future<Output: Send + 'static> + Send + 'static,
{
    // Nobody reads the name unless spans of that level are recorded.
    let name = match &future.report.member {
        Some(member) if LevelFilter::current() == LevelFilter::TRACE => {
            format!("{}/{}", member.shared.name, member.name)
        }
        _ => return task::spawn(future),
    };
    match task::Builder::new().name(&name).spawn(future) {
        Ok(handle) => handle,
        Err(never) => unreachable!("spawning a future does no I/O, yet it failed: {never}"),
    }
}

#[cfg(not(all(tokio_unstable, feature = "observe")))]
#[track_caller]
fn spawn_named<F>(future: Guarded<F>) -> JoinHandle<<Guarded<F> as Future>::Output>
where
    Guarded<F>: Future<Output: Send + 'static> + Send + 'static,
{
    task::spawn(future)
}

/// Tells the group how a task ended, at the latest when it is dropped.
pub(super) struct Report {
    /// None only while the task is being polled.
    member: Option<Member>,
    failures: Vec<Failure>,
    finished: bool,
}

impl Report {
    pub(super) fn of(member: Member) -> Self {
        Self {
            member: Some(member),
            failures: Vec::new(),
            finished: false,
        }
    }

    /// Runs a part of the task, in the task. What it panicked with, if it did.
    fn run<R>(&mut self, f: impl FnOnce() -> R) -> Result<R, Box<dyn Any + Send>> {
        if let Some(member) = &mut self.member
            && member.id.is_none()
        {
            member.id = task::try_id();
        }
        Member::enter(&mut self.member, || catch_unwind(AssertUnwindSafe(f)))
    }

    /// Takes down how the task ended. The value, if it has one.
    fn ended<T, E: Into<BoxError>>(
        &mut self,
        ended: Result<Result<T, E>, Box<dyn Any + Send>>,
    ) -> Option<T> {
        self.finished = true;
        match ended {
            Ok(Ok(value)) => return Some(value),
            Ok(Err(error)) => self.failures.push(Failure::from(error.into())),
            Err(payload) => self.failures.push(Panic::new(payload).into()),
        }
        None
    }
}

impl Drop for Report {
    fn drop(&mut self) {
        let Some(member) = self.member.take() else {
            return;
        };
        tell(member.id, &self.failures, self.finished);
        let failures = self.failures.drain(..);
        let failures = failures.map(|failure| member.failure(failure)).collect();
        let Member {
            shared, key, order, ..
        } = member;
        shared.ended(key, order, failures, !self.finished);
    }
}

const GROUP: &str = "unstuck::group";

/// Tells subscribers of a task that did not end well; the engine is one of them.
fn tell(id: Option<task::Id>, failures: &[Failure], finished: bool) {
    let Some(id) = id else { return };
    if finished && failures.is_empty() || !tracing::event_enabled!(target: GROUP, Level::DEBUG) {
        return;
    }
    let (outcome, error) = match failures.first() {
        Some(panic @ Failure::Panic(_)) => ("panic", panic.to_string()),
        Some(error) => ("error", error.to_string()),
        None => ("cancelled", String::new()),
    };
    tracing::debug!(target: GROUP, { task.id = %id, outcome, error }, "task ended");
}

pin_project! {
    /// A future whose errors and panics, and those of its destructor, go to the group.
    pub(super) struct Guarded<F> {
        turn: Turn,
        #[pin]
        future: Option<F>,
        report: Report,
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
            turn,
            future: Some(future),
            report,
        }
    }

    /// Drops the future; if that panics, so did the task.
    fn put_down(self: Pin<&mut Self>) {
        let mut this = self.project();
        if let Err(payload) = this.report.run(|| this.future.set(None)) {
            this.report.failures.push(Panic::new(payload).into());
        }
    }
}

impl<F, T, E> Future for Guarded<F>
where
    F: Future<Output = Result<T, E>>,
    E: Into<BoxError>,
{
    type Output = Option<T>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.as_mut().project();
        ready!(this.turn.poll(cx));
        let Some(future) = this.future.as_mut().as_pin_mut() else {
            return Poll::Ready(None);
        };
        let ended = match this.report.run(|| future.poll(cx)) {
            Ok(polled) => Ok(ready!(polled)),
            Err(payload) => Err(payload),
        };
        let value = this.report.ended(ended);
        self.put_down();
        Poll::Ready(value)
    }
}
