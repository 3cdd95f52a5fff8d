//! The first lesson's pool with its bug fixed, and fewer posts than workers.

mod pop;
mod try_pop;

use std::time::Duration;

use unstuck::demo::{Expected, Scenario};
use unstuck::outcomes::Errors;
use unstuck::verdict::Verdict;

pub(super) const SCENARIO: Scenario = Scenario {
    name: "idle-worker",
    summary: "a pool of three workers for two posts: the third waits for a post that never comes",
    contrast: "only how a worker takes a post off the queue differs",
    workers: Some(3),
    posts: Some(2),
    latency: Duration::from_millis(200),
    fix: None,
    sides: &[
        side!(
            "pop",
            "idle_worker" / pop,
            Expected {
                verdict: Verdict::Stuck,
                stored: 2,
                errors: Errors::NONE,
                rules: &["idle-receiver"],
            }
        ),
        side!(
            "try-pop",
            "idle_worker" / try_pop,
            Expected {
                verdict: Verdict::Completed,
                stored: 2,
                errors: Errors::NONE,
                rules: &[],
            }
        ),
    ],
    page: include_str!("README.md"),
    next: &[
        (
            "run idle-worker --posts 3",
            "as many posts as workers: it ends, and looks right",
        ),
        (
            "run --fixed --posts 2",
            "the same hang in the first lesson, on both of its sides",
        ),
    ],
};
