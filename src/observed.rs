//! A program at work on a runtime that is observed.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};
use std::time::{Duration, Instant};

use tokio::runtime::{Builder, Handle, Runtime};
use tokio::task::{JoinError, JoinHandle};

use crate::diagnosis::{Diagnosis, Program, diagnose};
use crate::observe::{Observer, Snapshot, TaskId};
use crate::watch::{Watch, Watching};

/// A program, and the runtime that it has to itself.
pub(crate) struct Observed<T> {
    pub(crate) runtime: Runtime,
    main: JoinHandle<T>,
    ended: Option<Result<T, JoinError>>,
    pub(crate) view: View,
}

/// From where it is observed.
#[derive(Clone)]
pub(crate) struct View {
    observer: Observer,
    runtime: Handle,
    main: TaskId,
    started: Instant,
}

impl<T: Send + 'static> Observed<T> {
    /// Starts `body` as the main task, under that name.
    pub(crate) fn start(
        observer: Observer,
        mut runtime: Builder,
        name: &str,
        body: impl Future<Output = T> + Send + 'static,
    ) -> io::Result<Self> {
        let started = Instant::now();
        observer.adopt_thread();
        observer.attach(&mut runtime);
        let runtime = runtime.build()?;
        let main = observer.start_main(runtime.handle(), name, body)?;
        let view = View {
            observer,
            runtime: runtime.handle().clone(),
            main: TaskId::from(main.id()),
            started,
        };
        Ok(Self {
            runtime,
            main,
            ended: None,
            view,
        })
    }

    /// Waits for the main task, no longer than that. Whether it has ended.
    pub(crate) fn has_ended_within(&mut self, at_most: Duration) -> bool {
        if self.ended.is_some() {
            return true;
        }
        let waker = Waker::from(Arc::new(Unpark(thread::current())));
        let main = Pin::new(&mut self.main);
        match main.poll(&mut Context::from_waker(&waker)) {
            Poll::Ready(ended) => self.ended = Some(ended),
            Poll::Pending => thread::park_timeout(at_most),
        }
        self.ended.is_some()
    }

    /// Waits for the main task. Its end, and the runtime with all that is still in it.
    pub(crate) fn end(self) -> (Result<T, JoinError>, Runtime) {
        let ended = match self.ended {
            Some(ended) => ended,
            None => self.runtime.block_on(self.main),
        };
        (ended, self.runtime)
    }
}

/// Wakes the thread that waits for the main task.
struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

impl View {
    pub(crate) fn elapsed(&self) -> Duration {
        self.started.elapsed()
    }

    pub(crate) fn watching(&self, watch: Watch) -> Watching<'_> {
        Watching::new(watch, &self.observer, &self.runtime, self.main)
    }

    /// Looks back at a program that has ended, and calls `cut_off` as soon as what it left behind may go.
    pub(crate) fn look_back(&self, cut_off: impl FnOnce()) -> Snapshot {
        self.observer.look_back(&self.runtime, cut_off)
    }

    pub(crate) fn diagnose(&self, seen: &Snapshot, program: &Program) -> Diagnosis {
        diagnose(seen, self.main, program)
    }
}
