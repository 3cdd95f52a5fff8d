//! A cause as data, link by link.

use std::collections::BTreeSet;
use std::sync::Arc;

use unstuck_inspect::snapshot::{
    Address, HandleKind, LocalId, NameId, ObjectId, PlaceId, Snapshot,
};

use super::Confidence;
use super::actor::Actor;
use super::graph::ResourceKind;
use super::objects::Reconciled;
use crate::fingerprint::Fingerprint;

/// The answer of a rule. Ids and indices are those of the snapshot that was diagnosed last.
#[derive(Clone, Debug)]
pub struct Finding {
    /// The rule, as `docs/rules.md` names it.
    pub rule: &'static str,
    /// How sure it is.
    pub confidence: Confidence,
    /// What it says.
    pub cause: Cause,
}

/// Why a process, or a part of it, does not go on.
#[derive(Clone, Debug)]
pub enum Cause {
    /// Actors wait, and nothing wakes them.
    Wait(Wait),
    /// A thread sleeps inside a `poll` function, and runs nothing else until that returns.
    BlockedThread(BlockedThread),
    /// Actors wait for something outside of the program, or for a thread of a blocking pool.
    Outside(Outside),
    /// Actors wait, and what could wake them was not found.
    Unseen(Unseen),
}

/// Why some actors wait and nothing wakes them.
#[derive(Clone, Debug)]
pub struct Wait {
    /// What ends the wait all the same.
    pub until: Until,
    /// What is waited for, each with who waits and who should bring it about. In a circular wait they lead to each
    /// other.
    pub links: Vec<Link>,
    /// How many other actors wait because these do.
    pub others: usize,
}

/// A thread that sleeps inside a `poll` function.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BlockedThread {
    /// The thread's index.
    pub thread: usize,
    /// The `block_on` whose future it polls. `None` if it polls a task: which one is not known.
    pub block_on: Option<Actor>,
    /// Who has the lock that the thread waits for, if it waits for one and that was found.
    pub holder: Option<LockHolder>,
}

/// A suspended function that has the guard of a lock that blocks its threads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LockHolder {
    /// Who runs it.
    pub actor: Actor,
    /// Where it is suspended.
    pub place: Option<PlaceId>,
    /// What has the guard.
    pub local: LocalId,
    /// The address that the thread sleeps on is in this lock. Otherwise it is the only one of its kind that is held.
    pub is_certain: bool,
}

/// Actors that wait alike for something that the program itself does not bring about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outside {
    /// What it is.
    pub source: Source,
    /// Who waits.
    pub actors: Vec<Actor>,
    /// The places of the program's own functions, the innermost first. Empty for a closure: its thread has a stack.
    pub places: Vec<PlaceId>,
    /// What that does for main.
    pub for_main: ForMain,
}

/// What something from outside does for the future that the main thread blocks on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ForMain {
    /// Main waits for it itself.
    Itself,
    /// Main goes on only once it comes: nothing else was found that could wake main, and nothing is unknown.
    Only,
    /// It may wake main, as something else may.
    May,
    /// It does not wake main, as far as was found.
    Nothing,
}

/// What wakes somebody from outside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// A timer. Of several, this one fires first: nanoseconds of the system's monotonic clock.
    Timer {
        /// When.
        deadline_ns: u64,
    },
    /// A socket, a pipe or the like.
    Io {
        /// The descriptor, if there is one and it is known.
        descriptor: Option<i32>,
    },
    /// A signal, or the end of a child process.
    Signal,
    /// A closure that has not returned, on this thread of a blocking pool, by its index.
    Closure {
        /// The first one, if there are several with the same stack. `None` if it is not known.
        thread: Option<usize>,
    },
}

/// A wait of which it is not known what ends it.
#[derive(Clone, Debug)]
pub enum Unseen {
    /// Not all holders of what is waited for were found.
    Holders(Link),
    /// A future that the reader does not understand.
    Future {
        /// Its type.
        type_name: NameId,
        /// Who awaits it.
        actors: Vec<Actor>,
        /// The places of the program's own functions, the innermost first.
        places: Vec<PlaceId>,
    },
    /// These have wakers that were not found.
    Wakers(Vec<Actor>),
}

/// What ends a wait that nothing else ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Until {
    /// Nothing.
    Never,
    /// Somebody that is live cancels one of the actors: it aborts a task, or drops a future.
    Cancelled,
    /// A timeout at this time, in nanoseconds of the system's monotonic clock.
    Timeout(u64),
}

