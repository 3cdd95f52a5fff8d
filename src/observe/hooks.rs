//! The hooks of the runtime: cheap enough to be always on.
//!
//! A poll costs two plain stores to memory that no other thread writes. No hook tells how a task
//! ended, nor anything of `spawn_blocking`.

use tokio::runtime::Builder;

use super::{HERE, Observer, Seat};
use crate::registry;
use crate::sync::lock;

impl Observer {
    /// Adds the hooks to a runtime that is about to be built.
    ///
    /// They take the place of any that `builder` had for the start of threads and for the spawn, the
    /// polls and the end of tasks.
    pub fn attach(&self, builder: &mut Builder) {
        registry::note_observer();
        let [starting, spawning, polling, ending] = [(); 4].map(|()| self.clone());
        builder
            .on_thread_start(move || starting.adopt_thread())
            .on_task_spawn(move |task| {
                let mut tasks = lock(&spawning.0.tasks);
                tasks.spawn(task.id(), task.spawned_at());
                spawning.0.last_polls.enter(task.id());
            })
            .on_before_task_poll(|task| {
                with_seat(|seat| {
                    seat.polls.store(seat.polls.load() + 1);
                    seat.polling.store(Some(task.id()));
                });
            })
            .on_after_task_poll(move |task| {
                // First, so that at any moment a task that was polled is known by the one or the other.
                polling.0.last_polls.polled(task.id());
                with_seat(|seat| seat.polling.store(None));
            })
            .on_task_terminate(move |task| {
                let poll = Observer::here(|_, poll| poll);
                let mut tasks = lock(&ending.0.tasks);
                tasks.end(task.id(), poll, ending.clock());
                ending.0.last_polls.leave(task.id());
            });
    }
}

pub(super) fn with_seat(f: impl FnOnce(&Seat)) {
    // The thread may be on its way out, with its locals gone.
    let _ = HERE.try_with(|here| {
        if let Some((_, seat)) = here.borrow().as_ref() {
            f(seat);
        }
    });
}
