//! The part of a program that is stuck, while the rest may go on.

use super::{Case, Confidence, Finding, Judgement, Program, Verdict, rules};
use crate::observe::{Snapshot, TaskId};

/// Tasks that will never go on, whatever the other tasks do, short of cancelling them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StuckPart {
    /// All such tasks: those that hold one another up, and those that wait for them.
    pub tasks: Vec<TaskId>,
    /// What proves it.
    pub findings: Vec<Finding>,
}

/// The stuck part of a program, as far as it follows from its locks alone: no dump is needed, and the
/// program need not be quiet. None: there is no such part, or it can't be proven.
///
/// It rests on one thing that no record tells: that a guard of a lock that lives for ever (a static, or one
/// that is leaked) was not sent to another task, as only such a guard can be both borrowed and sent.
pub fn stuck_part(seen: &Snapshot, main: TaskId) -> Option<StuckPart> {
    let program = Program::Runs(Judgement {
        verdict: Verdict::Waiting,
        confidence: Confidence::Likely,
    });
    let case = Case::new(seen, main, &program);
    let findings = rules::of_a_part(&case);
    let tasks = case.graph.hopeless().collect();
    (!findings.is_empty()).then_some(StuckPart { tasks, findings })
}
