//! The verdict on a process from snapshots of its memory: liveness by reachability.
//!
//! Pure: snapshots in, conclusions out. No clock, no I/O, nothing printed.

mod motion;

use unstuck_inspect::snapshot::{Lifecycle, Snapshot};

use super::{Confidence, Verdict};
use motion::Motion;

/// What was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Basis {
    /// A live process, twice. What is the same in both readings has not moved.
    TwoReadings,
    /// A live process, once. Nothing tells what moved.
    OneReading,
    /// A core file: the memory at the moment of the process's end, in which nothing moved while it was read.
    Core,
}

/// What is concluded.
#[derive(Clone, Debug)]
pub struct Diagnosis {
    /// What the process as a whole is doing.
    pub verdict: Verdict,
    /// How sure that is.
    pub confidence: Confidence,
    /// What it rests on.
    pub basis: Basis,
}

/// The verdict on a process that was read twice, the earlier reading first.
pub fn diagnose(before: &Snapshot, after: &Snapshot) -> Diagnosis {
    judge(after, &Motion::between(before, after), Basis::TwoReadings)
}

/// The verdict from one snapshot: of a core file, or of a live process that was read once.
pub fn diagnose_one(snapshot: &Snapshot) -> Diagnosis {
    let basis = match snapshot.taken_at_ns {
        Some(_) => Basis::OneReading,
        None => Basis::Core,
    };
    judge(snapshot, &Motion::default(), basis)
}

fn judge(snapshot: &Snapshot, motion: &Motion, basis: Basis) -> Diagnosis {
    let runs = |lifecycle| matches!(lifecycle, Lifecycle::Running | Lifecycle::Scheduled);
    let mut tasks = snapshot.tasks.iter();
    let verdict = if motion.any() || tasks.any(|task| runs(task.state.lifecycle)) {
        Verdict::Running
    } else {
        Verdict::Waiting
    };
    Diagnosis {
        verdict,
        confidence: Confidence::Likely,
        basis,
    }
}
