//! `swallowed-error`: a task ended with an error or a panic, and nobody read its result.
//!
//! Likely, not proven: a result that was read and dropped looks the same as one that was read and
//! handled; and so does a panic that the task caught in its last poll, unless its span is recorded.
//!
//! Triggered by `join_all(handles).await` whose result is dropped. A near miss: the same tasks in a
//! group, whose errors are in what main returns.

use crate::diagnosis::{Case, Confidence, Finding, errors, prose};
use crate::observe::{End, TaskSeen, TaskState};

pub(in crate::diagnosis) const RULE: &str = "swallowed-error";

pub(super) fn check(case: &Case<'_>) -> Vec<Finding> {
    let swallowed = &case.errors.swallowed;
    let unlisted = case.errors.swallowed_unlisted;
    let all = swallowed.len() + unlisted;
    if all == 0 {
        return Vec::new();
    }
    let mut same = prose::fold(swallowed.iter().map(|task| {
        let error = errors::text(task).unwrap_or_default();
        ((&task.spawned_at, error), task)
    }));
    // The newest comes last.
    same.sort_by_key(|(_, tasks)| tasks.iter().map(|task| task.polled_at).max());
    let evidence = same.into_iter().map(|((spawned_at, error), tasks)| {
        let names = tasks.iter().map(|task| task.display_name());
        format!("{}, spawned at {spawned_at}: {error}", prose::list(names))
    });
    let unlisted = (unlisted > 0).then(|| format!("{unlisted} more, whose texts were not kept"));
    let panicked = |task: &&&TaskSeen| matches!(task.state, TaskState::Ended(End::Panic(_)));
    let panics = swallowed.iter().filter(panicked).count();
    vec![Finding {
        rule: RULE,
        confidence: Confidence::Likely,
        summary: summary(all - panics, panics),
        evidence: evidence.chain(unlisted).collect(),
    }]
}

/// A panic may also have been caught by the task, as the last thing it did: that is known only where its span is
/// recorded.
fn summary(errors: usize, panics: usize) -> String {
    let through = |handles: usize| {
        prose::agree(
            handles,
            "a `JoinHandle` whose result nobody read",
            "`JoinHandle`s whose results nobody read",
        )
    };
    let were = prose::agree(errors, "was", "were");
    let returned = format!("{} {were} returned", prose::count(errors, "error"));
    let panicked = format!(
        "{} {} seen in the last {}",
        prose::count(panics, "panic"),
        prose::agree(panics, "was", "were"),
        prose::agree(panics, "poll of a task", "polls of tasks")
    );
    match (errors, panics) {
        (_, 0) => format!("{returned} through {}", through(errors)),
        (0, 1) => format!("{panicked} whose result nobody read"),
        (0, _) => format!("{panicked} whose results nobody read"),
        _ => format!("{returned}, {panicked}, and nobody read the results"),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use crate::diagnosis::{Judgement, Program, Verdict, diagnose};
    use crate::observe::{Snapshot, TaskId};
    use crate::place::Place;

    use super::*;

    #[test]
    fn the_newest_error_comes_last_with_all_that_are_alike() {
        let failed = |id, at, error: &str| TaskSeen {
            id: TaskId(id),
            name: None,
            spawned_at: Place::new("main.rs", 1),
            parent: None,
            polled_at: Some(Duration::from_secs(at)),
            state: TaskState::Ended(End::Error(error.to_owned())),
        };
        let seen = Snapshot {
            tasks: vec![
                failed(2, 3, "no disk"),
                failed(3, 2, "no net"),
                failed(4, 1, "no disk"),
            ],
            ..Snapshot::default()
        };
        let program = Program::Runs(Judgement {
            verdict: Verdict::Stuck,
            confidence: Confidence::Likely,
        });
        let findings = diagnose(&seen, TaskId(1), &program).findings;
        let expected = [
            "task 3, spawned at main.rs:1: no net",
            "task 2 and task 4, spawned at main.rs:1: no disk",
        ];
        assert_eq!(findings[0].evidence, expected);
    }

    #[test]
    fn a_panic_is_not_said_to_have_been_returned() {
        assert_eq!(
            summary(2, 1),
            "2 errors were returned, 1 panic was seen in the last poll of a task, and nobody read the results"
        );
        assert!(!summary(0, 2).contains("returned"));
        assert!(!summary(1, 0).contains("panic"));
    }
}
