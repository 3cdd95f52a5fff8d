//! A scenario: one lesson, as programs that differ in one thing.

use std::pin::Pin;
use std::time::Duration;

use super::{Job, SideRun};
use crate::BoxError;
use crate::diagnosis::{Errors, Verdict};

/// Lessons on the same subject.
#[derive(Clone, Copy, Debug)]
pub struct Chapter {
    /// Its name on the command line.
    pub name: &'static str,
    /// Its subject, in a few words.
    pub title: &'static str,
    /// Its lessons, in the order in which they are taught.
    pub scenarios: &'static [Scenario],
}

/// One lesson.
#[derive(Clone, Copy, Debug)]
pub struct Scenario {
    /// Its name on the command line.
    pub name: &'static str,
    /// What happens in it, in one line.
    pub summary: &'static str,
    /// How many workers each side runs as shipped; none if that can't be chosen.
    pub workers: Option<u32>,
    /// How many posts there are as shipped; none if it has no use for them.
    pub posts: Option<u32>,
    /// How long the API takes to answer as shipped.
    pub latency: Duration,
    /// Whether it has a mistake that can be mended, by [`Job::fixed`].
    pub mendable: bool,
    /// The programs that play side by side.
    pub sides: &'static [Side],
    /// The page that teaches it, in Markdown.
    pub page: &'static str,
    /// What to try next: arguments of the command line, and why.
    pub next: &'static [(&'static str, &'static str)],
}

/// The scenarios of all chapters.
pub fn scenarios(chapters: &'static [Chapter]) -> impl Iterator<Item = &'static Scenario> {
    chapters.iter().flat_map(|chapter| chapter.scenarios)
}

/// One program under a strategy.
#[derive(Clone, Copy, Debug)]
pub struct Side {
    /// Its name, after what it does.
    pub name: &'static str,
    /// The main function of the program.
    pub main: fn(Job) -> Main,
    /// The file that has the main function.
    pub file: &'static str,
    /// The text of that file.
    pub source: &'static str,
    /// What it does when it plays as shipped.
    pub expected: Expected,
}

/// A program at work.
pub type Main = Pin<Box<dyn Future<Output = Result<(), BoxError>> + Send>>;

/// What a side does when it plays as shipped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Expected {
    /// What it comes to.
    pub verdict: Verdict,
    /// Posts in the database that have content afterwards.
    pub stored: u64,
    /// What becomes of its errors.
    pub errors: Errors,
    /// The rules that find something, in any order.
    pub rules: &'static [&'static str],
}

impl Expected {
    /// In what `run` is not as expected, a sentence each.
    pub fn differences(&self, run: &SideRun) -> Vec<String> {
        let mut differences = Vec::new();
        let mut compare = |what: &str, expected: String, actual: String| {
            if expected != actual {
                differences.push(format!("{what}: expected {expected}, got {actual}"));
            }
        };
        let diagnosis = &run.diagnosis;
        compare(
            "verdict",
            self.verdict.to_string(),
            diagnosis.verdict.to_string(),
        );
        compare(
            "posts stored",
            self.stored.to_string(),
            run.posts.stored.to_string(),
        );
        compare("errors", counts(self.errors), counts(diagnosis.errors));
        compare(
            "findings",
            rules(self.rules.iter().copied()),
            rules(diagnosis.findings.iter().map(|finding| finding.rule)),
        );
        differences
    }
}

fn counts(errors: Errors) -> String {
    let Errors {
        returned,
        surfaced,
        swallowed,
    } = errors;
    format!("{returned} returned, {surfaced} surfaced and {swallowed} swallowed")
}

fn rules<'r>(rules: impl Iterator<Item = &'r str>) -> String {
    let mut rules: Vec<&str> = rules.collect();
    rules.sort_unstable();
    if rules.is_empty() {
        return "none".to_owned();
    }
    rules.join(" and ")
}
