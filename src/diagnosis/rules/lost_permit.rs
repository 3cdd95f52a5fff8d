//! `lost-permit`: a task waits for a lock or permit that was taken by tasks that have ended, and was never
//! returned.
//!
//! Likely: `forget` leaves no record, and what one task took another one may still have.
//!
//! Triggered by a task that forgets its permit. A near miss: one that hands it on to a task that sleeps
//! before it gives it back. A semaphore that a library made for itself is left out: a queue may well count
//! its items with one, and forget a permit for each that is taken.

use crate::diagnosis::{Case, Confidence, Finding, Wait, prose};
use crate::observe::{HolderSeen, ResourceKind, ResourceSeen, TaskId, TaskState};
use crate::place::Place;

pub(super) fn check(case: &Case<'_>) -> Vec<Finding> {
    if !case.is_stuck() {
        return Vec::new();
    }
    let resources = case.seen.resources.iter();
    let resources = resources.filter(|it| it.kind != ResourceKind::Channel && !is_of_a_library(it));
    resources
        .filter_map(|resource| finding(case, resource))
        .collect()
}

fn is_of_a_library(resource: &ResourceSeen) -> bool {
    resource.made_at.as_ref().is_some_and(Place::is_library)
}

fn finding(case: &Case<'_>, resource: &ResourceSeen) -> Option<Finding> {
    let has_ended = |id: TaskId| {
        let task = case.task(id);
        task.is_some_and(|task| matches!(task.state, TaskState::Ended(_)))
    };
    let holders = resource.holders.iter();
    let gone: Vec<&HolderSeen> = holders
        .filter(|holder| holder.task.is_some_and(has_ended))
        .collect();
    let taken: usize = gone.iter().map(|holder| holder.permits).sum();
    let lost = taken.saturating_sub(resource.missing);
    let first = resource.waiters.iter().find(|it| !it.is_granted())?;
    // Would they be enough?
    if lost == 0 || first.got + lost < first.wants {
        return None;
    }
    let waiters = resource.waiters.iter().filter_map(|it| it.task);
    let waiters = prose::different(waiters.map(|task| case.name_of(task)));
    let tasks = gone.iter().filter_map(|it| it.task);
    let tasks = prose::different(tasks.map(|task| case.name_of(task)));
    let wait = prose::agree(waiters.len(), "waits", "wait");
    let at = first
        .task
        .and_then(|task| case.waits.on(task).iter().find_map(Wait::at));
    let what = match resource.kind {
        ResourceKind::Mutex | ResourceKind::RwLock => "it".to_owned(),
        _ => format!("{} of it", prose::count(lost, "permit")),
    };
    let handed_on = gone.iter().any(|holder| !holder.certain);
    let handed_on = handed_on.then(|| "it may have been moved to another task".to_owned());
    Some(Finding {
        rule: "lost-permit",
        confidence: Confidence::Likely,
        summary: format!(
            "{} {wait}{} for {resource}; {} took {what} and ended without returning it",
            prose::list(waiters),
            prose::at(at),
            prose::list(tasks)
        ),
        evidence: handed_on.into_iter().collect(),
    })
}
