//! How the tasks of a program ended, and what they are called: what its memory does not tell.
//!
//! Tokio's hooks tell it, in a build with `--cfg tokio_unstable`. In others nothing of it is known.

#[cfg(tokio_unstable)]
mod collector;
#[cfg(not(tokio_unstable))]
#[path = "outcomes/no_collector.rs"]
mod collector;
mod errors;
mod outlived;
mod prose;
mod swallowed_error;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt::{self, Write as _};

use serde::{Deserialize, Serialize};
use tokio::task;
use unstuck_inspect::snapshot::NameId;

use crate::explain::Explanation;
use crate::fingerprint::Fingerprint;
use crate::place::Place;
use crate::verdict::Finding;

pub(crate) use collector::Collector;
pub use errors::{Errors, Surfaced};
#[cfg(tokio_unstable)]
use swallowed_error::RULE as SWALLOWED_ERROR;

/// What is known of the tasks of a program, beside what is in its memory.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
pub struct Outcomes {
    /// The tasks of the runtime of which there is a record, in spawn order.
    pub tasks: Vec<TaskOutcome>,
    /// The names of tasks that are alive and of which there is none.
    pub names: BTreeMap<TaskId, String>,
    /// Those that ended and are not among the tasks.
    pub unlisted: Unlisted,
    /// The task that runs the program's main function, if it is one.
    pub main: Option<TaskId>,
    /// What the main function returned. `None` as long as it runs.
    pub returned: Option<Returned>,
}

/// How many tasks ended of which no more is known.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
pub struct Unlisted {
    /// All of them.
    pub tasks: usize,
    /// Those that ended with an error or a panic.
    pub failed: usize,
}

/// Tokio's number of a task.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize, Serialize)]
pub struct TaskId(pub u64);

/// What became of a task.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct TaskOutcome {
    /// Tokio's number of it.
    pub id: TaskId,
    /// The name that it was given.
    pub name: Option<String>,
    /// The line that spawned it.
    pub spawned_at: Place,
    /// The task that spawned it.
    pub parent: Option<TaskId>,
    /// How it ended. `None` as long as it is alive.
    pub end: Option<End>,
    /// How many of the tasks had ended before it; 0 as long as it is alive.
    pub ended_after: usize,
}

/// How a task ended.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub enum End {
    /// Without an error, as far as anybody told.
    Ok,
    /// With an error, of this text.
    Error(String),
    /// With a panic, of this text.
    Panic(String),
    /// It was cancelled.
    Cancelled,
}

/// What a main function returned, and when.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Returned {
    /// How it ended.
    pub end: End,
    /// The errors in what it returned.
    pub surfaced: Vec<Surfaced>,
    /// Whether the runtime had come to rest when the tasks were listed, so that none of them was about to end.
    pub at_rest: bool,
}

impl Outcomes {
    /// An explanation of the same program, with this in it.
    pub(crate) fn added_to(self, explanation: Explanation) -> Explanation {
        let tasks = self.tasks.iter();
        let of_tasks = tasks.filter_map(|task| Some((task.id, task.name.as_deref()?)));
        let of_others = self.names.iter().map(|(id, name)| (*id, &**name));
        let main = self.main.map(|id| (id, "main"));
        let names: HashMap<TaskId, &str> = of_tasks.chain(of_others).chain(main).collect();
        let mut snapshot = explanation.snapshot;
        for task in &mut snapshot.tasks {
            if let Some(&name) = names.get(&TaskId(task.id)) {
                task.given_name = u32::try_from(snapshot.names.len()).ok().map(NameId);
                snapshot.names.push(name.to_owned());
            }
        }
        Explanation {
            snapshot,
            outcomes: self,
            ..explanation
        }
    }

    /// What became of the errors.
    pub fn errors(&self) -> Errors {
        errors::Read::by_main(self).counts()
    }

    /// What is amiss with how the tasks ended: errors that nobody read, tasks that outlive main.
    pub fn findings(&self) -> Vec<Finding> {
        let findings = [outlived::check(self), swallowed_error::check(self)];
        findings.into_iter().flatten().collect()
    }

    /// The program's own tasks; those that a library spawned for itself are left out.
    pub fn own(&self) -> impl Iterator<Item = &TaskOutcome> {
        let is_main = |task: &TaskOutcome| Some(task.id) == self.main;
        let tasks = self.tasks.iter();
        tasks.filter(move |task| is_main(task) || !task.spawned_at.is_library())
    }

    /// Those of the program's own tasks that are alive, but for main.
    pub(crate) fn left_behind(&self) -> impl Iterator<Item = &TaskOutcome> {
        let is_main = |task: &TaskOutcome| Some(task.id) == self.main;
        self.own()
            .filter(move |task| task.end.is_none() && !is_main(task))
    }
}

/// What a finding of a rule on these tasks is recognized by: where they were spawned.
fn fingerprint<'t>(rule: &str, tasks: impl Iterator<Item = &'t TaskOutcome>) -> Fingerprint {
    let places: BTreeSet<String> = tasks.map(|task| task.spawned_at.to_string()).collect();
    Fingerprint::of(std::iter::once(rule).chain(places.iter().map(String::as_str)))
}

impl TaskOutcome {
    /// Its name, or its number.
    pub fn display_name(&self) -> String {
        let number = || format!("task {}", self.id);
        self.name.clone().unwrap_or_else(number)
    }

    /// The text of the error or panic that it ended with.
    pub fn error(&self) -> Option<&str> {
        match &self.end {
            Some(End::Error(text) | End::Panic(text)) => Some(text),
            _ => None,
        }
    }
}

impl From<task::Id> for TaskId {
    fn from(id: task::Id) -> Self {
        // Tokio keeps the number to itself, but prints it.
        let mut number = Number(0);
        let _ = write!(number, "{id}");
        Self(number.0)
    }
}

/// Reads the digits that are written to it.
struct Number(u64);

impl fmt::Write for Number {
    fn write_str(&mut self, digits: &str) -> fmt::Result {
        for digit in digits.bytes() {
            let digit = u64::from(digit.wrapping_sub(b'0'));
            self.0 = self.0.wrapping_mul(10).wrapping_add(digit);
        }
        Ok(())
    }
}

impl fmt::Display for TaskId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(tokio_unstable)]
impl Finding {
    /// Whether it tells of errors that nobody read, which does not explain why a program hangs.
    pub(crate) fn is_of_errors(&self) -> bool {
        self.rule == SWALLOWED_ERROR
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_number_of_a_task_is_the_one_that_it_prints() {
        let id = tokio::spawn(async {}).id();
        assert_eq!(TaskId::from(id).to_string(), id.to_string());
    }
}
