//! A flag that tells of an empty queue, and is taken for the end of the work.

mod flag;
mod scope;
mod worker;

use std::time::Duration;

use unstuck::demo::{Expected, Scenario};
use unstuck::outcomes::Errors;
use unstuck::verdict::Verdict;

pub(super) const SCENARIO: Scenario = Scenario {
    name: "early-done",
    summary: "the flag goes up once the queue is empty, which is before the work is done",
    contrast: "`main` waits for an empty queue, or for the workers",
    workers: Some(3),
    posts: Some(3),
    latency: Duration::from_millis(600),
    fix: None,
    sides: &[
        side!(
            "flag",
            "early_done" / flag,
            Expected {
                verdict: Verdict::Completed,
                stored: 1,
                errors: Errors::NONE,
                rules: &["outlived"]
            }
        ),
        side!(
            "scope",
            "early_done" / scope,
            Expected {
                verdict: Verdict::Completed,
                stored: 3,
                errors: Errors::NONE,
                rules: &[]
            }
        ),
    ],
    page: include_str!("README.md"),
    next: &[],
};
