//! The hooks of the runtime: cheap enough to be always on.
//!
//! A poll costs a plain store to memory that no other thread writes. No hook tells how a task ended, nor anything of
//! `spawn_blocking`.

use tokio::runtime::Builder;

use super::{HERE, Observer};
use crate::registry;
use crate::sync::lock;

impl Observer {
    /// Adds the hooks to a runtime that is about to be built.
    ///
    /// They take the place of any that `builder` had for the start of threads, for the spawn and the end of tasks, and
    /// for what comes before a poll.
    pub fn attach(&self, builder: &mut Builder) {
        registry::note_observer();
        let [starting, spawning, ending] = [(); 3].map(|()| self.clone());
        builder
            .on_thread_start(move || starting.adopt_thread())
            .on_task_spawn(move |task| {
                lock(&spawning.0.tasks).spawn(task.id(), task.spawned_at());
            })
            .on_before_task_poll(|_| {
                // The thread may be on its way out, with its locals gone.
                let _ = HERE.try_with(|here| {
                    if let Some((_, seat)) = here.borrow().as_ref() {
                        seat.polls.store(seat.polls.load() + 1);
                    }
                });
            })
            .on_task_terminate(move |task| {
                let poll = Observer::here(|_, poll| poll);
                lock(&ending.0.tasks).end(task.id(), poll);
            });
    }
}
