//! The rules: each looks at a case and says what it finds, in its own file.

mod idle_receiver;
mod orphaned_event;
mod swallowed_error;

use super::{Case, Finding};

/// What all rules find, the surest first.
pub(super) fn all(case: &Case<'_>) -> Vec<Finding> {
    let rules = [
        orphaned_event::check,
        idle_receiver::check,
        swallowed_error::check,
    ];
    let mut findings: Vec<Finding> = rules.iter().flat_map(|rule| rule(case)).collect();
    findings.sort_by_key(|finding| std::cmp::Reverse(finding.confidence));
    findings
}
