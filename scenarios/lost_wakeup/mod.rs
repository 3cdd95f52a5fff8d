//! A look, and then a wait: what comes between the two is never heard of.

mod cache;
mod check_then_listen;
mod listen_then_check;

use std::time::Duration;

use unstuck::demo::{Expected, Scenario};
use unstuck::outcomes::Errors;
use unstuck::verdict::Verdict;

pub(super) const SCENARIO: Scenario = Scenario {
    name: "lost-wakeup",
    summary: "`notify_waiters` comes after the look for a post, and before the wait for it",
    contrast: "a reader looks for a post and listens for news; only the order differs",
    workers: None,
    posts: None,
    latency: Duration::from_millis(200),
    fix: None,
    sides: &[
        side!(
            "check-then-listen",
            "lost_wakeup" / check_then_listen,
            Expected {
                verdict: Verdict::Stuck,
                stored: 0,
                errors: Errors::NONE,
                rules: &["circular-wait"],
            }
        ),
        side!(
            "listen-then-check",
            "lost_wakeup" / listen_then_check,
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
