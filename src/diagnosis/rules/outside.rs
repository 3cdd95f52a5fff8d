//! `outside`: the program is not stuck; it waits for a socket, a process, a signal or a timer, or might be
//! woken by something that is no task.
//!
//! Proven where a task was seen to be parked on one of those. Likely where they only could not be ruled
//! out: a thread may hold the other end of anything.
//!
//! Triggered by a client whose server does not answer, and by a task that waits for a thread. A near miss:
//! the same where the answer comes before patience is over.

use crate::diagnosis::hidden::{self, HiddenTimer};
use crate::diagnosis::verdict::is_servant;
use crate::diagnosis::{Case, Confidence, Finding, Verdict, Wait, prose, standing};
use crate::observe::{TaskSeen, TaskState, Timers};

pub(super) fn check(case: &Case<'_>) -> Vec<Finding> {
    if !case.has_come_to(Verdict::Waiting) {
        return Vec::new();
    }
    let from_outside = |wait: &Wait<'_>| {
        matches!(
            wait,
            Wait::Io { .. } | Wait::Timer { .. } | Wait::TimeOut { .. }
        )
    };
    let waiting = |task: &&TaskSeen| case.waits.on(task.id).iter().any(from_outside);
    let waiting: Vec<&TaskSeen> = case.tasks().filter(waiting).collect();
    if waiting.is_empty() {
        return could_wake(case);
    }
    let mut waits = waiting.iter().map(|task| {
        let parked = case.parked(task);
        (parked.on, parked.at)
    });
    let first = waits.next();
    let are_alike = waits.all(|wait| Some(wait) == first);
    let alike = first.filter(|_| are_alike);
    let (on, at) = alike.unwrap_or_else(|| ("several events".to_owned(), None));
    let names = prose::list(waiting.iter().map(|task| task.display_name()));
    vec![Finding {
        rule: "outside",
        confidence: Confidence::Proven,
        summary: format!(
            "{names} {}{} for something outside the program, which may still happen: {on}",
            prose::agree(waiting.len(), "waits", "wait"),
            prose::at(at.as_ref())
        ),
        evidence: standing::alike(case, waiting),
    }]
}

fn timers(case: &Case<'_>) -> Option<String> {
    let is_possible = hidden::timer(case.seen, &case.waits) == HiddenTimer::Possible;
    let timers = match case.seen.outside.timers {
        Timers::Set(_) => "a timer that any task may have set",
        Timers::Unknown | Timers::None => "timers, which unstuck cannot observe here",
    };
    is_possible.then(|| timers.to_owned())
}

/// No task is known to wait for anything outside, but that is not all there is to know.
fn could_wake(case: &Case<'_>) -> Vec<Finding> {
    let outside = &case.seen.outside;
    let asleep = outside.sleeping_threads.iter();
    let asleep: Vec<String> = asleep.filter(|name| !is_servant(name)).cloned().collect();
    let some = |number, noun| (number > 0).then(|| prose::count(number, noun));
    let threads = |names: &[String], what| {
        let names = prose::unique(names.iter().map(|name| format!("`{name}`")));
        (!names.is_empty()).then(|| format!("{what} outside the runtime, by name {names}"))
    };
    let unseen = |seen: bool, what: &str| (!seen).then(|| what.to_owned());
    let sources: Vec<String> = [
        some(outside.io_sources, "socket, pipe or the like")
            .map(|sources| format!("{sources} registered with the runtime")),
        some(outside.blocking_calls, "blocking call")
            .map(|calls| format!("{calls} running in the runtime's pool")),
        threads(&outside.busy_threads, "running threads"),
        threads(&asleep, "sleeping threads"),
        unseen(
            outside.threads_seen,
            "threads, which unstuck cannot observe here",
        ),
        timers(case),
        (outside.signals).then(|| "signals that the program listens to".to_owned()),
    ]
    .into_iter()
    .flatten()
    .collect();
    if sources.is_empty() {
        return Vec::new();
    }
    let parked = |task: &&TaskSeen| matches!(task.state, TaskState::Parked(_));
    vec![Finding {
        rule: "outside",
        confidence: Confidence::Likely,
        summary: format!(
            "no task is left that could wake another; not ruled out: {}",
            sources.join("; ")
        ),
        evidence: standing::alike(case, case.tasks().filter(parked)),
    }]
}
