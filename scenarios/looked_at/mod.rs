//! The pool of the first lesson, by somebody who looks at every result.
//!
//! The other side is the first lesson's own task group.

mod by_hand;

use std::time::Duration;

use unstuck::demo::{Expected, Scenario};
use unstuck::outcomes::Errors;
use unstuck::verdict::Verdict;

use super::swallowed_errors::{self, worker};

pub(super) const SCENARIO: Scenario = Scenario {
    name: "looked-at",
    summary: "every result is looked at by hand, and none is lost: what that takes",
    contrast: "the same errors, collected by hand or by a task group",
    workers: Some(3),
    posts: Some(3),
    latency: Duration::from_millis(200),
    fix: None,
    sides: &[
        side!(
            "by-hand",
            "looked_at" / by_hand,
            Expected {
                verdict: Verdict::Failed,
                stored: 0,
                errors: Errors::surfaced(3),
                rules: &[]
            }
        ),
        swallowed_errors::TASK_GROUP,
    ],
    page: include_str!("README.md"),
    next: &[],
};
