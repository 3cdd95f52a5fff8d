//! A cache that is emptied and filled again by tasks of their own.

mod dropped_first;
mod held;
mod refresh;

use std::time::Duration;

use unstuck::demo::{Expected, Scenario};
use unstuck::outcomes::Errors;
use unstuck::verdict::Verdict;

pub(super) const SCENARIO: Scenario = Scenario {
    name: "lock-across-join",
    summary: "a guard is held while its task waits for others that need the lock",
    contrast: "tasks need a lock that `main` holds; only when it lets go differs",
    workers: None,
    posts: Some(3),
    latency: Duration::from_millis(200),
    fix: None,
    sides: &[
        side!(
            "held",
            "lock_across_join" / held,
            Expected {
                verdict: Verdict::Stuck,
                stored: 0,
                errors: Errors::NONE,
                rules: &["lock-cycle"]
            }
        ),
        side!(
            "dropped-first",
            "lock_across_join" / dropped_first,
            Expected {
                verdict: Verdict::Completed,
                stored: 3,
                errors: Errors::NONE,
                rules: &[]
            }
        ),
    ],
    page: include_str!("README.md"),
    next: &[],
};
