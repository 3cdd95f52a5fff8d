//! The panic hook: which task panicked, and with what message.

use std::panic;
use std::sync::Once;

use tokio::task;

use super::Observer;
use super::snapshot::End;
use crate::sync::lock;

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
    let kept = Observer::here(|observer, poll| {
        lock(&observer.0.tasks).hear(id, End::Panic(message), poll);
        observer.0.keeps_panics.load()
    });
    kept.unwrap_or_default()
}
