//! The panic hook: which task panicked, and with what message.

use std::panic;
use std::sync::Once;

use tokio::task;

use super::Observer;
use super::snapshot::End;
use crate::sync::lock;

/// Takes note of the panics of observed tasks, which are then not printed. All others go on to the
/// hook that was there before. Calling it again does nothing.
pub fn catch_panics() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let before = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            let noted = task::try_id().is_some_and(|id| {
                let message = info.payload_as_str().unwrap_or("a payload that is no text");
                note(id, message.to_owned())
            });
            if !noted {
                before(info);
            }
        }));
    });
}

fn note(id: task::Id, message: String) -> bool {
    let noted = Observer::here(|observer, poll| {
        lock(&observer.0.tasks).hear(id, End::Panic(message), poll);
    });
    noted.is_some()
}
