//! `swallowed-error`: a task ended with an error or a panic, and nobody read its result.
//!
//! Likely, not proven: a result that was read and dropped looks the same as one that was read and
//! handled; and so does a panic that the task caught in its last poll, unless its span is recorded.
//!
//! Triggered by `join_all(handles).await` whose result is dropped. A near miss: the same tasks in a
//! group, whose errors are in what main returns.

use super::errors::Read;
use super::{End, Outcomes, TaskOutcome, prose};
use crate::verdict::{Confidence, Finding};

pub(super) const RULE: &str = "swallowed-error";

pub(super) fn check(outcomes: &Outcomes) -> Option<Finding> {
    let Read {
        swallowed,
        swallowed_unlisted: unlisted,
        ..
    } = Read::by_main(outcomes);
    let all = swallowed.len() + unlisted;
    if all == 0 {
        return None;
    }
    let mut same = prose::fold(swallowed.iter().map(|task| {
        let error = task.error().unwrap_or_default();
        ((&task.spawned_at, error), task)
    }));
    // The newest comes last.
    same.sort_by_key(|(_, tasks)| tasks.iter().map(|task| task.ended_after).max());
    let evidence = same.into_iter().map(|((spawned_at, error), tasks)| {
        let names = tasks.iter().map(|task| task.display_name());
        format!("{}, spawned at {spawned_at}: {error}", prose::list(names))
    });
    let unlisted = (unlisted > 0).then(|| format!("{unlisted} more, whose texts were not kept"));
    let panicked = |task: &&&TaskOutcome| matches!(task.end, Some(End::Panic(_)));
    let panics = swallowed.iter().filter(panicked).count();
    Some(Finding {
        rule: RULE,
        confidence: Confidence::Likely,
        fingerprint: super::fingerprint(RULE, swallowed.iter().copied()),
        summary: summary(all - panics, panics),
        evidence: evidence.chain(unlisted).collect(),
    })
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
pub(super) mod tests {
    use super::*;
    use crate::outcomes::TaskId;
    use crate::place::Place;

    /// A task that ended with this error when so many others had.
    pub(in crate::outcomes) fn failed(id: u64, ended_after: usize, error: &str) -> TaskOutcome {
        TaskOutcome {
            id: TaskId(id),
            name: None,
            spawned_at: Place::new("main.rs", 1),
            parent: None,
            end: Some(End::Error(error.to_owned())),
            ended_after,
        }
    }

    #[test]
    fn the_newest_error_comes_last_with_all_that_are_alike() {
        let outcomes = Outcomes {
            tasks: vec![
                failed(2, 3, "no disk"),
                failed(3, 2, "no net"),
                failed(4, 1, "no disk"),
            ],
            ..Outcomes::default()
        };
        let finding = check(&outcomes).unwrap();
        let expected = [
            "task 3, spawned at main.rs:1: no net",
            "task 2 and task 4, spawned at main.rs:1: no disk",
        ];
        assert_eq!(finding.evidence, expected);
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
