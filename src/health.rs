//! Whether a program is stuck, for whatever asks it from outside.

use std::sync::{Arc, Mutex};

use crate::report::Finding;
use crate::sync::lock;

/// Tells whether a program is stuck: for a health endpoint, or a thread that would rather end the process.
///
/// Made by [`Guard::health`](crate::Guard::health) and [`Watcher::health`](crate::Watcher::health). It tells what was
/// found when the program was read last, which is soon after each time that it has come to rest, and asking it reads
/// nothing. A server that waits for clients is not stuck.
///
/// ```
/// # use unstuck::{Health, Status};
/// /// The code and the body of an answer to `GET /health`.
/// fn answer(health: &Health) -> (u16, String) {
///     match health.status() {
///         Status::Stuck(findings) => {
///             let causes = findings.iter().map(|it| it.summary());
///             (503, causes.collect::<Vec<_>>().join("\n"))
///         }
///         _ => (200, "it goes on".to_owned()),
///     }
/// }
/// ```
///
/// Where all threads of the runtime are blocked, nobody answers on it: whoever asks has to take silence for an answer,
/// or to be answered by a thread of its own.
#[derive(Clone, Debug)]
pub struct Health(Arc<Mutex<Status>>);

/// What is known of a program.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Status {
    /// It has not been read yet, it can't be, or it is not watched any more.
    Unknown,
    /// No part of it is stuck: it moves, or waits for something that may come.
    GoesOn,
    /// It, or a part of it, is stuck, or a thread of its runtime has been asleep inside a poll for five seconds: why.
    Stuck(Vec<Finding>),
}

impl Health {
    pub(crate) fn unknown() -> Self {
        Self(Arc::new(Mutex::new(Status::Unknown)))
    }

    /// What was found last.
    pub fn status(&self) -> Status {
        lock(&self.0).clone()
    }

    pub(crate) fn set(&self, status: Status) {
        *lock(&self.0) = status;
    }
}
