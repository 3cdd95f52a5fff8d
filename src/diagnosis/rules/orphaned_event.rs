//! `orphaned-event`: somebody waits for an event that nobody can set any more.
//!
//! Proven by counting: an [`Event`](crate::Event) knows its handles, and a handle that waits can't
//! set. Once all that are left are waiting, no code is left that could set it, unless somebody stops waiting. So
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
    let waits = prose::fold(waits).into_iter().map(|(at, names)| {
        let wait = if names.len() == 1 { "waits" } else { "wait" };
        let (names, made_at) = (prose::list(names), &event.made_at);
        format!(
            "{names} {wait} for `{}` at {at}, made at {made_at}",
            event.name
        )
    });
    let ends = prose::fold(
        could_have
            .iter()
            .map(|task| (how_it_ended(task), task.display_name())),
    );
    let ends = ends
        .into_iter()
        .map(|(end, names)| format!("{} {end}", prose::list(names)));
    let count = "every handle of it that is left is one that waits, and cannot set it".to_owned();
    Finding {
        rule: "orphaned-event",
        confidence: if case.is_stuck() && case.is_proven() {
            Confidence::Proven
        } else {
            Confidence::Likely
        },
        summary: summary(event, &could_have, unknown),
        evidence: waits.chain([count]).chain(ends).collect(),
    }
}

fn summary(event: &EventSeen, could_have: &[&TaskSeen], unknown: usize) -> String {
    let name = &event.name;
    if could_have.is_empty() && unknown > 0 {
        return format!("`{name}` can't be set: everybody else who had a handle has let go of it");
    }
    if could_have.is_empty() {
        let who = if event.waits.len() == 1 {
            "the one who waits"
        } else {
            "those who wait"
        };
        return format!("`{name}` can't be set: nobody but {who} ever had a handle");
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
        (1, 1) => "it ended with an error first".to_owned(),
        (_, failed) if failed == all => {
            format!("all {} ended with an error first", prose::number(all))
        }
        (1, _) => "it let go of it without setting it".to_owned(),
        (_, 0) => format!("all {} let go of it without setting it", prose::number(all)),
        _ => format!("{failed} of the {all} ended with an error first, the rest let go of it"),
    };
    let seen = match failed {
        0 => "",
        1 => ", and that error has not surfaced",
        _ => ", and none of those errors has surfaced",
    };
    format!("`{name}` can only be set by {names}; {ended}{seen}")
}

fn how_it_ended(task: &TaskSeen) -> String {
    match &task.state {
        TaskState::Ended(End::Error(text)) => format!("ended with an error: {text}"),
        TaskState::Ended(End::Panic(text)) => format!("panicked: {text}"),
        TaskState::Ended(End::Cancelled) => "was cancelled".to_owned(),
        TaskState::Ended(End::Ok) => "ended without setting it".to_owned(),
        TaskState::Polling | TaskState::Parked(_) => "let go of its handle".to_owned(),
    }
}
