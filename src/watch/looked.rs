//! One look at a program, and what it has set off.

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
        let is_lost = !observer.unwakeable().is_empty();
        let (looks_before, dump_at_most) = match (is_lost, watch.may_revive) {
            (true, false) => (false, 0),
            (looks_before, _) => (looks_before, watch.dump_at_most),
        };
        let as_it_was = looks_before.then(|| observer.look(runtime, before, 0));
        let as_it_was = as_it_was.filter(|_| observer.pulse() == *pulse);
        let dumps = observer.dumps();
        let seen = observer.look(runtime, before, dump_at_most);
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
