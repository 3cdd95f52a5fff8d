//! The report on a program that a guard stands beside.

use std::fmt;

use super::page::{Detail, Page};
use super::{Finding, process};
#[cfg(tokio_unstable)]
use super::{ProgramReport, text};
use crate::explain::Explanation;
use crate::verdict::Verdict;

/// What a [`Guard`](crate::Guard) says of its program: why it does not go on, or, in a build with
/// `--cfg tokio_unstable`, what is amiss with it once it has ended.
#[derive(Debug)]
pub struct Report(Of);

#[derive(Debug)]
enum Of {
    Running(Box<Explanation>),
    #[cfg(tokio_unstable)]
    Ended(Box<ProgramReport>),
}

impl Report {
    pub(crate) fn running(explanation: Explanation) -> Self {
        Self(Of::Running(Box::new(explanation)))
    }

    #[cfg(tokio_unstable)]
    pub(crate) fn ended(report: ProgramReport) -> Self {
        Self(Of::Ended(Box::new(report)))
    }

    /// What the program came to.
    pub fn verdict(&self) -> Verdict {
        match &self.0 {
            Of::Running(explanation) => explanation.diagnosis.verdict,
            #[cfg(tokio_unstable)]
            Of::Ended(report) => report.verdict,
        }
    }

    /// The rules that found something, as `docs/rules.md` names them.
    pub fn rules(&self) -> Vec<&'static str> {
        match &self.0 {
            Of::Running(explanation) => {
                let waits = explanation.diagnosis.findings.iter().map(|it| it.rule);
                let lost = explanation.outcomes.findings();
                waits.chain(lost.iter().map(|it| it.rule)).collect()
            }
            #[cfg(tokio_unstable)]
            Of::Ended(report) => report.findings.iter().map(|it| it.rule).collect(),
        }
    }

    /// What is amiss with a program that has ended.
    pub(crate) fn findings_at_end(&self) -> Vec<Finding> {
        match &self.0 {
            Of::Running(_) => Vec::new(),
            #[cfg(tokio_unstable)]
            Of::Ended(report) => report
                .findings
                .iter()
                .cloned()
                .map(Finding::ended)
                .collect(),
        }
    }

    /// As JSON, over several lines: of a program that runs, an object as of `unstuck explain --json`; of one that has
    /// ended, one with the fields of a side. See [`json`](super::json).
    ///
    /// # Panics
    ///
    /// Never for what this crate reports.
    pub fn to_json(&self) -> String {
        match &self.0 {
            Of::Running(explanation) => process::to_json(explanation, Detail::Full)
                .expect("its fields are texts and numbers"),
            #[cfg(tokio_unstable)]
            Of::Ended(report) => report.to_json(),
        }
    }

    /// As text. Styles are written as escape sequences, to be stripped where they are not wanted.
    pub fn render(&self, detail: Detail, page: Page) -> String {
        match &self.0 {
            Of::Running(explanation) => process::render(explanation, detail, page),
            #[cfg(tokio_unstable)]
            Of::Ended(report) => text::render(report, page, detail),
        }
    }
}

/// As text without colours, for lines of any length: in brief, and with `{:#}` in full.
impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = self.render(Detail::of(f), Page::Plain);
        f.write_str(&anstream::adapter::strip_str(&text).to_string())
    }
}
