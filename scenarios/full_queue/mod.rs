//! A task that waits for room in a queue that nobody but itself empties.

mod bounded;
mod links;
mod unbounded;

use std::time::Duration;

use unstuck::demo::{Expected, Scenario};
use unstuck::outcomes::Errors;
use unstuck::verdict::Verdict;

pub(super) const SCENARIO: Scenario = Scenario {
    name: "full-queue",
    summary: "a crawler puts the links it finds into the bounded queue that it alone empties",
    contrast: "a crawler feeds its own queue; only the bound of the queue differs",
    workers: None,
    posts: Some(5),
    latency: Duration::from_millis(200),
    fix: None,
    sides: &[
        side!(
            "bounded",
            "full_queue" / bounded,
            Expected {
                verdict: Verdict::Stuck,
                stored: 2,
                errors: Errors::NONE,
                rules: &["full-channel"],
            }
        ),
        side!(
            "unbounded",
            "full_queue" / unbounded,
            Expected {
                verdict: Verdict::Completed,
                stored: 5,
                errors: Errors::NONE,
                rules: &[],
            }
        ),
    ],
    page: include_str!("README.md"),
    next: &[(
        "run full-queue --posts 4",
        "a post less, and there is room for all",
    )],
};
