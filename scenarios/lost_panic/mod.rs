//! A countdown that each post takes part in, unless it panics.

mod countdown;
mod store;
mod task_group;

use std::time::Duration;

use unstuck::demo::{Expected, Scenario};
use unstuck::outcomes::Errors;
use unstuck::verdict::Verdict;

pub(super) const SCENARIO: Scenario = Scenario {
    name: "lost-panic",
    summary: "a worker panics, nobody holds its handle, and a countdown stops short of its end",
    contrast: "one task panics; a countdown waits for all, or a task group does",
    workers: None,
    posts: Some(3),
    latency: Duration::from_millis(200),
    fix: None,
    sides: &[
        side!(
            "countdown",
            "lost_panic" / countdown,
            Expected {
                verdict: Verdict::Stuck,
                stored: 2,
                errors: Errors::swallowed(1),
                rules: &["orphaned-event", "swallowed-error"]
            }
        ),
        side!(
            "task-group",
            "lost_panic" / task_group,
            Expected {
                verdict: Verdict::Failed,
                stored: 2,
                errors: Errors::surfaced(1),
                rules: &[]
            }
        ),
    ],
    page: include_str!("README.md"),
    next: &[],
};
