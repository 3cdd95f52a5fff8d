//! The hooks of the runtime: cheap enough to be always on.
//!
//! A poll costs two plain stores to memory that no other thread writes. No hook tells how a task
//! ended, nor anything of `spawn_blocking`.

use tokio::runtime::Builder;

use super::{HERE, Observer, Seat};
use crate::sync::lock;

impl Observer {
    /// Adds the hooks to a runtime that is about to be built.
    ///
    /// They take the place of any that `builder` had for the start of threads and for the spawn, the
    /// polls and the end of tasks.
    pub fn attach(&self, builder: &mut Builder) {
        let (starting, spawning, ending) = (self.clone(), self.clone(), self.clone());
        builder
            .on_thread_start(move || starting.adopt_thread())
            .on_task_spawn(move |task| {
                lock(&spawning.0.tasks).spawn(task.id(), task.spawned_at());
            })
            .on_before_task_poll(|task| {
                with_seat(|seat| {
                    seat.polls.store(seat.polls.load() + 1);
                    seat.polling.store(Some(task.id()));
                });
            })
            .on_after_task_poll(|_| with_seat(|seat| seat.polling.store(None)))
            .on_task_terminate(move |task| {
                let poll = Observer::here(|_, poll| poll);
                lock(&ending.0.tasks).end(task.id(), poll);
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
