//! The rules: each looks at a case and says what it finds, in its own file.

mod blocked_worker;
mod idle_receiver;
mod orphaned_event;
mod outlived;
mod outside;
mod swallowed_error;
mod unseen;

use super::{Case, Finding};

/// What all rules find, the surest first.
pub(super) fn all(case: &Case<'_>) -> Vec<Finding> {
    let rules = [
        orphaned_event::check,
        idle_receiver::check,
        blocked_worker::check,
        outside::check,
        outlived::check,
        swallowed_error::check,
    ];
    let mut findings: Vec<Finding> = rules.iter().flat_map(|rule| rule(case)).collect();
    // An error that nobody read does not tell why a program hangs.
    if findings
        .iter()
        .all(|finding| finding.rule == "swallowed-error")
    {
        findings.extend(unseen::check(case));
    }
    findings.sort_by_key(|finding| std::cmp::Reverse(finding.confidence));
    findings
}
