//! `lost-waker`: a task waits, and no waker of it exists, so nothing can wake it.
//!
//! What it waits for may happen, and it is not told. A task can only run again if one of its wakers is
//! called, and where Tokio's records of them are listened to, it is known that there is none. Proven where the whole
//! program is proven to be stuck. Of one that goes on it says nothing, as it may wait for ever on purpose.
//!
//! Triggered by a future that does not keep the waker that it is polled with. A near miss: the same future, which
//! does.

use crate::diagnosis::{Case, Confidence, Finding, prose, standing};
use crate::observe::{TaskSeen, TaskState};

pub(super) fn check(case: &Case<'_>) -> Vec<Finding> {
    if !case.is_stuck() {
        return Vec::new();
    }
    let is_lost = |task: &&TaskSeen| {
        matches!(task.state, TaskState::Parked(_)) && case.seen.unwakeable.contains(&task.id)
    };
    let lost: Vec<&TaskSeen> = case.tasks().filter(is_lost).collect();
    if lost.is_empty() {
        return Vec::new();
    }
    let spawned_at = lost.first().and_then(|task| case.spawned_at(task));
    let spawned_at = spawned_at.filter(|_| lost.len() == 1);
    let spawned_at = spawned_at.map_or_else(String::new, |at| format!(", spawned at {at}"));
    let summary = format!(
        "nothing can wake {}{spawned_at}: no waker of {} exists",
        names(&lost),
        prose::agree(lost.len(), "it", "them")
    );
    let mut evidence = standing::alike(case, lost.iter().copied());
    evidence.push(
        "the future that was polled last kept no waker: it does not store `cx.waker()`, or it never completes, like \
         `pending()`"
            .to_owned(),
    );
    vec![Finding {
        rule: "lost-waker",
        confidence: if case.is_proven() {
            Confidence::Proven
        } else {
            Confidence::Likely
        },
        summary,
        evidence,
    }]
}

fn names(tasks: &[&TaskSeen]) -> String {
    prose::list(tasks.iter().map(|task| task.display_name()))
}
