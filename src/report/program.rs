//! The report on a program, with how its tasks ended.

use std::fmt;
use std::time::Duration;

use serde::Serialize;

use super::page::{Detail, Page};
use super::{TaskDocument, json, process, text};
use crate::explain::Explanation;
use crate::outcomes::{End, Errors, Outcomes};
use crate::verdict::{Confidence, Finding, Verdict};

/// All that is reported of a program, as plain data. `json.md` says what each field means.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// What it came to.
    pub verdict: Verdict,
    /// How sure that is.
    pub confidence: Confidence,
    /// From its start to its end, or to the verdict, in milliseconds.
    pub elapsed_ms: u64,
    /// What became of its errors.
    pub errors: Errors,
    /// Its tasks in spawn order.
    pub tasks: Vec<TaskDocument>,
    /// How many tasks ended and are not among them: of very many, only the number is kept.
    pub tasks_unlisted: usize,
    /// What explains the verdict.
    pub findings: Vec<Finding>,
    /// What could not be observed, and why.
    pub unseen: Vec<String>,
}

impl Report {
    /// As JSON, over several lines: an object with the fields of a side in [`json`], and `schema`.
    ///
    /// # Panics
    ///
    /// Never for what this crate reports.
    pub fn to_json(&self) -> String {
        #[derive(Serialize)]
        struct Standalone<'r> {
            schema: u32,
            #[serde(flatten)]
            report: &'r Report,
        }
        let (schema, report) = (json::SCHEMA, self);
        json::render(&Standalone { schema, report }).expect("its fields are texts and numbers")
    }

    /// The report on a program that runs, and was explained `elapsed` after its start.
    pub fn running(explanation: &Explanation, elapsed: Duration) -> Self {
        let outcomes = &explanation.outcomes;
        let diagnosis = &explanation.diagnosis;
        let mut findings = process::findings(explanation);
        findings.extend(outcomes.findings());
        Self {
            verdict: diagnosis.verdict,
            confidence: diagnosis.confidence,
            elapsed_ms: milliseconds(elapsed),
            errors: outcomes.errors(),
            tasks: process::tasks(outcomes, Some(explanation)),
            tasks_unlisted: outcomes.unlisted.tasks,
            findings,
            unseen: process::gaps(explanation),
        }
    }

    /// The report on a program in which no poll has begun for long. One may go on, or a thread that is none of the
    /// runtime's.
    #[cfg(feature = "demo")]
    pub(crate) fn without_polls(explanation: &Explanation, elapsed: Duration) -> Self {
        let mut report = Self::running(explanation, elapsed);
        let is_blocked = |it: &Finding| it.rule == crate::liveness::BLOCKED_WORKER;
        if !report.findings.iter().any(is_blocked) {
            report.findings.splice(0..0, process::busy(explanation));
        }
        report.confidence = Confidence::Likely;
        report.verdict = if report.findings.iter().any(is_blocked) {
            Verdict::Blocked
        } else {
            Verdict::Waiting
        };
        report
    }

    /// The report on a program that makes no progress, and can't be read for this reason.
    #[cfg(feature = "demo")]
    pub(crate) fn unread(outcomes: &Outcomes, reason: String, elapsed: Duration) -> Self {
        Self {
            verdict: Verdict::Waiting,
            confidence: Confidence::Likely,
            elapsed_ms: milliseconds(elapsed),
            errors: outcomes.errors(),
            tasks: process::tasks(outcomes, None),
            tasks_unlisted: outcomes.unlisted.tasks,
            findings: outcomes.findings(),
            unseen: vec![reason],
        }
    }

    /// The report on a program that has ended `elapsed` after its start. `left` is what is known of the tasks that it
    /// left behind.
    pub fn ended(outcomes: &Outcomes, left: Option<&Explanation>, elapsed: Duration) -> Self {
        let end = outcomes.returned.as_ref().map(|it| &it.end);
        Self {
            verdict: match end {
                None | Some(End::Ok) => Verdict::Completed,
                Some(End::Error(_) | End::Panic(_) | End::Cancelled) => Verdict::Failed,
            },
            confidence: Confidence::Proven,
            elapsed_ms: milliseconds(elapsed),
            errors: outcomes.errors(),
            tasks: process::tasks(outcomes, left),
            tasks_unlisted: outcomes.unlisted.tasks,
            findings: outcomes.findings(),
            unseen: Vec::new(),
        }
    }

    /// With why it stood still before it failed, if a timeout ended that.
    #[cfg(feature = "demo")]
    pub(crate) fn after(mut self, before: &Explanation) -> Self {
        if self.verdict == Verdict::Failed {
            let in_vain = process::findings_until_timeouts(before);
            self.findings.splice(0..0, in_vain);
        }
        self
    }
}

/// As text without colours, for lines of any length: in brief, and with `{:#}` in full.
impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = text::render(self, Page::Plain, Detail::of(f));
        f.write_str(&anstream::adapter::strip_str(&text).to_string())
    }
}

pub(super) fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
