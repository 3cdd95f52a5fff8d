//! A program at work on a runtime that is observed.

use std::future::Future;
use std::io;
use std::time::{Duration, Instant};

use tokio::runtime::{Builder, Handle, Runtime};
use tokio::task::{self, JoinError, JoinHandle};

use crate::diagnosis::{Diagnosis, Program, diagnose};
use crate::observe::{Observer, Snapshot, TaskId};
use crate::watch::{Watch, Watching};

/// A program, and the runtime that it has to itself.
pub(crate) struct Observed<T> {
    pub(crate) runtime: Runtime,
    main: JoinHandle<T>,
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
        observer.runtime_is_built(runtime.handle());
        // Main is a task, as what a runtime blocks on is in no dump.
        let main = task::Builder::new()
            .name(name)
            .spawn_on(body, runtime.handle())?;
        // Nobody may be recording the span that has it.
        observer.name(TaskId::from(main.id()), name);
        let view = View {
            observer,
            runtime: runtime.handle().clone(),
            main: TaskId::from(main.id()),
            started,
        };
        Ok(Self {
            runtime,
            main,
            view,
        })
    }

    pub(crate) fn has_ended(&self) -> bool {
        self.main.is_finished()
    }

    /// Waits for the main task. Its end, and the runtime with all that is still in it.
    pub(crate) fn end(self) -> (Result<T, JoinError>, Runtime) {
        (self.runtime.block_on(self.main), self.runtime)
    }
}

impl View {
    pub(crate) fn elapsed(&self) -> Duration {
        self.started.elapsed()
    }

    pub(crate) fn watching(&self, watch: Watch) -> Watching<'_> {
        Watching::new(watch, &self.observer, &self.runtime, self.main)
    }

    /// Looks back at a program that has ended.
    pub(crate) fn look_back(&self) -> Snapshot {
        self.observer.look_back(&self.runtime)
    }

    pub(crate) fn diagnose(&self, seen: &Snapshot, program: &Program) -> Diagnosis {
        diagnose(seen, self.main, program)
    }
}
