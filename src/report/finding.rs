//! A finding by itself, as data.

use serde::Serialize;

use super::json;
use super::process::FindingDocument;
use crate::fingerprint::Fingerprint;
use crate::place::Place;
use crate::verdict::{self, Confidence};

/// Something that is wrong with a program: what is handed to [`Guard::on_finding`](crate::Guard::on_finding), and what
/// a [`Health`](crate::Health) tells.
#[derive(Clone, Debug)]
pub struct Finding(Of);

#[derive(Clone, Debug, Serialize)]
#[serde(untagged)]
enum Of {
    /// Why a program that runs, or a part of it, does not go on.
    Running(Box<FindingDocument>),
    /// What is amiss with how the tasks of a program ended.
    Ended(Box<verdict::Finding>),
}

impl Finding {
    pub(super) fn running(document: FindingDocument) -> Self {
        Self(Of::Running(Box::new(document)))
    }

    #[cfg_attr(
        not(tokio_unstable),
        expect(dead_code, reason = "only hooks tell how tasks ended")
    )]
    pub(crate) fn ended(finding: verdict::Finding) -> Self {
        Self(Of::Ended(Box::new(finding)))
    }

    /// The rule, as `docs/rules.md` names it.
    pub fn rule(&self) -> &'static str {
        match &self.0 {
            Of::Running(document) => document.rule,
            Of::Ended(finding) => finding.rule,
        }
    }

    /// How sure it is.
    pub fn confidence(&self) -> Confidence {
        match &self.0 {
            Of::Running(document) => document.confidence,
            Of::Ended(finding) => finding.confidence,
        }
    }

    /// What it is recognized by, from one run of the program to the next.
    pub fn fingerprint(&self) -> Fingerprint {
        match &self.0 {
            Of::Running(document) => document.fingerprint,
            Of::Ended(finding) => finding.fingerprint,
        }
    }

    /// Why, with the tasks and the lines: one sentence, or a line for each link of a circular wait.
    pub fn summary(&self) -> &str {
        match &self.0 {
            Of::Running(document) => &document.summary,
            Of::Ended(finding) => &finding.summary,
        }
    }

    /// The program's own line to look at first: where a blocked thread is, or one of those that wait. `None` if none is
    /// known, and for a program that has ended.
    pub fn place(&self) -> Option<Place> {
        match &self.0 {
            Of::Running(document) => document.place(),
            Of::Ended(_) => None,
        }
    }

    /// Makes a `tracing` event of it, for whatever collects them.
    pub(crate) fn record(&self) {
        tracing::error!(
            target: "unstuck",
            rule = self.rule(),
            fingerprint = %self.fingerprint(),
            confidence = %self.confidence(),
            at = self.place().map(|it| it.to_string()),
            "{}",
            self.summary()
        );
    }

    /// As JSON, over several lines. Of a program that runs, an element of `findings[]` of a process, with each link:
    /// who waits, for what, and what the holder has. Of one that has ended, an element of `sides[].findings[]`. See
    /// [`json`](super::json).
    ///
    /// # Panics
    ///
    /// Never for what this crate reports.
    pub fn to_json(&self) -> String {
        json::render(self).expect("its fields are texts and numbers")
    }
}

impl Serialize for Finding {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}
