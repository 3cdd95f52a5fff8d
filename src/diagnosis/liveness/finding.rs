//! A cause as data, link by link.

use unstuck_inspect::snapshot::{Address, HandleKind, LocalId, ObjectId, PlaceId};

use super::Confidence;
use super::actor::Actor;
use super::graph::ResourceKind;
use super::objects::Reconciled;

/// Why some actors wait and nothing wakes them. Ids and indices are those of the snapshot that was diagnosed last.
#[derive(Clone, Debug)]
pub struct Finding {
    /// The rule, as `docs/rules.md` names it.
    pub rule: &'static str,
    /// How sure it is.
    pub confidence: Confidence,
    /// What ends the wait all the same.
    pub until: Until,
    /// What is waited for, each with who waits and who should bring it about. In a circular wait they lead to each
    /// other.
    pub links: Vec<Link>,
    /// How many other actors wait because these do.
    pub others: usize,
}

/// What ends a wait that nothing else ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Until {
    /// Nothing.
    Never,
    /// Somebody that is live cancels one of the actors: it aborts a task, or drops a future.
    Cancelled,
    /// A timeout at this time, in nanoseconds of the system's monotonic clock.
    Timeout(u64),
}

/// One thing that is waited for.
#[derive(Clone, Debug)]
pub struct Link {
    /// What it is.
    pub kind: ResourceKind,
    /// Where it is.
    pub address: Address,
    /// Who waits for it.
    pub waiters: Vec<Waiter>,
    /// Who should bring it about, and does not.
    pub holders: Vec<Holder>,
    /// How many holders there are by the count, if one is kept.
    pub count: Option<u64>,
    /// How many of those were not found.
    pub missing: u64,
    /// That all holders were found does not follow from the count.
    pub uncertain: bool,
}

/// Who waits, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Waiter {
    /// Who.
    pub actor: Actor,
    /// What it waits for: of an `RwLock`, some wait to read and others to write.
    pub kind: ResourceKind,
    /// The places of the program's own functions, the innermost first.
    pub places: Vec<PlaceId>,
}

/// Who should bring something about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Holder {
    /// Who. `None` for a static, and for a value that nobody was found to reach.
    pub actor: Option<Actor>,
    /// With what.
    pub with: With,
    /// Where it is suspended, by its own innermost function that holds it.
    pub place: Option<PlaceId>,
    /// The number of the link in which it waits itself.
    pub waits_in: Option<usize>,
}

/// What somebody holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum With {
    /// A handle in a local.
    Handle {
        /// Which.
        kind: HandleKind,
        /// The local.
        local: LocalId,
        /// There are more of these than the count allows, and this may be one that was dropped or moved.
        maybe_dropped: bool,
    },
    /// A handle in a value that it shares, or in the queue of a channel that it receives from.
    Inside {
        /// Which.
        kind: HandleKind,
        /// The value, or the channel.
        object: ObjectId,
        /// Whether it is the queue of a channel.
        is_queued: bool,
        /// The local by which it reaches the value.
        local: Option<LocalId>,
    },
    /// A handle in a static.
    Static {
        /// Which.
        kind: HandleKind,
        /// The static's index.
        index: usize,
    },
    /// Permits that were granted to a future that is not polled now.
    Granted {
        /// The local that holds the future.
        local: Option<LocalId>,
    },
    /// Permits that were granted to it while it still waits for more.
    Partly,
    /// It has to end.
    End,
}

impl Link {
    pub(super) fn not_found(reconciled: Reconciled) -> (u64, bool) {
        match reconciled {
            Reconciled::All => (0, false),
            Reconciled::Missing(count) => (count, false),
            Reconciled::AllIfNoneDropped | Reconciled::Ambiguous | Reconciled::Uncounted => {
                (0, true)
            }
        }
    }
}
