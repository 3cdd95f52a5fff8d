//! What is reported of a task.

use serde::Serialize;

use super::program::milliseconds;
use crate::diagnosis::{Fate, TaskStory};
use crate::observe::End;

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
    /// `ok`, `error`, `panic`, `cancelled`, `outlived`, `parked`, `running` or `unpolled`.
    pub outcome: &'static str,
    /// The text of its error or panic.
    pub error: Option<String>,
    /// The `file:line` at which it is parked, where that is known.
    pub waits_at: Option<String>,
    /// What it is parked on.
    pub waits_on: Option<String>,
    /// For how long it has been parked at least, in milliseconds.
    pub waits_ms: Option<u64>,
    /// In how many milliseconds the timer that it is parked on is due, where that is known.
    pub due_ms: Option<u64>,
}

impl TaskDocument {
    /// Whether it had not ended by itself.
    pub(super) fn is_alive(&self) -> bool {
        matches!(self.outcome, "parked" | "running" | "unpolled" | "outlived")
    }

    /// Whether it ended with an error or a panic.
    pub(super) fn has_failed(&self) -> bool {
        matches!(self.outcome, "error" | "panic")
    }
}

impl From<&TaskStory> for TaskDocument {
    fn from(story: &TaskStory) -> Self {
        let (outcome, error, parked) = match &story.fate {
            Fate::Ended(End::Ok) => ("ok", None, None),
            Fate::Ended(End::Error(text)) => ("error", Some(text), None),
            Fate::Ended(End::Panic(text)) => ("panic", Some(text), None),
            Fate::Ended(End::Cancelled) => ("cancelled", None, None),
            Fate::Outlived(parked) => ("outlived", None, parked.as_ref()),
            Fate::Running => ("running", None, None),
            Fate::Unpolled => ("unpolled", None, None),
            Fate::Parked(parked) => ("parked", None, Some(parked)),
        };
        let waits_at = parked.and_then(|parked| parked.at.as_ref());
        Self {
            name: story.name.clone(),
            spawned_at: story.spawned_at.as_ref().map(ToString::to_string),
            parent: story.parent,
            outcome,
            error: error.cloned(),
            waits_at: waits_at.map(ToString::to_string),
            waits_on: parked.map(|parked| parked.on.clone()),
            waits_ms: parked.map(|parked| milliseconds(parked.lasts)),
            due_ms: parked.and_then(|parked| parked.due_in).map(milliseconds),
        }
    }
}
