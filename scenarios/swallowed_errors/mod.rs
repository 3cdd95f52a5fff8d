//! A pool of workers that all fail, and a flag that only they could raise.
//!
//! Read [`join_all`] beside [`task_group`]: they differ in how they wait for their workers, and in
//! nothing else. [`worker`] is what both run, [`post`] has the mistake.

mod join_all;
mod post;
mod task_group;
mod worker;

use unstuck::demo::{Expected, Scenario, Side};
use unstuck::diagnosis::{Errors, Verdict};

pub(crate) const SCENARIO: Scenario = Scenario {
    name: "swallowed-errors",
    summary: "a worker pool drops its workers' errors, then waits for a flag that none of them raised",
    sides: &[
        Side {
            name: "join-all",
            main: |job| Box::pin(join_all::main(job)),
            file: "scenarios/swallowed_errors/join_all.rs",
            source: include_str!("join_all.rs"),
            expected: Expected {
                verdict: Verdict::Stuck,
                stored: 0,
                errors: Errors {
                    returned: 3,
                    surfaced: 0,
                    swallowed: 3,
                },
                rules: &["orphaned-event", "swallowed-error"],
            },
        },
        Side {
            name: "task-group",
            main: |job| Box::pin(task_group::main(job)),
            file: "scenarios/swallowed_errors/task_group.rs",
            source: include_str!("task_group.rs"),
            expected: Expected {
                verdict: Verdict::Failed,
                stored: 0,
                errors: Errors {
                    returned: 3,
                    surfaced: 3,
                    swallowed: 0,
                },
                rules: &[],
            },
        },
    ],
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
