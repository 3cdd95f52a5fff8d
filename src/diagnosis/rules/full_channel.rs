//! `full-channel`: a bounded channel is full, and no task is left that could receive from it.
//!
//! Likely: in a program that is stuck as a whole no task will receive, but a channel does not record who has
//! its other end. Mostly it is the very task that waits.
//!
//! Triggered by a task that sends into the channel that it alone empties. A near miss: the same channel,
//! emptied by a task that sleeps before it receives.

use crate::diagnosis::{Case, Confidence, Finding, Wait, prose, standing};
use crate::observe::TaskState;

/// What waiting for room is called.
const SEND: [&str; 4] = [
    "Sender::send",
    "Sender::reserve",
    "Sender::reserve_many",
    "Sender::reserve_owned",
];

pub(super) fn check(case: &Case<'_>) -> Vec<Finding> {
    if !case.is_stuck() {
        return Vec::new();
    }
    let senders = case.tasks().flat_map(|task| {
        let waits = case.waits.on(task.id).iter();
        waits.filter_map(move |wait| match wait {
            Wait::Sync { at, call } if SEND.contains(&call.as_str()) => {
                Some(((call, at), task.display_name()))
            }
            _ => None,
        })
    });
    let parked = || {
        let tasks = case.tasks();
        tasks.filter(|task| matches!(task.state, TaskState::Parked(_)))
    };
    prose::fold(senders)
        .into_iter()
        .map(|((call, at), names)| {
            let wait = prose::agree(names.len(), "waits", "wait");
            Finding {
                rule: "full-channel",
                confidence: Confidence::Likely,
                summary: format!(
                    "{} {wait}{} in `{call}`: the channel is full, and no task is left that could receive from it",
                    prose::list(names),
                    prose::at(*at)
                ),
                evidence: standing::alike(case, parked()),
            }
        })
        .collect()
}
