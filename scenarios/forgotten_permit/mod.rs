//! Requests that need a permit each, and an error path that does not give it back.

mod by_hand;
mod guard;

use std::time::Duration;

use unstuck::demo::{Expected, Scenario};
use unstuck::outcomes::Errors;
use unstuck::verdict::Verdict;

pub(super) const SCENARIO: Scenario = Scenario {
    name: "forgotten-permit",
    summary: "a permit that is given back by hand is lost on the error path",
    contrast: "a request fails; its permit is returned by hand, or by a guard",
    workers: None,
    posts: Some(3),
    latency: Duration::from_millis(200),
    fix: None,
    sides: &[
        side!(
            "by-hand",
            "forgotten_permit" / by_hand,
            Expected {
                verdict: Verdict::Stuck,
                stored: 0,
                errors: Errors::swallowed(1),
                rules: &["lost-permit", "swallowed-error"],
            }
        ),
        side!(
            "guard",
            "forgotten_permit" / guard,
            Expected {
                verdict: Verdict::Failed,
                stored: 2,
                errors: Errors::surfaced(1),
                rules: &[],
            }
        ),
    ],
    page: include_str!("README.md"),
    next: &[],
};
