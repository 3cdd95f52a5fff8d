//! The report on a program that is observed.

use std::borrow::Cow;
use std::fmt;
use std::time::Duration;

use serde::Serialize;

use super::page::{Detail, Page};
use super::{TaskDocument, json, text};
use crate::diagnosis::{Confidence, Diagnosis, Errors, Finding, Verdict};

/// All that is reported of a program, as plain data. `json.md` says what each field means.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// What it came to.
    pub verdict: Verdict,
    /// How sure that is.
    pub confidence: Confidence,
    /// From its start to its end, or to the verdict, in milliseconds.
    pub elapsed_ms: u64,
    /// For how long nothing had moved by then, in milliseconds: each task that is parked has been so for at
    /// least as long.
    pub quiet_ms: u64,
    /// What became of its errors.
    pub errors: Errors,
    /// Its tasks in spawn order.
    pub tasks: Vec<TaskDocument>,
    /// How many tasks ended and are not among them: of very many, only the number is kept.
    pub tasks_unlisted: usize,
    /// What explains the verdict.
    pub findings: Vec<Finding>,
    /// What could not be observed, and why.
    pub unseen: Vec<Cow<'static, str>>,
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

    /// The report on a program that was looked at `elapsed` after its start.
    pub fn new(diagnosis: &Diagnosis, elapsed: Duration) -> Self {
        Self {
            verdict: diagnosis.verdict,
            confidence: diagnosis.confidence,
            elapsed_ms: milliseconds(elapsed),
            quiet_ms: milliseconds(diagnosis.quiet_for),
            errors: diagnosis.errors,
            tasks: diagnosis.tasks.iter().map(TaskDocument::from).collect(),
            tasks_unlisted: diagnosis.unlisted,
            findings: diagnosis.findings.clone(),
            unseen: diagnosis.blind.clone(),
        }
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
