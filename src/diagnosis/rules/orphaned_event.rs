//! `orphaned-event`: a task waits for an event that no remaining handle can set.
//!
//! Proven by counting: an [`Event`](crate::Event) knows its handles, and a handle that waits can't
//! set. Once all remaining handles are waiting, no code is left that could set it, unless a task stops waiting. So
//! it is proven where the whole program is proven to be stuck; otherwise likely.
//!
//! Triggered by a pool whose workers fail before they raise the flag that `main` awaits. A near miss:
//! the same pool with one worker that still has its handle, and sleeps. Another one: a task that waits for a while,
//! and then sets it itself.

use std::collections::HashSet;
use std::fmt::Write as _;

use crate::diagnosis::{Case, Confidence, Finding, Program, prose};
use crate::observe::{End, EventSeen, TaskId, TaskSeen, TaskState};

pub(super) fn check(case: &Case<'_>) -> Vec<Finding> {
    if matches!(case.program, Program::Returned(..)) {
        return Vec::new();
    }
    let events = case.seen.events.iter();
    let orphans = events.filter(|event| !event.set && event.setters == 0);
    orphans.map(|event| finding(case, event)).collect()
}

fn finding(case: &Case<'_>, event: &EventSeen) -> Finding {
    let waiting: HashSet<TaskId> = event.waits.iter().map(|wait| wait.task).collect();
    let let_go: HashSet<TaskId> = event.let_go.iter().copied().collect();
    let let_go: HashSet<TaskId> = &let_go - &waiting;
    // In spawn order, whoever ended first.
    let could_have: Vec<&TaskSeen> = case
        .tasks()
        .filter(|task| let_go.contains(&task.id))
        .collect();
    // Of tasks that ended long ago no more is kept than their number.
    let unknown = let_go.iter().filter(|id| case.task(**id).is_none()).count();

    let mut waits: Vec<_> = event.waits.iter().collect();
    waits.sort_unstable_by_key(|wait| wait.task);
    let waits = waits
        .into_iter()
        .map(|wait| (&wait.at, case.name_of(wait.task)));
    let waits: Vec<String> = prose::fold(waits)
        .into_iter()
        .map(|(at, names)| {
            let wait = prose::agree(names.len(), "waits", "wait");
            format!("{} {wait} at {at}", prose::list(names))
        })
        .collect();
    let made_at = format!("`{}` was made at {}", event.name, event.made_at);
    let ends = prose::fold(
        could_have
            .iter()
            .map(|task| (how_it_ended(task), task.display_name())),
    );
    let ends = ends
        .into_iter()
        .map(|(end, names)| format!("{} {end}", prose::list(names)));
    let handles = "every remaining handle is itself waiting, so none can set it".to_owned();
    Finding {
        rule: "orphaned-event",
        confidence: if case.is_stuck() && case.is_proven() {
            Confidence::Proven
        } else {
            Confidence::Likely
        },
        summary: format!(
            "{} for `{}`, {}",
            prose::list(waits),
            event.name,
            why_nobody_can_set_it(&could_have, unknown)
        ),
        evidence: [made_at, handles].into_iter().chain(ends).collect(),
    }
}

fn why_nobody_can_set_it(could_have: &[&TaskSeen], unknown: usize) -> String {
    const DROPPED: &str = "dropped its handle without setting it";
    const DROPPED_THEIRS: &str = "dropped their handles without setting it";
    if could_have.is_empty() {
        return match unknown {
            0 => "and there is no other handle that could set it".to_owned(),
            _ => "and every other handle was dropped without setting it".to_owned(),
        };
    }
    let failed =
        |task: &&TaskSeen| matches!(task.state, TaskState::Ended(End::Error(_) | End::Panic(_)));
    let all = could_have.len() + unknown;
    let failed = could_have.iter().filter(|task| failed(task)).count();
    let mut names = prose::list(could_have.iter().map(|task| task.display_name()));
    if unknown > 0 {
        let _ = write!(names, " and {unknown} more");
    }
    let ended = match (all, failed) {
        (_, failed) if failed == all => format!("{} failed", prose::all(all)),
        (1, _) => format!("it {DROPPED}"),
        (_, 0) => format!("{} {DROPPED_THEIRS}", prose::all(all)),
        _ if all - failed == 1 => format!("{failed} of the {all} failed, the other {DROPPED}"),
        _ => format!("{failed} of the {all} failed, the others {DROPPED_THEIRS}"),
    };
    format!("which only {names} could set; {ended}")
}

fn how_it_ended(task: &TaskSeen) -> String {
    match &task.state {
        TaskState::Ended(End::Error(text)) => format!("ended with an error: {text}"),
        TaskState::Ended(End::Panic(text)) => format!("panicked: {text}"),
        TaskState::Ended(End::Cancelled) => "was cancelled".to_owned(),
        TaskState::Ended(End::Ok) => "ended without setting it".to_owned(),
        TaskState::Polling | TaskState::Parked(_) => "dropped its handle".to_owned(),
    }
}
