//! A blocking call on the thread that should run those it waits for.

mod direct_call;
mod spawn_blocking;
mod tasks;

use std::time::Duration;

use unstuck::demo::{Expected, Scenario};
use unstuck::outcomes::Errors;
use unstuck::verdict::Verdict;

pub(super) const SCENARIO: Scenario = Scenario {
    name: "blocked-runtime",
    summary: "async code calls a function that blocks its thread, and nothing else runs on it",
    contrast: "a call that blocks its thread; only the thread differs",
    workers: None,
    posts: Some(3),
    latency: Duration::from_millis(200),
    fix: None,
    sides: &[
        side!(
            "direct-call",
            "blocked_runtime" / direct_call,
            Expected {
                verdict: Verdict::Blocked,
                stored: 0,
                errors: Errors::NONE,
                rules: &["blocked-worker"],
            }
        ),
        side!(
            "spawn-blocking",
            "blocked_runtime" / spawn_blocking,
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
