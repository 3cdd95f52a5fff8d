//! `blocked-worker`: a poll has not returned, and its thread can run no other task until it does.
//!
//! Likely: the poll may still return. What its thread does was sampled twice.
//!
//! Triggered by a task that takes a `std::sync::Mutex` which is not let go, and by one that loops without
//! an `.await`. A near miss: the same loop if it ends after a while, or if it yields.

use std::time::Duration;

use crate::diagnosis::{Case, Confidence, Finding, Verdict};
use crate::observe::{Doing, PollSeen};

pub(super) fn check(case: &Case<'_>) -> Vec<Finding> {
    if !case.has_come_to(Verdict::Blocked) {
        return Vec::new();
    }
    let polls = case.seen.polls.iter();
    let mut findings: Vec<_> = polls.map(|poll| finding(case, poll)).collect();
    if let Some(first) = findings.first_mut() {
        if case.seen.queued > 0 {
            first.summary += "; others are ready to run and wait for a worker";
        }
        first.evidence.extend(queued(case.seen.queued));
    }
    findings
}

fn queued(tasks: usize) -> Option<String> {
    match tasks {
        0 => None,
        1 => Some("at least 1 task is ready to run and waits for a worker".to_owned()),
        _ => Some(format!(
            "at least {tasks} tasks are ready to run and wait for a worker"
        )),
    }
}

fn finding(case: &Case<'_>, poll: &PollSeen) -> Finding {
    let task = case.task(poll.task);
    let spawned_at = task.and_then(|task| case.spawned_at(task));
    let spawned_at = spawned_at.map_or_else(String::new, |at| format!(", spawned at {at},"));
    let (what, evidence) = match &poll.doing {
        Some(Doing::Works) => (
            "it computes or loops without an `.await`",
            Some("its thread was running in every sample".to_owned()),
        ),
        Some(Doing::Sleeps(function)) => sleep(function.as_deref()),
        Some(Doing::WorksAndSleeps) => (
            "it alternates between work and sleep without an `.await`",
            Some("its thread was running in some samples and asleep in others".to_owned()),
        ),
        None => ("it loops or blocks its thread", None),
    };
    let alone = "until it returns, its thread runs no other task".to_owned();
    Finding {
        rule: "blocked-worker",
        confidence: Confidence::Likely,
        summary: format!(
            "{}{spawned_at} has not returned from a poll{}: {what}",
            case.name_of(poll.task),
            lasted(case.seen.quiet_for),
        ),
        evidence: evidence.into_iter().chain([alone]).collect(),
    }
}

/// What a thread waits for that is asleep in this function of the kernel.
fn sleep(function: Option<&str>) -> (&'static str, Option<String>) {
    const KNOWN: [(&str, &str); 8] = [
        (
            "futex",
            "it waits in a blocking call for a lock, a thread or a channel",
        ),
        ("nanosleep", "it sleeps in a blocking call"),
        ("do_wait", "it waits for a process in a blocking call"),
        ("pipe", "it reads or writes a pipe in a blocking call"),
        ("unix_", "it reads or writes a socket in a blocking call"),
        ("inet_", "it waits for a connection in a blocking call"),
        (
            "wait_woken",
            "it reads or writes a socket in a blocking call",
        ),
        ("poll", "it waits for I/O in a blocking call"),
    ];
    let Some(function) = function else {
        let evidence = "its thread was asleep in every sample".to_owned();
        return ("it sleeps in a blocking call", Some(evidence));
    };
    // The whole name differs from one version of the system to the next.
    let known = KNOWN.iter().find(|(part, _)| function.contains(part));
    let (function, what) = known.map_or((function, "it sleeps in a blocking call"), |known| *known);
    let function = function.trim_end_matches('_');
    let evidence = format!("its thread was asleep in every sample, in the kernel's `{function}`");
    (what, Some(evidence))
}

fn lasted(at_least: Duration) -> String {
    match at_least.as_secs() {
        0 => String::new(),
        seconds => format!(" for {seconds} s"),
    }
}
