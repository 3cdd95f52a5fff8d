//! `unseen`: tasks are parked on something that unstuck cannot observe.
//!
//! Never more than likely: it tells what is not known. So it speaks only where no other rule explains why
//! the program does not go on; mostly, those who wait unseen wait for the tasks of which another rule tells.
//!
//! Triggered by a future of the program's own, which has kept a waker. A near miss: a `JoinSet`, of whose tasks it is
//! known what they wait for.

use std::collections::BTreeSet;

use crate::diagnosis::{Case, Confidence, Finding, Program, Verdict, Wait, prose, standing};
use crate::observe::TaskSeen;
use crate::place::Place;

pub(super) fn check(case: &Case<'_>) -> Vec<Finding> {
    // Otherwise nothing at all was looked at, and the report says so.
    // A task that moves is often between two waits.
    let goes_on =
        matches!(case.program, Program::Returned(..)) || case.has_come_to(Verdict::Running);
    if goes_on || !case.seen.is_read {
        return Vec::new();
    }
    let is_unseen = |wait: &Wait<'_>| matches!(wait, Wait::Unseen { .. });
    let unseen = |task: &&TaskSeen| {
        let is_lost = case.seen.unwakeable.contains(&task.id);
        !is_lost && case.waits.on(task.id).iter().any(is_unseen)
    };
    let unseen: Vec<&TaskSeen> = case.tasks().filter(unseen).collect();
    if unseen.is_empty() {
        return Vec::new();
    }
    let names = prose::list(unseen.iter().map(|task| task.display_name()));
    let are = prose::agree(unseen.len(), "is", "are");
    let waits = unseen.iter().flat_map(|task| case.waits.on(task.id));
    let places: BTreeSet<&Place> = waits
        .filter(|it| is_unseen(it))
        .filter_map(Wait::at)
        .collect();
    let at = match places.first() {
        Some(at) if places.len() == 1 => format!(" at {at}"),
        _ => String::new(),
    };
    let usual =
        "usually a future that is written by hand, or a channel of a crate other than Tokio";
    let mut evidence = standing::alike(case, unseen);
    evidence.push(usual.to_owned());
    vec![Finding {
        rule: "unseen",
        confidence: Confidence::Likely,
        summary: format!("{names} {are} parked{at} on something that unstuck cannot observe"),
        evidence,
    }]
}
