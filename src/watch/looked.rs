//! One look at a program, and what it has set off.

use std::mem;

use tokio::runtime::Handle;

use super::Watch;
use crate::observe::{Before, Observer, Pulse, Snapshot};

/// What came of a look at the tasks.
pub(super) enum Looked {
    /// Since then, nothing has moved but what a dump moves. With the counts after that.
    AtRest(Snapshot, Pulse),
    /// Something moves.
    Moves(Snapshot),
    /// A task that nothing could wake any more went on as the dump polled it: how all stood before that.
    Revived(Snapshot),
}

impl Looked {
    /// Looks at a program in which nothing has moved since its counts were `pulse`.
    pub(super) fn at(
        observer: &Observer,
        runtime: &Handle,
        before: &Before,
        pulse: &Pulse,
        watch: &Watch,
    ) -> Self {
        let look = |may_revive| observer.look(runtime, before, watch.dump_at_most, may_revive);
        let mut seen = look(false);
        let mut as_it_was = None;
        let dumps = observer.dumps();
        if !seen.unwakeable.is_empty() && watch.may_revive {
            // Otherwise a task has just lost its last waker. To poll it now would hide that it was stuck.
            if observer.pulse() != *pulse {
                return Self::Moves(seen);
            }
            as_it_was = Some(mem::replace(&mut seen, look(true)));
        }
        let echo = observer.echo(runtime, pulse);
        if let Some(mut as_it_was) = as_it_was
            && observer.dumps() > dumps
        {
            as_it_was.revived = &as_it_was.unwakeable - &observer.unwakeable();
            if !as_it_was.revived.is_empty() {
                return Self::Revived(as_it_was);
            }
        }
        match echo {
            Some(pulse) => Self::AtRest(seen, pulse),
            None => Self::Moves(seen),
        }
    }
}
