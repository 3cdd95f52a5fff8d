//! `self-deadlock`: a task waits for a lock that it holds itself, or for more permits than there are
//! besides those that it holds.
//!
//! Proven where the whole program is proven to be stuck, and no permit can have been handed on. Otherwise likely: for
//! a lock where the guard borrows it and nothing but locks can wake the task, also in a program that goes on; for
//! others only in one that is stuck as a whole.
//!
//! Triggered by a function that takes a lock and calls another one that takes it too; by writing while
//! reading. A near miss: a task that holds a lock, in one branch of a `join!` that sleeps, while another
//! branch waits for it. A task that fills its own channel is left to `full-channel`: nobody can see who
//! receives.

use crate::diagnosis::graph::Queued;
use crate::diagnosis::{Case, Confidence, Finding, Verdict, Wait, prose};
use crate::observe::{HolderSeen, ResourceKind, TaskId};

pub(super) fn check(case: &Case<'_>) -> Vec<Finding> {
    let tasks = case.seen.tasks.iter();
    let waits = tasks.flat_map(|task| {
        let queues = case.graph.queues(task.id);
        queues.map(move |queued| (task.id, queued))
    });
    waits
        .filter_map(|(task, queued)| finding(case, task, queued))
        .collect()
}

fn finding(case: &Case<'_>, task: TaskId, queued: &Queued<'_>) -> Option<Finding> {
    let (resource, waiter) = (queued.resource, queued.waiter());
    let own = resource.holders.iter();
    let own: Vec<&HolderSeen> = own.filter(|it| it.task == Some(task)).collect();
    let held: usize = own.iter().map(|it| it.permits).sum();
    let is_lock = matches!(resource.kind, ResourceKind::Mutex | ResourceKind::RwLock);
    let is_shut = is_lock || (resource.missing == 0 && held + waiter.wants > resource.permits);
    if held == 0 || !is_shut {
        return None;
    }
    let certain = own.iter().all(|it| it.certain);
    let is_hopeless = case.graph.is_hopeless(task);
    let confidence = match (case.verdict()?, is_lock) {
        (Verdict::Stuck, true) if is_hopeless && case.is_proven() => Confidence::Proven,
        (Verdict::Stuck, false) if certain && case.is_proven() => Confidence::Proven,
        (Verdict::Stuck, _) => Confidence::Likely,
        (_, true) if is_hopeless => Confidence::Likely,
        _ => return None,
    };
    let name = case.name_of(task);
    let at = prose::at(case.waits.on(task).iter().find_map(Wait::at));
    let summary = if is_lock {
        format!("{name} waits{at} for {resource}, which it holds itself")
    } else {
        let (all, wants) = (resource.permits, waiter.wants);
        format!(
            "{name} waits{at} for {wants} of the {all} permits of {resource}, and holds {held} itself"
        )
    };
    let mut evidence = vec![format!(
        "{name} can't release what it holds before the wait ends"
    )];
    if !certain {
        evidence
            .push("the guard owns its lock, so it may have been moved to another task".to_owned());
    }
    Some(Finding {
        rule: "self-deadlock",
        confidence,
        summary,
        evidence,
    })
}
