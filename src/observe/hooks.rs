//! The hooks of the runtime: cheap enough to be always on.
//!
//! A poll stores the number of its task where no other thread looks, and reads a word that is rarely written. Only
//! where something was heard, or every task is kept, is a lock taken. No hook tells how a task ended, nor anything of
//! `spawn_blocking`.

use tokio::runtime::{Builder, TaskMeta};

use super::polls::Poll;
use super::{Keep, Observer};
use crate::registry;
use crate::sync::lock;

impl Observer {
    /// Adds the hooks to a runtime that is about to be built.
    ///
    /// They take the place of any that `builder` had for the start of threads and for what comes before a poll.
    /// Where every task is kept, so they do for the spawn and the end of tasks. Tokio copies a reference to a hook for
    /// the end with each task, so there is none without need.
    pub fn attach(&self, builder: &mut Builder) {
        registry::note_observer();
        let [starting, spawning, polling, ending] = [(); 4].map(|()| self.clone());
        builder.on_thread_start(move || starting.adopt_thread());
        if self.0.keep == Keep::Failures {
            builder.on_before_task_poll(move |task| polling.begin_poll(task));
            return;
        }
        builder
            .on_task_spawn(move |task| {
                lock(&spawning.0.tasks).spawn(task.id(), task.spawned_at());
            })
            .on_before_task_poll(move |task| {
                polling.0.polls.fetch_add(1);
                polling.begin_poll(task);
            })
            .on_task_terminate(move |task| lock(&ending.0.tasks).end(task.id()));
    }

    #[inline]
    fn begin_poll(&self, task: &TaskMeta<'_>) {
        Poll::begin(task.id(), task.spawned_at());
        if self.0.suspects.contain(task.id()) {
            self.forget(task.id());
        }
    }
}
