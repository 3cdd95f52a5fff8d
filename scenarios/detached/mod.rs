//! Writes that are started and left to themselves, beside writes that main waits for.

mod fire_and_forget;
mod task_group;

use std::time::Duration;

use unstuck::demo::{Expected, Scenario};
use unstuck::outcomes::Errors;
use unstuck::verdict::Verdict;

pub(super) const SCENARIO: Scenario = Scenario {
    name: "detached",
    summary: "fire and forget: main returns, and the runtime ends before the writes do",
    contrast: "a task for each; only whether `main` waits for them differs",
    workers: None,
    posts: Some(3),
    latency: Duration::from_millis(500),
    fix: None,
    sides: &[
        side!(
            "fire-and-forget",
            "detached" / fire_and_forget,
            Expected {
                verdict: Verdict::Completed,
                stored: 0,
                errors: Errors::NONE,
                rules: &["outlived"],
            }
        ),
        side!(
            "task-group",
            "detached" / task_group,
            Expected {
                verdict: Verdict::Completed,
                stored: 3,
                errors: Errors::NONE,
                rules: &[],
            }
        ),
    ],
    page: include_str!("README.md"),
    next: &[],
};
