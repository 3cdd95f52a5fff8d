//! Tasks that each take a second connection from a pool while they have the first.

mod one_connection;
mod post;
mod two_connections;

use std::time::Duration;

use unstuck::demo::{Expected, Scenario};
use unstuck::outcomes::Errors;
use unstuck::verdict::Verdict;

pub(super) const SCENARIO: Scenario = Scenario {
    name: "starved-pool",
    summary: "every task has a connection, and asks the pool for a second one",
    contrast: "a pool of two connections; only how many a task takes differs",
    workers: None,
    posts: Some(3),
    latency: Duration::from_millis(400),
    fix: None,
    sides: &[
        side!(
            "two-connections",
            "starved_pool" / two_connections,
            Expected {
                verdict: Verdict::Failed,
                stored: 0,
                errors: Errors::surfaced(1),
                rules: &["starved-pool"],
            }
        ),
        side!(
            "one-connection",
            "starved_pool" / one_connection,
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
