//! A task of a group: its handle, and the guard around its future.

use std::any::Any;
use std::future::Future;
use std::panic::{AssertUnwindSafe, Location, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use pin_project_lite::pin_project;
use tokio::task::{self, AbortHandle, JoinHandle};

use super::shared::Shared;
use crate::error_group::{BoxError, Failure, Panic, TaskFailure};

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
            report.begins();
            let ended = catch_unwind(AssertUnwindSafe(f));
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
    let Report { shared, name, .. } = &future.report;
    let name = format!("{}/{name}", shared.name);
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
    shared: Arc<Shared>,
    order: usize,
    name: String,
    spawned_at: &'static Location<'static>,
    id: Option<task::Id>,
    failures: Vec<Failure>,
    finished: bool,
}

impl Report {
    pub(super) fn new(
        shared: Arc<Shared>,
        order: usize,
        name: String,
        spawned_at: &'static Location<'static>,
    ) -> Self {
        Self {
            shared,
            order,
            name,
            spawned_at,
            id: None,
            failures: Vec::new(),
            finished: false,
        }
    }

    pub(super) fn place(&self) -> (Arc<Shared>, usize) {
        (Arc::clone(&self.shared), self.order)
    }

    /// Called in the task.
    fn begins(&mut self) {
        self.id = task::try_id();
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
        // A task that was aborted before its first poll is dropped as that task too.
        let id = self.id.or_else(task::try_id);
        let failures = std::mem::take(&mut self.failures);
        tell(id, &failures, self.finished);
        let failures = failures.into_iter().map(|failure| TaskFailure {
            task: self.name.clone(),
            id,
            spawned_at: self.spawned_at.into(),
            failure,
        });
        self.shared
            .ended(self.order, failures.collect(), !self.finished);
    }
}

/// Tells subscribers of a task that did not end well; the engine is one of them.
fn tell(id: Option<task::Id>, failures: &[Failure], finished: bool) {
    let Some(id) = id else { return };
    let (outcome, error) = match failures.first() {
        Some(panic @ Failure::Panic(_)) => ("panic", panic.to_string()),
        Some(error) => ("error", error.to_string()),
        None if finished => return,
        None => ("cancelled", String::new()),
    };
    tracing::debug!(target: "unstuck::group", { task.id = %id, outcome, error }, "task ended");
}

pin_project! {
    /// A future whose errors and panics, and those of its destructor, go to the group.
    pub(super) struct Guarded<F> {
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
    pub(super) fn new(future: F, report: Report) -> Self {
        Self {
            future: Some(future),
            report,
        }
    }

    /// Drops the future; if that panics, so did the task.
    fn put_down(self: Pin<&mut Self>) {
        let mut this = self.project();
        if this.future.is_some()
            && let Err(payload) = catch_unwind(AssertUnwindSafe(|| this.future.set(None)))
        {
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
        if this.report.id.is_none() {
            this.report.begins();
        }
        let Some(future) = this.future.as_mut().as_pin_mut() else {
            return Poll::Ready(None);
        };
        let polled = catch_unwind(AssertUnwindSafe(|| future.poll(cx)));
        let ended = match polled {
            Ok(polled) => Ok(ready!(polled)),
            Err(payload) => Err(payload),
        };
        let value = this.report.ended(ended);
        self.put_down();
        Poll::Ready(value)
    }
}
