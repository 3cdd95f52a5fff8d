//! Why nobody sets what others wait for to be set.

use std::collections::HashSet;

use crate::liveness::{Link, ResourceKind, With};

/// Of an event: every handle is one that waits.
pub(super) fn nobody_sets(link: &Link) -> Option<String> {
    if link.kind != ResourceKind::Event || link.missing > 0 || link.uncertain {
        return None;
    }
    let count = usize::try_from(link.count?).ok()?;
    let waiters: HashSet<_> = link.waiters.iter().map(|it| it.actor).collect();
    let waits = |with: With| matches!(with, With::Handle { .. });
    let mut holders = link.holders.iter();
    let all_wait = holders.all(|it| {
        let actor = it.actor.filter(|actor| waiters.contains(actor));
        actor.is_some() && waits(it.with)
    });
    // One of them may have more handles than the one that it waits with.
    if !all_wait || link.holders.len() != count || link.waiters.len() != count {
        return None;
    }
    Some(match count {
        1 => "it waits with the only handle that is left, so nobody can set it".to_owned(),
        _ => format!("all {count} handles that are left wait themselves, so nobody can set it"),
    })
}
