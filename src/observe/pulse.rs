//! Whether anything moves in a runtime.

use super::Observer;
use crate::sync::lock;

/// Counts that grow whenever anything happens in a runtime. Two equal pulses: nothing did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pulse {
    polls: u64,
    spawned: usize,
    ended: usize,
}

impl Observer {
    /// What has happened so far, as counts.
    pub fn pulse(&self) -> Pulse {
        let polls = lock(&self.0.seats)
            .iter()
            .map(|seat| seat.polls.load())
            .sum();
        let tasks = lock(&self.0.tasks);
        Pulse {
            polls,
            spawned: tasks.spawned(),
            ended: tasks.ended(),
        }
    }
}
