//! A future is polled by one task and then by another, and knows only how to wake the first.

mod first_waker;
mod latest_waker;
mod letterbox;

use std::time::Duration;

use unstuck::demo::{Expected, Scenario};
use unstuck::outcomes::Errors;
use unstuck::verdict::Verdict;

pub(super) const SCENARIO: Scenario = Scenario {
    name: "stale-waker",
    summary: "a future keeps the waker of its first poll, and is then awaited by another task",
    contrast: "a future is moved to another task; it keeps the first waker, or the latest",
    workers: None,
    posts: None,
    latency: Duration::from_millis(100),
    fix: None,
    sides: &[
        side!(
            "first-waker",
            "stale_waker" / first_waker,
            Expected {
                verdict: Verdict::Stuck,
                stored: 0,
                errors: Errors::NONE,
                rules: &["lost-waker"],
            }
        ),
        side!(
            "latest-waker",
            "stale_waker" / latest_waker,
            Expected {
                verdict: Verdict::Completed,
                stored: 0,
                errors: Errors::NONE,
                rules: &[],
            }
        ),
    ],
    page: include_str!("README.md"),
    next: &[],
};
