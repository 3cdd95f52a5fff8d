//! What is reported of a task.

use serde::Serialize;

/// What became of a task.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct TaskDocument {
    /// Its name.
    pub name: String,
    /// `file:line`; none for `main`.
    pub spawned_at: Option<String>,
    /// The task that spawned it, as its place in the list, counted from 0; none for one that no task of
    /// the list spawned.
    pub parent: Option<usize>,
    /// `ok`, `error`, `panic`, `cancelled`, `outlived`, `waits`, `runs`, `queued` or `alive`.
    pub outcome: &'static str,
    /// The text of its error or panic.
    pub error: Option<String>,
    /// The `file:line` at which it waits, where that is known.
    pub waits_at: Option<String>,
    /// What it waits for.
    pub waits_for: Option<String>,
}

impl TaskDocument {
    /// Whether it had not ended by itself.
    pub(super) fn is_alive(&self) -> bool {
        !matches!(self.outcome, "ok" | "error" | "panic" | "cancelled")
    }

    /// Whether it ended with an error or a panic.
    pub(super) fn has_failed(&self) -> bool {
        matches!(self.outcome, "error" | "panic")
    }
}
