//! Which threads of the own process have been blocked for long, so that each is told once.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::time::{Duration, Instant};

use super::{Explanation, News};
use crate::fingerprint::Fingerprint;
use crate::liveness::Cause;

/// The threads that sleep inside a poll.
#[derive(Debug, Default)]
pub(crate) struct BlockedThreads {
    since: BTreeMap<Sleep, Instant>,
    /// Those that have been blocked for long.
    told: BTreeSet<Sleep>,
    /// Another one may be blocked at the same place.
    told_causes: BTreeSet<Fingerprint>,
    reported: BTreeSet<Sleep>,
}

/// A thread, and how often it has gone to sleep: as long as that is the same, it has not woken up.
type Sleep = (u32, u64);

/// How long a poll has to be asleep before it is reported: many calls are slow, and return.
const PATIENCE: Duration = Duration::from_secs(5);

impl BlockedThreads {
    /// Which have been blocked for long.
    pub(crate) fn note(&mut self, explanation: &Explanation) -> News {
        let now = Instant::now();
        let before = std::mem::take(&mut self.since);
        let mut news = News::default();
        for (index, sleep) in sleeps(explanation) {
            let since = before.get(&sleep).copied().unwrap_or(now);
            self.since.insert(sleep, since);
            if now.duration_since(since) < PATIENCE {
                continue;
            }
            news.current.push(index);
            let cause = explanation.diagnosis.findings[index].fingerprint(&explanation.snapshot);
            let is_new = self.told.insert(sleep) & self.told_causes.insert(cause);
            if is_new {
                news.new.push(index);
            }
            news.is_unreported |= self.reported.insert(sleep) && is_new;
        }
        for noted in [&mut self.told, &mut self.reported] {
            noted.retain(|sleep| self.since.contains_key(sleep));
        }
        news
    }

    /// Notes that a report has all that are blocked.
    pub(crate) fn note_reported(&mut self, explanation: &Explanation) {
        let sleeps = sleeps(explanation).map(|(_, sleep)| sleep);
        self.reported.extend(sleeps);
    }
}

/// With the index of the finding on each.
fn sleeps(explanation: &Explanation) -> impl Iterator<Item = (usize, Sleep)> {
    let findings = explanation.diagnosis.findings.iter().enumerate();
    findings.filter_map(|(index, finding)| match finding.cause {
        Cause::BlockedThread(blocked) => {
            let thread = explanation.snapshot.threads[blocked.thread].id;
            Some((index, (thread, times_asleep(thread)?)))
        }
        _ => None,
    })
}

/// How often a thread of this process has gone to sleep.
fn times_asleep(thread: u32) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/self/task/{thread}/status")).ok()?;
    let mut lines = status.lines();
    let count = lines.find_map(|line| line.strip_prefix("voluntary_ctxt_switches:"))?;
    count.trim().parse().ok()
}
