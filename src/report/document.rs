//! All that is reported of a run, as plain data. `json.md` says what each field means.

use serde::Serialize;

use super::program::milliseconds;
use super::{ProgramReport, json};
use crate::demo::{Options, Outcome, Posts, Scenario, SideRun};
use crate::verdict::Verdict;

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
    /// What it came to, and why.
    #[serde(flatten)]
    pub report: ProgramReport,
    /// What it did.
    pub posts: PostsDocument,
    /// What the program would have printed by itself.
    pub printed: String,
    /// Where its database is, if it was kept.
    pub database: Option<String>,
}

/// What it did.
pub type PostsDocument = Posts;

impl Document {
    /// The report of `outcome`, of a run of `scenario` with `options`.
    pub fn new(scenario: &Scenario, options: &Options, outcome: &Outcome) -> Self {
        let exploration = !options.is_as_shipped(scenario);
        let sides = outcome.sides.iter();
        Self {
            schema: json::SCHEMA,
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
        let expected = run.side.expected;
        Self {
            name: run.side.name,
            expected: expected.verdict,
            unexpected: (!exploration).then(|| expected.differences(run)),
            report: run.report.clone(),
            posts: run.posts,
            printed: run.printed.clone(),
            database: run.database.as_ref().map(|path| path.display().to_string()),
        }
    }
}
