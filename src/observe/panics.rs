//! The panic hook: which task panicked, and with what message.
//!
//! It runs before anybody can have caught the panic, and no hook of the runtime tells what became of it. The span
//! of the task does, where it is recorded: a panic that nobody caught is still under way where that is exited.

use std::panic;
use std::sync::Once;
use std::thread;

use tokio::task;

use super::Observer;
use super::polls::Poll;
use crate::outcomes::End;

/// Takes note of the panics of observed tasks. They go on to the hook that was there before, but for those
/// of an observer that [keeps](Observer::keep_panics) them. Calling it again does nothing.
pub fn note_panics() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let before = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            let kept = task::try_id().is_some_and(|id| {
                let message = info.payload_as_str().unwrap_or("a payload that is no text");
                note(id, message.to_owned())
            });
            if !kept {
                before(info);
            }
        }));
    });
}

/// Whether the panic is the observer's to tell.
fn note(id: task::Id, message: String) -> bool {
    Observer::here(|observer| {
        observer.hear(id, End::Panic(message));
        observer.0.keeps_panics.load()
    })
    .unwrap_or_default()
}

/// To be called where a span is exited; `is_of_a_task` tells whether it is the one around a task.
pub(super) fn exits(is_of_a_task: impl FnOnce() -> bool) {
    // Mostly nobody has panicked.
    let Some(poll) = Poll::panicked() else {
        return;
    };
    // The task may enter its own span once more, so what counts is how that is exited last.
    if !thread::panicking() && task::try_id() == Some(poll.task) && is_of_a_task() {
        Observer::here(|observer| observer.forget(poll.task));
    }
}
