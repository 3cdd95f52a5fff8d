//! `lost-waker`: a task waits, and nobody has a waker of it, so nothing can wake it any more.
//!
//! Whatever it waits for may well come, and it will not hear of it. A task can only run again if one of its wakers is
//! called, and where Tokio's records of them are listened to, it is known that there is none. Proven where the whole
//! program is proven to be stuck. Of one that goes on it says nothing, as it may wait for ever on purpose.
//!
//! A dump polls each task, and one that only had to be polled goes on then. So what is told is how all stood before.
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
    let of_it = if lost.len() == 1 { "it" } else { "them" };
    let summary = format!(
        "nothing can wake {} any more: nobody has a waker of {of_it}",
        names(&lost)
    );
    let mut evidence = standing::alike(case, lost.iter().copied());
    let is_revived = |task: &&TaskSeen| case.seen.revived.contains(&task.id);
    let revived: Vec<&TaskSeen> = lost.into_iter().filter(is_revived).collect();
    evidence.push(if revived.is_empty() {
        "what was polled last kept no waker: a future that does not store `cx.waker()`, or one that never ends, such \
         as `pending()`"
            .to_owned()
    } else {
        format!(
            "{} went on when polled once more, for a dump: what was waited for had come, and whoever brought it had \
             no waker to call",
            names(&revived)
        )
    });
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
