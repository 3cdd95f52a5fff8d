//! A peer that is there, and does not answer.

mod no_limit;
mod server;
mod time_out;

use std::time::Duration;

use unstuck::demo::{Expected, Scenario};
use unstuck::outcomes::Errors;
use unstuck::verdict::Verdict;

pub(super) const SCENARIO: Scenario = Scenario {
    name: "silent-server",
    summary: "a client reads from a server that takes the connection and never answers",
    contrast: "a server that never answers; only one client has a timeout",
    workers: None,
    posts: None,
    latency: Duration::from_millis(200),
    fix: None,
    sides: &[
        side!(
            "no-limit",
            "silent_server" / no_limit,
            Expected {
                verdict: Verdict::Waiting,
                stored: 0,
                errors: Errors::NONE,
                rules: &["outside"],
            }
        ),
        side!(
            "time-out",
            "silent_server" / time_out,
            Expected {
                verdict: Verdict::Failed,
                stored: 0,
                errors: Errors::surfaced(1),
                rules: &[],
            }
        ),
    ],
    page: include_str!("README.md"),
    next: &[],
};
