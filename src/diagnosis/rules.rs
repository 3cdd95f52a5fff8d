//! The rules: each looks at a case and says what it finds, in its own file.

mod blocked_worker;
mod full_channel;
mod futurelock;
mod idle_receiver;
mod lock_cycle;
mod lost_permit;
mod lost_waker;
mod orphaned_event;
mod outlived;
mod outside;
mod self_deadlock;
mod starved_pool;
mod swallowed_error;
mod unseen;

use super::{Case, Finding};

pub(super) use swallowed_error::RULE as SWALLOWED_ERROR;

/// What all rules find, the surest first.
pub(super) fn all(case: &Case<'_>) -> Vec<Finding> {
    let rules = [
        orphaned_event::check,
        idle_receiver::check,
        full_channel::check,
        blocked_worker::check,
        outlived::check,
        of_locks,
        lost_waker::check,
        outside::check,
        swallowed_error::check,
    ];
    let mut findings: Vec<Finding> = rules.iter().flat_map(|rule| rule(case)).collect();
    if findings.iter().all(Finding::is_of_errors) {
        findings.extend(unseen::check(case));
    }
    findings.sort_by_key(|finding| std::cmp::Reverse(finding.confidence));
    findings
}

/// What locks and permits hold up.
pub(super) fn of_locks(case: &Case<'_>) -> Vec<Finding> {
    let rules = [
        lock_cycle::check,
        self_deadlock::check,
        futurelock::check,
        starved_pool::check,
        lost_permit::check,
    ];
    rules.iter().flat_map(|rule| rule(case)).collect()
}
