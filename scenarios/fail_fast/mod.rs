//! An import that gives up at the first error, while the rest of it goes on.

mod first_error;
mod posts;
mod task_group;

use std::time::Duration;

use unstuck::demo::{Expected, Scenario};
use unstuck::outcomes::Errors;
use unstuck::verdict::Verdict;

pub(super) const SCENARIO: Scenario = Scenario {
    name: "fail-fast",
    summary: "the first error is returned, and the siblings write on after main has given up",
    contrast: "an import stops at its first error; only one side cancels the rest",
    workers: None,
    posts: Some(4),
    latency: Duration::from_millis(250),
    fix: None,
    sides: &[
        side!(
            "first-error",
            "fail_fast" / first_error,
            Expected {
                verdict: Verdict::Failed,
                stored: 1,
                errors: Errors::surfaced(1),
                rules: &["outlived"]
            }
        ),
        side!(
            "task-group",
            "fail_fast" / task_group,
            Expected {
                verdict: Verdict::Failed,
                stored: 0,
                errors: Errors::surfaced(1),
                rules: &[]
            }
        ),
    ],
    page: include_str!("README.md"),
    next: &[],
};
