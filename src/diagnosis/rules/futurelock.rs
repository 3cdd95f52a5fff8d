//! `futurelock`: a lock or permit was granted to a future that its own task no longer polls. Nobody
//! else gets it until the task polls that future again, or drops it.
//!
//! Proven where the whole program is proven to be stuck. Likely where it is stuck as a whole, or where the task waits
//! for nothing but locks that are held up by this very grant.
//!
//! Triggered by a `select!` by reference on a future that waits for a lock, where another branch takes the
//! same lock. A near miss: a `select!` in a loop that polls the future again, or one that owns and so drops
//! it.

use crate::diagnosis::{Case, Confidence, Finding, Verdict, Wait, prose};
use crate::observe::ResourceSeen;

pub(super) fn check(case: &Case<'_>) -> Vec<Finding> {
    let resources = case.seen.resources.iter();
    resources
        .filter_map(|resource| finding(case, resource))
        .collect()
}

fn finding(case: &Case<'_>, resource: &ResourceSeen) -> Option<Finding> {
    let granted = resource.waiters.iter().find(|it| it.is_granted())?;
    let others = resource.waiters.iter().filter(|it| !it.is_granted());
    let others = others.filter_map(|it| it.task).map(|it| case.name_of(it));
    let others = prose::different(others);
    let task = granted.task?;
    if others.is_empty() {
        return None;
    }
    let confidence = match case.verdict()? {
        Verdict::Stuck if case.is_proven() => Confidence::Proven,
        Verdict::Stuck => Confidence::Likely,
        _ if case.graph.is_hopeless(task) => Confidence::Likely,
        _ => return None,
    };
    let name = case.name_of(task);
    let wait = prose::agree(others.len(), "waits", "wait");
    let others = prose::list(others);
    let at = prose::at(case.waits.on(task).iter().find_map(Wait::at));
    let instead = if others == name {
        String::new()
    } else {
        format!("; {name} waits{at} instead")
    };
    let at = if others == name { at } else { String::new() };
    Some(Finding {
        rule: "futurelock",
        confidence,
        summary: format!(
            "{others} {wait}{at} for {resource}, which was granted to another future of {name} that it does not \
             poll{instead}"
        ),
        evidence: vec![format!(
            "nobody gets it until {name} polls that future again or drops it"
        )],
    })
}
