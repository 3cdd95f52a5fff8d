//! `idle-receiver`: a task waits for the next item of a channel or queue, for bytes of a pipe in memory, or to
//! be notified, and no task is left that could send anything.
//!
//! Likely: in a program that is stuck as a whole no task will send, but a queue does not record who has
//! its other end.
//!
//! Triggered by a worker that awaits one more item than there are, and by one that begins to listen after
//! `notify_waiters`. A near miss: the same worker while another task sleeps before it sends.

use crate::diagnosis::{Case, Confidence, Finding, Wait, prose};
use crate::observe::TaskState;

/// What receiving is called, by Tokio and by the queues that are built on it.
const RECEIVE: [&str; 6] = ["recv", "recv_many", "pop", "dequeue", "changed", "next"];

/// What waits to be notified.
const NOTIFIED: &str = "Notified";

pub(super) fn check(case: &Case<'_>) -> Vec<Finding> {
    if !case.is_stuck() {
        return Vec::new();
    }
    let receivers = case.tasks().flat_map(|task| {
        let waits = case.waits.on(task.id).iter();
        waits.filter_map(move |wait| match wait {
            Wait::Sync { at, call } => {
                what_nobody_sends(call).map(|what| ((call, at, what), task.display_name()))
            }
            _ => None,
        })
    });
    let receivers = prose::fold(receivers);
    if receivers.is_empty() {
        return Vec::new();
    }
    let others = others(case);
    receivers
        .into_iter()
        .map(|((call, at, what), names)| {
            let wait = prose::agree(names.len(), "waits", "wait");
            Finding {
                rule: "idle-receiver",
                confidence: Confidence::Likely,
                summary: format!(
                    "{} {wait}{} in `{call}` for {what}",
                    prose::list(names),
                    prose::at(*at)
                ),
                evidence: others.clone(),
            }
        })
        .collect()
}

/// What a call waits for, if it receives, and that no task can bring it.
fn what_nobody_sends(call: &str) -> Option<&'static str> {
    let method = call.rsplit("::").next().unwrap_or(call);
    // Not a method: each way of reading, of `AsyncReadExt` and its like, is a type of its own.
    let is_read = !call.contains("::") && call.starts_with("Read");
    match method {
        _ if call == NOTIFIED => Some("a notification, and no task is left that could notify it"),
        _ if is_read => Some("bytes, and no task is left that could write them"),
        _ if RECEIVE.contains(&method) => Some("an item, and no task is left that could send one"),
        _ => None,
    }
}

/// What the other tasks are doing, which shows that none of them will send.
fn others(case: &Case<'_>) -> Vec<String> {
    let told = case.tasks().filter_map(|task| match &task.state {
        TaskState::Ended(_) => Some(("ended".to_owned(), task.display_name())),
        TaskState::Polling => None,
        TaskState::Parked(_) => {
            let waits = case.waits.on(task.id);
            let on = prose::unique(waits.iter().map(|wait| case.describe(wait)));
            Some((format!("waits for {on}"), task.display_name()))
        }
    });
    prose::fold(told)
        .into_iter()
        .map(|(what, names)| match (&*what, names.len()) {
            ("ended", 1) => format!("{} has ended", prose::list(names)),
            ("ended", _) => format!("{} have ended", prose::list(names)),
            (_, 1) => format!("{} {what}", prose::list(names)),
            _ => format!("{} each {what}", prose::list(names)),
        })
        .collect()
}
