//! What a program came to, and how sure that is.

use std::fmt;

use crate::fingerprint::Fingerprint;

/// The rules by their names. `docs/rules.md` says what each finds.
pub const RULES: [&str; 15] = [
    "orphaned-event",
    "idle-receiver",
    "full-channel",
    "blocked-worker",
    "outside",
    "outlived",
    "lock-cycle",
    "circular-wait",
    "self-deadlock",
    "futurelock",
    "starved-pool",
    "lost-permit",
    "lost-waker",
    "swallowed-error",
    "unseen",
];

/// What a program came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(
    feature = "guard",
    derive(serde::Deserialize, serde::Serialize),
    serde(rename_all = "lowercase")
)]
pub enum Verdict {
    /// It ended, and returned no error.
    Completed,
    /// It ended with errors, and they surfaced.
    Failed,
    /// It has not ended, and nothing can wake it.
    Stuck,
    /// It has not ended: a thread of its runtime does not come back from a poll.
    Blocked,
    /// It has not ended: it waits for something outside, or that can't be seen.
    Waiting,
    /// It has not ended, and goes on by itself.
    Running,
}

/// How sure a conclusion is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(
    feature = "guard",
    derive(serde::Deserialize, serde::Serialize),
    serde(rename_all = "lowercase")
)]
pub enum Confidence {
    /// It follows from what was seen, but something that was not seen could speak against it.
    Likely,
    /// It can't be otherwise.
    Proven,
}

/// The answer of one rule, in words.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "guard", derive(serde::Serialize))]
pub struct Finding {
    /// The name of the rule.
    pub rule: &'static str,
    /// How sure it is.
    pub confidence: Confidence,
    /// What it is recognized by.
    pub fingerprint: Fingerprint,
    /// Why, in one sentence that names the tasks and the lines.
    pub summary: String,
    /// What it rests on, a sentence each.
    pub evidence: Vec<String>,
}

impl Verdict {
    /// Whether the program has ended.
    pub fn is_end(self) -> bool {
        matches!(self, Verdict::Completed | Verdict::Failed)
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Verdict::Completed => "completed",
            Verdict::Failed => "failed",
            Verdict::Stuck => "stuck",
            Verdict::Blocked => "blocked",
            Verdict::Waiting => "waiting",
            Verdict::Running => "running",
        })
    }
}

impl fmt::Display for Confidence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Confidence::Likely => "likely",
            Confidence::Proven => "proven",
        })
    }
}
