//! `outlived`: tasks were still alive when main returned, and what they had left to do was dropped.
//!
//! Proven where the runtime was quiescent by then: none of them was about to end. Likely where it was
//! not: a task that still ran may have been in its last poll. Whether the work mattered no rule can tell.
//!
//! Triggered by a main that returns while a task that it spawned still sleeps. A near miss: tasks that
//! main aborts as the last thing it does, and that end a moment later.

use super::{Outcomes, TaskOutcome, prose};
use crate::verdict::{Confidence, Finding};

const RULE: &str = "outlived";

pub(super) fn check(outcomes: &Outcomes) -> Option<Finding> {
    let returned = outcomes.returned.as_ref()?;
    let left = || outcomes.left_behind();
    let first = left().next()?;
    let are_alike = left().all(|task| task.spawned_at == first.spawned_at);
    let spawned_at = if are_alike {
        format!(", spawned at {},", first.spawned_at)
    } else {
        String::new()
    };
    let count = left().count();
    let names = prose::list(left().map(TaskOutcome::display_name));
    let were = prose::agree(count, "was", "were");
    let they = prose::agree(count, "it", "they");
    Some(Finding {
        rule: RULE,
        confidence: if returned.at_rest {
            Confidence::Proven
        } else {
            Confidence::Likely
        },
        fingerprint: super::fingerprint(RULE, left()),
        summary: format!(
            "main returned while {names}{spawned_at} {were} still alive; what {they} had left to do was dropped"
        ),
        evidence: Vec::new(),
    })
}
