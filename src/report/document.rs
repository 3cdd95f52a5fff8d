//! All that is reported of a run, as plain data. `json.md` says what each field means.

use std::time::Duration;

use serde::Serialize;

use crate::demo::{Options, Outcome, Posts, Scenario, SideRun};
use crate::diagnosis::{Confidence, Errors, Fate, Finding, TaskStory, Verdict};
use crate::observe::End;

/// The report of a run.
#[derive(Clone, Debug, Serialize)]
pub struct Document {
    /// Grows when a field changes its meaning or goes away, not when one is added.
    pub schema: u32,
    /// The name of the scenario.
    pub scenario: &'static str,
    /// Whether it did not play as shipped, so that nothing is expected of it.
    pub exploration: bool,
    /// What became of each side.
    pub sides: Vec<SideDocument>,
    /// How long the run took, in milliseconds.
    pub elapsed_ms: u64,
}

/// What became of a side.
#[derive(Clone, Debug, Serialize)]
pub struct SideDocument {
    /// Its name.
    pub name: &'static str,
    /// The verdict that the scenario expects of it as shipped.
    pub expected: Verdict,
    /// In what it was not as expected; none at all in an exploration.
    pub unexpected: Option<Vec<String>>,
    /// What it came to.
    pub verdict: Verdict,
    /// How sure that is.
    pub confidence: Confidence,
    /// From its start to its end, or to the verdict, in milliseconds.
    pub elapsed_ms: u64,
    /// What it did.
    pub posts: PostsDocument,
    /// What became of its errors.
    pub errors: Errors,
    /// What the program would have printed by itself.
    pub printed: String,
    /// Its tasks in spawn order.
    pub tasks: Vec<TaskDocument>,
    /// How many tasks ended and are not among them: of very many, only the number is kept.
    pub tasks_unlisted: usize,
    /// What explains the verdict.
    pub findings: Vec<Finding>,
    /// What could not be looked at.
    pub unseen: Vec<&'static str>,
    /// Where its database is, if it was kept.
    pub database: Option<String>,
}

/// What it did.
pub type PostsDocument = Posts;

/// What became of a task.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct TaskDocument {
    /// Its name.
    pub name: String,
    /// `file:line`; none for `main`.
    pub spawned_at: Option<String>,
    /// `ok`, `error`, `panic`, `cancelled`, `outlived`, `parked` or `running`.
    pub outcome: &'static str,
    /// The text of its error or panic.
    pub error: Option<String>,
    /// The `file:line` at which it is parked, where that is known.
    pub waits_at: Option<String>,
    /// What it is parked on.
    pub waits_on: Option<String>,
}

impl Document {
    /// The version of what is printed as JSON.
    pub const SCHEMA: u32 = 1;

    /// The report of `outcome`, of a run of `scenario` with `options`.
    pub fn new(scenario: &Scenario, options: &Options, outcome: &Outcome) -> Self {
        let exploration = !options.is_as_shipped();
        let sides = outcome.sides.iter();
        Self {
            schema: Self::SCHEMA,
            scenario: scenario.name,
            exploration,
            sides: sides
                .map(|run| SideDocument::new(run, exploration))
                .collect(),
            elapsed_ms: milliseconds(outcome.elapsed),
        }
    }

    /// In what the sides were not as expected, a sentence each that begins with the side's name.
    pub fn unexpected(&self) -> impl Iterator<Item = String> {
        self.sides.iter().flat_map(|side| {
            let sentences = side.unexpected.iter().flatten();
            sentences.map(|sentence| format!("{}: {sentence}", side.name))
        })
    }
}

impl SideDocument {
    fn new(run: &SideRun, exploration: bool) -> Self {
        let diagnosis = &run.diagnosis;
        let expected = run.side.expected;
        Self {
            name: run.side.name,
            expected: expected.verdict,
            unexpected: (!exploration).then(|| expected.differences(run)),
            verdict: diagnosis.verdict,
            confidence: diagnosis.confidence,
            elapsed_ms: milliseconds(run.elapsed),
            posts: run.posts,
            errors: diagnosis.errors,
            printed: run.printed.clone(),
            tasks: diagnosis.tasks.iter().map(TaskDocument::from).collect(),
            tasks_unlisted: diagnosis.unlisted,
            findings: diagnosis.findings.clone(),
            unseen: diagnosis.blind.clone(),
            database: run.database.as_ref().map(|path| path.display().to_string()),
        }
    }
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
            outcome,
            error: error.cloned(),
            waits_at: waits_at.map(ToString::to_string),
            waits_on: waits_on.cloned(),
        }
    }
}

fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
