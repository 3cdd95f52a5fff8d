//! A pool of workers that all fail, and a flag that only they could raise.
//!
//! Read [`join_all`] beside [`task_group`]: they differ in how they wait for their workers, and in
//! nothing else. [`worker`] is what both run, [`post`] has the bug.

mod join_all;
mod post;
mod task_group;
pub(super) mod worker;

use std::time::Duration;

use unstuck::demo::{Expected, Fix, Scenario, Side};
use unstuck::outcomes::Errors;
use unstuck::verdict::Verdict;

pub(crate) const SCENARIO: Scenario = Scenario {
    name: "swallowed-errors",
    summary: "a worker pool drops its workers' errors, then waits for a flag that none of them raised",
    contrast: "only how `main` waits differs",
    workers: Some(3),
    posts: Some(3),
    latency: Duration::from_millis(200),
    fix: Some(FIX),
    sides: &[
        side!(
            "join-all",
            "swallowed_errors" / join_all,
            Expected {
                verdict: Verdict::Stuck,
                stored: 0,
                errors: Errors::swallowed(3),
                rules: &["orphaned-event", "swallowed-error"],
            }
        ),
        TASK_GROUP,
    ],
    page: include_str!("README.md"),
    next: &[
        (
            "run --fixed",
            "the one-line fix: both sides store their posts",
        ),
        (
            "run --posts 1",
            "one failure, and two workers that wait for it",
        ),
        (
            "run --fixed --posts 2",
            "the fix is not the end of the story",
        ),
        (
            "run --only join-all --hold",
            "the hang itself; Ctrl+C ends it",
        ),
    ],
};

/// A column that can be NULL is read into an `Option`.
pub(super) const FIX: Fix = Fix {
    file: "scenarios/swallowed_errors/post.rs",
    source: include_str!("post.rs"),
    before: "    content: Value,",
    after: "    content: Option<Value>,",
};

/// The cure of more than one lesson.
pub(super) const TASK_GROUP: Side = side!(
    "task-group",
    "swallowed_errors" / task_group,
    Expected {
        verdict: Verdict::Failed,
        stored: 0,
        errors: Errors::surfaced(3),
        rules: &[],
    }
);
