//! Why nobody sets what others wait for to be set.

use unstuck_inspect::snapshot::{HandleKind, PermitKind};

use super::Text;
use crate::liveness::{Link, ResourceKind};

/// What somebody is to what others wait for, instead of what they hold.
pub(super) fn is_part_of(
    awaited: ResourceKind,
    handle: HandleKind,
    maybe_dropped: bool,
) -> Option<&'static str> {
    match (awaited, handle, maybe_dropped) {
        (
            ResourceKind::Permits(PermitKind::OnceCell),
            HandleKind::SemaphorePermit { .. },
            false,
        ) => Some("are initializing it"),
        (ResourceKind::TaskTracker, HandleKind::TrackedTask, false) => Some("are tracked by it"),
        _ => None,
    }
}

impl Text<'_> {
    /// Of a task tracker without tasks: that it was not closed.
    pub(super) fn nobody_closes(&self, link: &Link) -> Option<String> {
        if link.kind != ResourceKind::TaskTracker {
            return None;
        }
        let counts = self.names.at(link.address)?.counts;
        let is_open = counts.closed == Some(false) && counts.members == Some(0);
        is_open.then(|| "it is empty, but nobody has closed it".to_owned())
    }
}

/// Of an event or a token: that who could set it waits for it.
pub(super) fn nobody_sets(link: &Link) -> Option<String> {
    let is_certain = link.missing == 0 && !link.uncertain;
    let count = usize::try_from(link.count?).ok().filter(|_| is_certain)?;
    match link.kind {
        // Each wait has a handle to itself.
        ResourceKind::Event if link.waiters.len() == count => Some(match count {
            1 => "it waits with the only handle that is left, so nobody can set it".to_owned(),
            _ => format!("all {count} handles that are left wait themselves, so nobody can set it"),
        }),
        ResourceKind::Cancellation => {
            let waits = |actor| link.waiters.iter().any(|it| Some(it.actor) == actor);
            let mut holders = link.holders.iter();
            let only_waiters = count > 0 && holders.all(|it| waits(it.actor));
            only_waiters.then(|| "all who could cancel it wait for that themselves".to_owned())
        }
        _ => None,
    }
}
