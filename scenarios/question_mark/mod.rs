//! The pool of the first lesson, after a review: somebody asked for a `?`.
//!
//! The other side is the first lesson's own task group.

mod try_join_all;

use std::time::Duration;

use unstuck::demo::{Expected, Scenario};
use unstuck::outcomes::Errors;
use unstuck::verdict::Verdict;

use super::swallowed_errors::{self, worker};

pub(super) const SCENARIO: Scenario = Scenario {
    name: "question-mark",
    summary: "`try_join_all(handles).await?` opens only the outer of two results",
    contrast: "only how `main` waits differs",
    workers: Some(3),
    posts: Some(3),
    latency: Duration::from_millis(200),
    fix: Some(swallowed_errors::FIX),
    sides: &[
        side!(
            "try-join-all",
            "question_mark" / try_join_all,
            Expected {
                verdict: Verdict::Stuck,
                stored: 0,
                errors: Errors::swallowed(3),
                rules: &["orphaned-event", "swallowed-error"],
            }
        ),
        swallowed_errors::TASK_GROUP,
    ],
    page: include_str!("README.md"),
    next: &[(
        "run question-mark --fixed",
        "without the bug nobody notices",
    )],
};
