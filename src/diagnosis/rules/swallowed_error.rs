//! `swallowed-error`: a task ended with an error or a panic that reached nobody.
//!
//! Likely, not proven: a result that was read and thrown away looks the same as one that was read and
//! dealt with.
//!
//! Triggered by `join_all(handles).await` whose result is dropped. A near miss: the same tasks in a
//! group, whose errors are in what main returns.

use crate::diagnosis::{Case, Confidence, Finding, errors, prose};

pub(super) fn check(case: &Case<'_>) -> Vec<Finding> {
    let swallowed = &case.errors.swallowed;
    let unlisted = case.errors.swallowed_unlisted;
    let all = swallowed.len() + unlisted;
    if all == 0 {
        return Vec::new();
    }
    let same = prose::fold(swallowed.iter().map(|task| {
        let error = errors::text(task).unwrap_or_default();
        ((&task.spawned_at, error), task.display_name())
    }));
    let evidence = same.into_iter().map(|((spawned_at, error), names)| {
        format!("{}, spawned at {spawned_at}: {error}", prose::list(names))
    });
    let unlisted = (unlisted > 0).then(|| format!("{unlisted} more, which were not kept"));
    let were = if all == 1 { "was" } else { "were" };
    vec![Finding {
        rule: "swallowed-error",
        confidence: Confidence::Likely,
        summary: format!(
            "{} {were} returned to a handle, and nobody read what it held",
            prose::count(all, "error")
        ),
        evidence: evidence.chain(unlisted).collect(),
    }]
}
