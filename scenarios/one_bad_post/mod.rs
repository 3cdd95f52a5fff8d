//! One post of four can't be stored. What becomes of the others is a matter of policy.

mod cancel;
mod cancel_after;
mod pool;
mod wait_for_all;

use std::time::Duration;

use unstuck::demo::{Expected, Scenario};
use unstuck::outcomes::Errors;
use unstuck::verdict::Verdict;

/// What differs is how many posts are stored.
const fn stores(stored: u64) -> Expected {
    Expected {
        verdict: Verdict::Failed,
        stored,
        errors: Errors::surfaced(1),
        rules: &[],
    }
}

pub(super) const SCENARIO: Scenario = Scenario {
    name: "one-bad-post",
    summary: "one post of four fails: wait for the rest, cancel it, or cancel it after a while",
    contrast: "one of them fails; only what happens to the rest differs",
    workers: None,
    posts: Some(4),
    latency: Duration::from_millis(400),
    fix: None,
    sides: &[
        side!("wait-for-all", "one_bad_post" / wait_for_all, stores(3)),
        side!("cancel", "one_bad_post" / cancel, stores(1)),
        side!("cancel-after", "one_bad_post" / cancel_after, stores(2)),
    ],
    page: include_str!("README.md"),
    next: &[],
};
