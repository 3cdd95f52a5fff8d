//! What of a process is stuck from one reading to the next, so that each part is reported once.

use std::collections::BTreeSet;

use unstuck_inspect::snapshot::Address;

use crate::liveness::{Diagnosis, Until};
use crate::verdict::Verdict;

/// The parts of a process that are stuck, or the whole of it.
#[derive(Debug, Default)]
pub(crate) struct StuckParts {
    /// What was stuck when it was read last.
    suspected: BTreeSet<Stuck>,
    /// What was stuck in a report.
    reported: BTreeSet<Stuck>,
}

impl StuckParts {
    /// Whether something was stuck that is in no report, and is to be confirmed by another reading.
    pub(crate) fn are_suspected(&self) -> bool {
        !self.suspected.is_subset(&self.reported)
    }

    /// Notes that a report has all that is stuck.
    pub(crate) fn note_reported(&mut self, diagnosis: &Diagnosis) {
        self.reported.extend(stuck(diagnosis));
    }

    /// Whether something is stuck that was in no report.
    ///
    /// A part of a process must have been stuck the last time, too, as the rest of the process goes on.
    pub(crate) fn have_news(&mut self, diagnosis: &Diagnosis) -> bool {
        let stuck = stuck(diagnosis);
        if !stuck.contains(&Stuck::All) {
            self.reported.remove(&Stuck::All);
        }
        let is_sure = |it: &&Stuck| **it == Stuck::All || self.suspected.contains(it);
        let sure: BTreeSet<Stuck> = stuck.iter().filter(is_sure).copied().collect();
        let has_news = !sure.is_subset(&self.reported);
        if has_news {
            // The report has all of it.
            self.reported.extend(stuck.iter().copied());
        }
        self.suspected = stuck;
        has_news
    }
}

/// What a process is stuck in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Stuck {
    /// Nothing in it can go on.
    All,
    /// What a finding is about: its rule, and the first thing that is waited for.
    Part(&'static str, Option<Address>),
}

fn stuck(diagnosis: &Diagnosis) -> BTreeSet<Stuck> {
    let all = (diagnosis.verdict == Verdict::Stuck).then_some(Stuck::All);
    let parts = diagnosis
        .waits()
        .filter(|(_, wait)| wait.until == Until::Never)
        .map(|(finding, wait)| {
            let address = wait.links.iter().map(|link| link.address).min();
            Stuck::Part(finding.rule, address)
        });
    all.into_iter().chain(parts).collect()
}
