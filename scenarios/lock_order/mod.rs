//! A cache and some statistics, each behind a lock, and two tasks that need both.

mod one_order;
mod shared;
mod two_orders;

use std::time::Duration;

use unstuck::demo::{Expected, Scenario};
use unstuck::outcomes::Errors;
use unstuck::verdict::Verdict;

pub(super) const SCENARIO: Scenario = Scenario {
    name: "lock-order",
    summary: "two tasks take the same two locks, each in its own order",
    contrast: "two tasks take the same two locks; only the order differs",
    workers: None,
    posts: Some(1),
    latency: Duration::from_millis(200),
    fix: None,
    sides: &[
        side!(
            "two-orders",
            "lock_order" / two_orders,
            Expected {
                verdict: Verdict::Stuck,
                stored: 1,
                errors: Errors::NONE,
                rules: &["lock-cycle"]
            }
        ),
        side!(
            "one-order",
            "lock_order" / one_order,
            Expected {
                verdict: Verdict::Completed,
                stored: 1,
                errors: Errors::NONE,
                rules: &[]
            }
        ),
    ],
    page: include_str!("README.md"),
    next: &[],
};
