//! `starved-pool`: each task that holds permits of a semaphore waits for another one of the same.
//!
//! Proven where the whole program is proven to be stuck and no permit can have been handed on; likely where
//! it is stuck as a whole, as anybody might add permits.
//!
//! Triggered by as many tasks as there are permits, each of which takes one and then a second one. A near
//! miss: the same with one permit more, so that one of them gets its second.

use std::collections::HashSet;

use crate::diagnosis::{Case, Confidence, Finding, prose};
use crate::observe::{ResourceKind, ResourceSeen, TaskId};

pub(super) fn check(case: &Case<'_>) -> Vec<Finding> {
    if !case.is_stuck() {
        return Vec::new();
    }
    let resources = case.seen.resources.iter();
    let pools = resources.filter(|it| it.kind == ResourceKind::Semaphore && it.missing == 0);
    pools.filter_map(|pool| finding(case, pool)).collect()
}

fn finding(case: &Case<'_>, pool: &ResourceSeen) -> Option<Finding> {
    let waiters = pool.waiters.iter().filter(|it| !it.is_granted());
    let waiting: HashSet<TaskId> = waiters.filter_map(|it| it.task).collect();
    let waits = |task: Option<TaskId>| task.is_some_and(|task| waiting.contains(&task));
    let tasks = pool.holders.iter().filter_map(|it| it.task);
    let names = prose::different(tasks.map(|task| case.name_of(task)));
    // With one of them it is a `self-deadlock`.
    if names.len() < 2 || !pool.holders.iter().all(|holder| waits(holder.task)) {
        return None;
    }
    let certain = pool.holders.iter().all(|holder| holder.certain);
    Some(Finding {
        rule: "starved-pool",
        confidence: if certain && case.is_proven() {
            Confidence::Proven
        } else {
            Confidence::Likely
        },
        summary: format!(
            "{} hold all {} of {pool}, and each of them waits for another one",
            prose::list(names),
            prose::count(pool.permits, "permit")
        ),
        evidence: vec!["no permit is given back before somebody has got a second one".to_owned()],
    })
}
