//! A save that is watched by a `select!`, which asks for the lock that the save is next in line for.

mod polled_in_place;
mod spawned;
mod store;

use std::time::Duration;

use unstuck::demo::{Expected, Scenario};
use unstuck::outcomes::Errors;
use unstuck::verdict::Verdict;

pub(super) const SCENARIO: Scenario = Scenario {
    name: "futurelock",
    summary: "a lock is granted to a future that its own task polls no more, as it waits for that lock",
    contrast: "a `select!` watches a save; only where the save is polled differs",
    workers: None,
    posts: Some(4),
    latency: Duration::from_millis(400),
    fix: None,
    sides: &[
        side!(
            "polled-in-place",
            "futurelock" / polled_in_place,
            Expected {
                verdict: Verdict::Stuck,
                stored: 3,
                errors: Errors::NONE,
                rules: &["futurelock"],
            }
        ),
        side!(
            "spawned",
            "futurelock" / spawned,
            Expected {
                verdict: Verdict::Completed,
                stored: 4,
                errors: Errors::NONE,
                rules: &[],
            }
        ),
    ],
    page: include_str!("README.md"),
    next: &[],
};