/// One thing that is waited for, or several that are alike: each is waited for in the same places, and the handles of
/// all are in the same shared value.
#[derive(Clone, Debug)]
pub struct Link {
    /// What it is.
    pub kind: ResourceKind,
    /// Where it is, or the first one.
    pub address: Address,
    /// How many more there are that are alike.
    pub alike: usize,
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
    /// The places of the program's own functions, the innermost first. Many wait in the same places.
    pub places: Arc<[PlaceId]>,
    /// The function of a library that the innermost of them called, and that waits. None of Tokio's.
    pub call: Option<PlaceId>,
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
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
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
        /// More locals reach the value than the count allows, and this may be one that was dropped or moved.
        maybe_dropped: bool,
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

impl Finding {
    /// The wait that nothing ends, if it is one.
    pub fn wait(&self) -> Option<&Wait> {
        match &self.cause {
            Cause::Wait(wait) => Some(wait),
            _ => None,
        }
    }

    /// What it is recognized by, of the snapshot that it was found in: who holds what is waited for, or where nobody
    /// does, who waits. So it does not change as more and more wait for the same.
    pub fn fingerprint(&self, snapshot: &Snapshot) -> Fingerprint {
        let mut parts = BTreeSet::new();
        let function = |place: Option<PlaceId>| place.map(|it| snapshot[it].function.as_str());
        let local = |local: Option<LocalId>| local.and_then(|it| snapshot[it].name.as_deref());
        match &self.cause {
            Cause::Wait(Wait { links, .. }) => {
                for link in links {
                    parts.extend(link.names(snapshot));
                }
            }
            Cause::BlockedThread(blocked) => {
                let innermost = snapshot.threads[blocked.thread].own_frames().next();
                let innermost = innermost.and_then(|frame| frame.function.as_deref());
                let held = blocked.holder.map(|it| (function(it.place), it.local));
                parts.insert([
                    "thread",
                    innermost.unwrap_or_default(),
                    held.and_then(|(function, _)| function).unwrap_or_default(),
                    local(held.map(|(_, local)| local)).unwrap_or_default(),
                ]);
            }
            Cause::Outside(outside) => {
                let source = match outside.source {
                    Source::Timer { .. } => "timer",
                    Source::Io { .. } => "io",
                    Source::Signal => "signal",
                    Source::Closure { .. } => "closure",
                };
                let at = function(outside.places.first().copied());
                parts.insert([source, at.unwrap_or_default(), "", ""]);
            }
            Cause::Unseen(Unseen::Holders(link)) => parts.extend(link.names(snapshot)),
            Cause::Unseen(Unseen::Future {
                type_name, places, ..
            }) => {
                let at = function(places.first().copied()).unwrap_or_default();
                parts.insert(["future", &snapshot[*type_name], at, ""]);
            }
            Cause::Unseen(Unseen::Wakers(_)) => {
                parts.insert(["wakers", "", "", ""]);
            }
        }
        Fingerprint::of(std::iter::once(self.rule).chain(parts.into_iter().flatten()))
    }
}

impl With {
    /// Whether it is what is waited for itself, and not only a handle by which it could be given back.
    pub(super) fn is_held(self) -> bool {
        match self {
            With::Handle { kind, .. } | With::Inside { kind, .. } | With::Static { kind, .. } => {
                !matches!(kind, HandleKind::Arc | HandleKind::Weak | HandleKind::Rc)
            }
            With::Granted { .. } | With::Partly => true,
            With::End => false,
        }
    }
}

impl Link {
    /// What is waited for, by its kind and the functions and locals that have it; or the functions that wait for it.
    fn names<'s>(&self, snapshot: &'s Snapshot) -> BTreeSet<[&'s str; 4]> {
        let kind = self.kind.name();
        let function =
            |place: Option<PlaceId>| place.map_or("", |it| snapshot[it].function.as_str());
        let held = self.holders.iter().map(|holder| {
            let local = match holder.with {
                With::Handle { local, .. } => Some(local),
                With::Inside { local, .. } | With::Granted { local } => local,
                With::Static { .. } | With::Partly | With::End => None,
            };
            let local = local.and_then(|it| snapshot[it].name.as_deref());
            [
                kind,
                "held",
                function(holder.place),
                local.unwrap_or_default(),
            ]
        });
        let held: BTreeSet<[&str; 4]> = held.collect();
        if !held.is_empty() {
            return held;
        }
        let waits = self.waiters.iter();
        waits
            .map(|waiter| [kind, "waits", function(waiter.places.first().copied()), ""])
            .collect()
    }

    /// Whether somebody holds what is waited for itself, and not only a handle by which it could be given back.
    pub(crate) fn is_held(&self) -> bool {
        self.holders.iter().any(|holder| holder.with.is_held())
    }

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
