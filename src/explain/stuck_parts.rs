//! What of a process is stuck from one reading to the next, so that each part is told once.

use std::collections::{BTreeMap, BTreeSet};

use unstuck_inspect::snapshot::Address;

use super::{Explanation, News};
use crate::fingerprint::Fingerprint;
use crate::liveness::Until;
use crate::verdict::Verdict;

/// The parts of a process that are stuck, or the whole of it.
#[derive(Debug, Default)]
pub(crate) struct StuckParts {
    /// What was stuck when it was read last.
    suspected: BTreeMap<Part, Fingerprint>,
    /// What was surely stuck before.
    told: BTreeSet<Part>,
    /// Another part may be stuck for the same reason.
    told_causes: BTreeSet<Fingerprint>,
    /// What was stuck in a report.
    reported: BTreeSet<Part>,
    /// Whether all of it was stuck in a report, and has been since.
    is_reported_as_a_whole: bool,
}

/// What a finding is about: its rule, and the first thing that is waited for.
type Part = (&'static str, Option<Address>);

impl StuckParts {
    /// Whether something was stuck that is to be confirmed by another reading.
    pub(crate) fn are_suspected(&self) -> bool {
        let mut suspected = self.suspected.iter();
        suspected.any(|(part, cause)| self.is_new(*part, *cause))
    }

    /// Notes that a report has all that is stuck.
    pub(crate) fn note_reported(&mut self, explanation: &Explanation) {
        let parts = stuck(explanation).into_iter().map(|stuck| stuck.part);
        self.reported.extend(parts);
        self.is_reported_as_a_whole |= is_stuck_as_a_whole(explanation);
    }

    /// What is surely stuck.
    ///
    /// A part of a process must have been stuck the last time, too, as the rest of the process goes on.
    pub(crate) fn note(&mut self, explanation: &Explanation) -> News {
        let is_whole = is_stuck_as_a_whole(explanation);
        let stuck = stuck(explanation);
        let mut news = News {
            is_unreported: is_whole && !self.is_reported_as_a_whole,
            ..News::default()
        };
        self.is_reported_as_a_whole = is_whole;
        for it in &stuck {
            if !is_whole && !self.suspected.contains_key(&it.part) {
                continue;
            }
            news.current.push(it.finding);
            let is_new = self.is_new(it.part, it.cause);
            if is_new {
                news.new.push(it.finding);
            }
            news.is_unreported |= is_new && !self.reported.contains(&it.part);
            self.told.insert(it.part);
            self.told_causes.insert(it.cause);
        }
        self.suspected = stuck.iter().map(|it| (it.part, it.cause)).collect();
        if news.is_unreported {
            self.note_reported(explanation);
        }
        news
    }

    fn is_new(&self, part: Part, cause: Fingerprint) -> bool {
        !self.told.contains(&part) && !self.told_causes.contains(&cause)
    }
}

struct Stuck {
    /// Its index.
    finding: usize,
    part: Part,
    cause: Fingerprint,
}

fn stuck(explanation: &Explanation) -> Vec<Stuck> {
    let findings = explanation.diagnosis.findings.iter().enumerate();
    let stuck = findings.filter_map(|(index, finding)| {
        let wait = finding.wait().filter(|it| it.until == Until::Never)?;
        let address = wait.links.iter().map(|link| link.address).min();
        Some(Stuck {
            finding: index,
            part: (finding.rule, address),
            cause: finding.fingerprint(&explanation.snapshot),
        })
    });
    stuck.collect()
}

/// Whether nothing in the process can go on.
fn is_stuck_as_a_whole(explanation: &Explanation) -> bool {
    explanation.diagnosis.verdict == Verdict::Stuck
}
