//! What is reported of a task.

use serde::Serialize;

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
    /// `ok`, `error`, `panic`, `cancelled`, `outlived`, `parked` or `running`.
    pub outcome: &'static str,
    /// The text of its error or panic.
    pub error: Option<String>,
    /// The `file:line` at which it is parked, where that is known.
    pub waits_at: Option<String>,
    /// What it is parked on.
    pub waits_on: Option<String>,
}

impl From<&TaskStory> for TaskDocument {
    fn from(story: &TaskStory) -> Self {
        let (outcome, error, waits_at, waits_on) = match &story.fate {
            Fate::Ended(End::Ok) => ("ok", None, None, None),
            Fate::Ended(End::Error(text)) => ("error", Some(text), None, None),
            Fate::Ended(End::Panic(text)) => ("panic", Some(text), None, None),
            Fate::Ended(End::Cancelled) => ("cancelled", None, None, None),
            Fate::Outlived { at, on } => ("outlived", None, at.as_ref(), on.as_ref()),
            Fate::Running => ("running", None, None, None),
            Fate::Parked { at, on } => ("parked", None, at.as_ref(), Some(on)),
        };
        Self {
            name: story.name.clone(),
            spawned_at: story.spawned_at.as_ref().map(ToString::to_string),
            parent: story.parent,
            outcome,
            error: error.cloned(),
            waits_at: waits_at.map(ToString::to_string),
            waits_on: waits_on.cloned(),
        }
    }
}
