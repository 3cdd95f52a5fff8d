//! `lock-cycle`: a deadlock. Tasks wait for one another in a circle, each for a lock that the next one holds. A link
//! can also be a task group: it waits for a child, which waits for a lock that is held around the group. Or it is a
//! handle that is awaited while the task behind it waits for such a lock.
//!
//! Proven where each task in it can be woken by nothing but these locks, each guard borrows its lock, and the whole
//! program is proven to be stuck. In one that goes on it is likely: the future that holds a lock may have been handed
//! on, boxed, to another task. A guard that owns its lock, or a semaphore, to which anybody may add permits, makes it
//! likely, and only where the program is stuck as a whole. So does a handle, which does not tell whose it is.
//!
//! Triggered by two tasks that take the same two locks in opposite order. A near miss: the same order,
//! where one is slow; and one that gives up after a while.

use std::collections::BTreeSet;
use std::{iter, ptr};

use crate::diagnosis::graph::{Step, Through};
use crate::diagnosis::{Case, Confidence, Finding, Verdict, Wait, prose};
use crate::fold::fold;
use crate::observe::{ResourceKind, ResourceSeen, TaskId};
use crate::place::Place;

/// A sentence names no more links than these.
const LINKS: usize = 4;

pub(super) fn check(case: &Case<'_>) -> Vec<Finding> {
    let rings = case.graph.rings();
    // Any number of tasks may be held up at the same place of what is one ring.
    let alike = fold(rings.iter().map(|ring| (ways(ring), ring)));
    let found = alike.into_iter().filter_map(|(_, rings)| {
        let (ring, others) = rings.split_first()?;
        let confidence = confidence(case, ring)?;
        let mut links = links(case, ring);
        let mut evidence = Vec::new();
        if links.len() > LINKS {
            let rest = ring[LINKS - 1..].iter().map(|step| case.name_of(step.task));
            evidence.clone_from(&links);
            links.truncate(LINKS - 1);
            links.push(format!(
                "{} wait in the same way, the last of them for {}",
                prose::list(rest),
                case.name_of(ring[0].task)
            ));
        }
        evidence.extend(going_by(case, ring));
        evidence.extend(besides(case, ring, others));
        Some(Finding {
            rule: "lock-cycle",
            confidence,
            summary: format!("deadlock, a circular wait: {}", links.join("; ")),
            evidence,
        })
    });
    found.collect()
}

fn confidence(case: &Case<'_>, ring: &[Step<'_>]) -> Option<Confidence> {
    let lost = ring.iter().all(|step| case.graph.is_hopeless(step.task));
    let mut tasks = ring.iter();
    let queued = tasks.all(|step| case.graph.is_only_queued(step.task));
    match case.verdict()? {
        Verdict::Stuck if lost && case.is_proven() => Some(Confidence::Proven),
        Verdict::Stuck => Some(Confidence::Likely),
        // In a program that goes on, a task group might still be ended by what can't be seen, and somebody may have
        // the future that holds a lock.
        _ => (lost && queued).then_some(Confidence::Likely),
    }
}

/// What the tasks of a ring wait for one another through, but for handles.
fn ways(ring: &[Step<'_>]) -> BTreeSet<*const ()> {
    let way = |step: &Step<'_>| match step.through {
        Through::Lock(resource) => Some(ptr::from_ref(resource).cast()),
        Through::Group(group) => Some(ptr::from_ref(group).cast()),
        Through::Handle => None,
    };
    ring.iter().filter_map(way).collect()
}

/// Who else is in `others`, which are like `ring`.
fn besides(case: &Case<'_>, ring: &[Step<'_>], others: &[&Vec<Step<'_>>]) -> Option<String> {
    let is_other = |id: &TaskId| ring.iter().all(|step| step.task != *id);
    let tasks = others.iter().flat_map(|ring| ring.iter());
    let tasks: BTreeSet<TaskId> = tasks.map(|step| step.task).filter(is_other).collect();
    let wait = prose::agree(tasks.len(), "waits", "wait");
    let names = prose::list(tasks.iter().map(|id| case.name_of(*id)));
    (!tasks.is_empty()).then(|| format!("{names} {wait} in the same way"))
}

/// What each task waits for, and who has it.
fn links(case: &Case<'_>, ring: &[Step<'_>]) -> Vec<String> {
    let before = iter::once(None).chain(ring.iter().map(Some));
    let after = ring.iter().cycle().skip(1);
    let links = ring.iter().zip(after).zip(before);
    let links = links.map(|((step, after), before)| {
        let (name, next) = (case.name_of(step.task), case.name_of(after.task));
        match step.through {
            Through::Lock(resource) => {
                let at = prose::at(case.waits.on(step.task).iter().find_map(Wait::at));
                let lock = match before.map(|step| step.through) {
                    Some(Through::Lock(held)) if held.made_at == resource.made_at => {
                        format!("another {} made there", resource.kind)
                    }
                    _ => of(resource),
                };
                format!("{name} waits{at} for {lock}, which {next} holds")
            }
            Through::Group(group) => {
                let (group, at) = (&group.name, &group.opened_at);
                format!("{name} waits at {at} for {next} in its task group `{group}`")
            }
            Through::Handle => {
                let at = prose::at(joins_at(case, step.task));
                format!("{name} waits{at} for {next} to end")
            }
        }
    });
    links.collect()
}

/// Whose handle a task awaits is not recorded.
fn going_by(case: &Case<'_>, ring: &[Step<'_>]) -> impl Iterator<Item = String> {
    let after = ring.iter().cycle().skip(1);
    let joins = ring.iter().zip(after);
    let joins = joins.filter(|(step, _)| matches!(step.through, Through::Handle));
    joins.map(|(step, after)| {
        let (name, next) = (case.name_of(step.task), case.name_of(after.task));
        format!("{name} spawned {next}, and awaits as many tasks as are left of those it spawned")
    })
}

/// Where a task awaits a handle.
fn joins_at<'s>(case: &Case<'s>, task: TaskId) -> Option<&'s Place> {
    let waits = case.waits.on(task).iter();
    let mut joins = waits.filter(|wait| matches!(wait, Wait::Join { .. }));
    joins.find_map(Wait::at)
}

fn of(resource: &ResourceSeen) -> String {
    match resource.kind {
        ResourceKind::Semaphore => format!("a permit of {resource}"),
        _ => resource.to_string(),
    }
}
