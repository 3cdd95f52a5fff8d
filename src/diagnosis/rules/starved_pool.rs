//! `starved-pool`: each task that holds permits of a semaphore waits for another one of the same.
//!
//! Proven where the whole program is proven to be stuck and no permit can have been handed on; likely where
//! it is stuck as a whole, as anybody might add permits.
//!
//! Triggered by as many tasks as there are permits, each of which takes one and then a second one. A near
//! miss: the same with one permit more, so that one of them gets its second.

use std::collections::{BTreeSet, HashSet};

use crate::diagnosis::{Case, Confidence, Finding, Wait, prose};
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
    let holders: BTreeSet<TaskId> = pool.holders.iter().filter_map(|it| it.task).collect();
    let names = holders.iter().map(|task| case.name_of(*task));
    let names: Vec<String> = names.collect();
    // With one of them it is a `self-deadlock`.
    if names.len() < 2 || !pool.holders.iter().all(|holder| waits(holder.task)) {
        return None;
    }
    let all = match pool.permits {
        2 => "both permits".to_owned(),
        permits => format!("all {}", prose::count(permits, "permit")),
    };
    let mut waiters: Vec<TaskId> = pool.waiters.iter().filter_map(|it| it.task).collect();
    waiters.sort_unstable();
    let alike = prose::fold(waiters.into_iter().map(|task| {
        let at = case.waits.on(task).iter().find_map(Wait::at);
        ((!holders.contains(&task), at), case.name_of(task))
    }));
    let waiting = alike.into_iter().map(|((is_first, at), names)| {
        let wait = prose::agree(names.len(), "waits", "wait");
        let one = if is_first {
            "a first one"
        } else {
            "another one"
        };
        let at = at.map_or_else(String::new, |at| format!(" at {at}"));
        format!("{} {wait} for {one}{at}", prose::list(names))
    });
    let certain = pool.holders.iter().all(|holder| holder.certain);
    let at = |task: &TaskId| case.waits.on(*task).iter().find_map(Wait::at);
    let first = holders.first().and_then(at);
    let are_alike = holders.iter().all(|task| at(task) == first);
    let at = prose::at(first.filter(|_| are_alike));
    Some(Finding {
        rule: "starved-pool",
        confidence: if certain && case.is_proven() {
            Confidence::Proven
        } else {
            Confidence::Likely
        },
        summary: format!(
            "{} hold {all} of {pool}, and each waits{at} for another one",
            prose::list(names),
        ),
        evidence: waiting.collect(),
    })
}
