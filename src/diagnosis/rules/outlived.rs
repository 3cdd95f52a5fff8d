//! `outlived`: tasks were still alive when main returned, and what they had left to do was cut off.
//!
//! Proven where the runtime had come to rest by then: none of them was about to end. Likely where it had
//! not: what still runs might have been at its last poll. Whether the work mattered no rule can tell.
//!
//! Triggered by a main that returns while a task that it spawned still sleeps. A near miss: tasks that
//! main aborts as the last thing it does, and that end a moment later.

use crate::diagnosis::{Case, Confidence, Fate, Finding, Program, prose, standing};
use crate::observe::TaskSeen;

pub(super) fn check(case: &Case<'_>) -> Vec<Finding> {
    if !matches!(case.program, Program::Returned(..)) {
        return Vec::new();
    }
    let left = || {
        let outlived = |fate| matches!(fate, Fate::Outlived { .. });
        case.tasks().filter(move |task| outlived(case.fate(task)))
    };
    let names = prose::list(left().map(TaskSeen::display_name));
    let were = match left().count() {
        0 => return Vec::new(),
        1 => "was",
        _ => "were",
    };
    vec![Finding {
        rule: "outlived",
        confidence: if case.seen.at_rest {
            Confidence::Proven
        } else {
            Confidence::Likely
        },
        summary: format!(
            "{names} {were} still alive when main returned: what was left to do is cut off"
        ),
        evidence: standing::alike(case, left()),
    }]
}
