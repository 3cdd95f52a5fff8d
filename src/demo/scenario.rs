//! A scenario: one lesson, as programs that differ in one thing.

use std::pin::Pin;
use std::time::Duration;

use super::{Job, SideRun};
use crate::BoxError;
use crate::outcomes::Errors;
use crate::verdict::Verdict;

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
    /// What the sides do and the one thing that differs, as the end of a sentence that begins with how many workers
    /// and posts there are. Empty if there is one side.
    pub contrast: &'static str,
    /// How many workers each side runs as shipped; none if that can't be chosen.
    pub workers: Option<u32>,
    /// How many posts there are as shipped; none if it has no use for them.
    pub posts: Option<u32>,
    /// How long the API takes to answer as shipped.
    pub latency: Duration,
    /// The bug that both sides have, and that [`Job::fixed`] fixes, if there is one.
    pub fix: Option<Fix>,
    /// The programs that play side by side.
    pub sides: &'static [Side],
    /// The page that teaches it, in Markdown.
    pub page: &'static str,
    /// What to try next: arguments of the command line, and why.
    pub next: &'static [(&'static str, &'static str)],
}

/// A bug fix of one line. The code has both lines, and [`Job::fixed`] chooses.
#[derive(Clone, Copy, Debug)]
pub struct Fix {
    /// The file that has both lines.
    pub file: &'static str,
    /// The text of that file.
    pub source: &'static str,
    /// The line with the bug.
    pub before: &'static str,
    /// The line that fixes it.
    pub after: &'static str,
}

impl Fix {
    /// The numbers, counted from 1, of the line with the bug and of the one that fixes it. None if the file does not
    /// have each of them once.
    pub fn lines(&self) -> Option<[usize; 2]> {
        let line = |wanted: &str| {
            let lines = self.source.lines().zip(1..);
            let mut found = lines.filter(|(line, _)| *line == wanted);
            let (_, number) = found.next()?;
            found.next().is_none().then_some(number)
        };
        Some([line(self.before)?, line(self.after)?])
    }
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
        let report = &run.report;
        compare(
            "verdict",
            self.verdict.to_string(),
            report.verdict.to_string(),
        );
        compare(
            "posts stored",
            self.stored.to_string(),
            run.posts.stored.to_string(),
        );
        compare("errors", counts(self.errors), counts(report.errors));
        compare(
            "findings",
            rules(self.rules.iter().copied()),
            rules(report.findings.iter().map(|finding| finding.rule)),
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
