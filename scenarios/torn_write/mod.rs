//! A time-out that falls between two writes.

mod post;
mod transaction;
mod two_statements;

use std::time::Duration;

use unstuck::demo::{Expected, Scenario};
use unstuck::outcomes::Errors;
use unstuck::verdict::Verdict;

pub(super) const SCENARIO: Scenario = Scenario {
    name: "torn-write",
    summary: "a time-out drops a save between its two writes, and leaves a post half-written",
    contrast: "a timeout interrupts a save; only one side has a transaction",
    workers: None,
    posts: Some(2),
    latency: Duration::from_millis(200),
    fix: None,
    sides: &[
        side!(
            "two-statements",
            "torn_write" / two_statements,
            Expected {
                verdict: Verdict::Failed,
                stored: 2,
                errors: Errors::surfaced(1),
                rules: &[],
            }
        ),
        side!(
            "transaction",
            "torn_write" / transaction,
            Expected {
                verdict: Verdict::Completed,
                stored: 1,
                errors: Errors::NONE,
                rules: &[],
            }
        ),
    ],
    page: include_str!("README.md"),
    next: &[],
};
