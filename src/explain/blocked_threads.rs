//! Which threads of the own process have been blocked for long, so that each is reported once.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::time::{Duration, Instant};

use super::Explanation;
use crate::liveness::Cause;

/// The threads that sleep inside a poll.
#[derive(Debug, Default)]
pub(crate) struct BlockedThreads {
    since: BTreeMap<Sleep, Instant>,
    reported: BTreeSet<Sleep>,
}

/// A thread, and how often it has gone to sleep: as long as that is the same, it has not woken up.
type Sleep = (u32, u64);

/// How long a poll has to be asleep before it is reported: many calls are slow, and return.
const PATIENCE: Duration = Duration::from_secs(5);

impl BlockedThreads {
    /// Whether a thread has been blocked for long that is in no report.
    pub(crate) fn have_news(&mut self, explanation: &Explanation) -> bool {
        let now = Instant::now();
        let before = std::mem::take(&mut self.since);
        let sleeps = sleeps(explanation);
        self.since = sleeps
            .map(|sleep| (sleep, before.get(&sleep).copied().unwrap_or(now)))
            .collect();
        let lasting = self.since.iter();
        let lasting = lasting.filter(|(_, since)| now.duration_since(**since) >= PATIENCE);
        let has_news = lasting.fold(false, |has_news, (sleep, _)| {
            self.reported.insert(*sleep) || has_news
        });
        self.reported.retain(|sleep| self.since.contains_key(sleep));
        has_news
    }

    /// Notes that a report has all that are blocked.
    pub(crate) fn note_reported(&mut self, explanation: &Explanation) {
        self.reported.extend(sleeps(explanation));
    }
}

fn sleeps(explanation: &Explanation) -> impl Iterator<Item = Sleep> {
    let findings = explanation.diagnosis.findings.iter();
    let threads = findings.filter_map(|finding| match finding.cause {
        Cause::BlockedThread(blocked) => Some(explanation.snapshot.threads[blocked.thread].id),
        _ => None,
    });
    threads.filter_map(|thread| Some((thread, times_asleep(thread)?)))
}

/// How often a thread of this process has gone to sleep.
fn times_asleep(thread: u32) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/self/task/{thread}/status")).ok()?;
    let mut lines = status.lines();
    let count = lines.find_map(|line| line.strip_prefix("voluntary_ctxt_switches:"))?;
    count.trim().parse().ok()
}
