//! `outlived`: tasks were still alive when main returned, and what they had left to do was dropped.
//!
//! Proven where the runtime was quiescent by then: none of them was about to end. Likely where it was
//! not: a task that still ran may have been in its last poll. Whether the work mattered no rule can tell.
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
    let tasks: Vec<&TaskSeen> = left().collect();
    let Some(first) = tasks.first() else {
        return Vec::new();
    };
    let spawned_at = case.spawned_at(first);
    let are_alike = tasks.iter().all(|task| case.spawned_at(task) == spawned_at);
    let spawned_at = spawned_at.filter(|_| are_alike);
    let spawned_at = spawned_at.map_or_else(String::new, |at| format!(", spawned at {at},"));
    let names = prose::list(tasks.iter().map(|task| task.display_name()));
    let were = prose::agree(tasks.len(), "was", "were");
    let they = prose::agree(tasks.len(), "it", "they");
    vec![Finding {
        rule: "outlived",
        confidence: if case.seen.at_rest {
            Confidence::Proven
        } else {
            Confidence::Likely
        },
        summary: format!(
            "main returned while {names}{spawned_at} {were} still alive; what {they} had left to do was dropped"
        ),
        evidence: standing::alike(case, left()),
    }]
}
