//! `lock-cycle`: tasks wait for one another in a ring, each for a lock that the next one holds. A link can
//! also be a task group: it waits for a child, which waits for a lock that is held around the group. Or it is a
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
use std::ptr;

use crate::diagnosis::graph::{Step, Through};
use crate::diagnosis::{Case, Confidence, Finding, Verdict, Wait, prose};
use crate::fold::fold;
use crate::observe::{ResourceKind, ResourceSeen, TaskId};

pub(super) fn check(case: &Case<'_>) -> Vec<Finding> {
    let rings = case.graph.rings();
    // Any number of tasks may be held up at the same place of what is one ring.
    let alike = fold(rings.iter().map(|ring| (ways(ring), ring)));
    let found = alike.into_iter().filter_map(|(_, rings)| {
        let (ring, others) = rings.split_first()?;
        let confidence = confidence(case, ring)?;
        let names = ring.iter().map(|step| case.name_of(step.task));
        let mut evidence = links(case, ring);
        evidence.extend(besides(case, ring, others));
        Some(Finding {
            rule: "lock-cycle",
            confidence,
            summary: format!(
                "{} wait for one another in a ring: none can go on before the next one has",
                prose::list(names)
            ),
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
    let are = if tasks.len() == 1 { "is" } else { "are" };
    let names = prose::list(tasks.iter().map(|id| case.name_of(*id)));
    (!tasks.is_empty()).then(|| format!("{names} {are} held up in the same way"))
}

fn links(case: &Case<'_>, ring: &[Step<'_>]) -> Vec<String> {
    let before = ring.iter().cycle().skip(ring.len() - 1);
    let after = ring.iter().cycle().skip(1);
    let told = before.zip(ring).zip(after).map(|((before, step), after)| {
        let name = case.name_of(step.task);
        let waits = match (before.through, step.through) {
            (Through::Lock(held), Through::Lock(other)) if held.made_at == other.made_at => {
                "waits for another one made there".to_owned()
            }
            (_, Through::Lock(resource)) => format!("waits for {}", of(resource)),
            (_, Through::Group(group)) => {
                let (name, at) = (&group.name, &group.opened_at);
                format!("waits for the task group {name} opened at {at}")
            }
            (_, Through::Handle) => {
                let (at, next) = (joins_at(case, step.task), case.name_of(after.task));
                format!("waits{at} for {next} to end, going by which of its tasks are left")
            }
        };
        match before.through {
            Through::Lock(resource) => format!("{name} holds {} and {waits}", of(resource)),
            Through::Group(group) => format!("{name} is a child of {} and {waits}", group.name),
            Through::Handle => {
                format!(
                    "{name} was spawned by {} and {waits}",
                    case.name_of(before.task)
                )
            }
        }
    });
    told.collect()
}

/// Where a task awaits a handle: ` at main.rs:7`.
fn joins_at(case: &Case<'_>, task: TaskId) -> String {
    let waits = case.waits.on(task).iter();
    let mut joins = waits.filter(|wait| matches!(wait, Wait::Join { .. }));
    let at = joins.find_map(Wait::at);
    at.map_or_else(String::new, |at| format!(" at {at}"))
}

fn of(resource: &ResourceSeen) -> String {
    match resource.kind {
        ResourceKind::Semaphore => format!("a permit of {resource}"),
        _ => resource.to_string(),
    }
}
