//! The verdict on a process from snapshots of its memory: liveness by reachability.
//!
//! Pure: snapshots in, conclusions out. No clock, no I/O, nothing printed.
//!
//! What waits is a leaf of an await tree, and what could wake it is whatever has a handle to what it waits for. So
//! there is a graph (`graph`) with an edge from each thing that must move to each that can move then. What can be
//! reached from something that moves by itself, as a timer or a socket does, is live (`solution`). What can be
//! reached from something that is not known may be. The rest is stuck as a set, whatever the rest of the program does,
//! and its strongly connected parts are the causes (`cause`).

mod actor;
mod cause;
mod channels;
mod elsewhere;
mod errors;
mod finding;
mod freed;
mod graph;
mod libraries;
pub(crate) mod maps;
mod motion;
mod objects;
mod pointers;
mod proof;
mod reach;
mod solution;
#[cfg(test)]
mod tests;
mod threads;

use std::collections::BTreeSet;

use unstuck_inspect::snapshot::{Gap, Lifecycle, ObjectId, Snapshot};

use crate::verdict::{Confidence, Verdict};
use graph::Graph;
use reach::Vertex;
use solution::Solutions;

pub use actor::Actor;
pub use elsewhere::BLOCKED_WORKER;
pub use errors::{HeldErrors, Kept};
pub use finding::{
    BlockedThread, Cause, Finding, ForMain, Holder, Link, LockHolder, Outside, Source, Unseen,
    Until, Wait, Waiter, With,
};
pub use graph::{Activity, Doubt, Live, ResourceKind};
pub(crate) use motion::Motion;
pub use motion::Positions;

/// What was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Basis {
    /// A live process, twice. What is the same in both readings has not moved.
    TwoReadings,
    /// A live process, once. Nothing tells what moved.
    OneReading,
    /// A core file: the memory at the moment of the process's end, in which nothing moved while it was read.
    Core,
}

/// What is concluded.
#[derive(Clone, Debug)]
pub struct Diagnosis {
    /// What the process as a whole is doing.
    pub verdict: Verdict,
    /// How sure that is.
    pub confidence: Confidence,
    /// What it rests on.
    pub basis: Basis,
    /// Why it does not go on: what blocks a thread, then why tasks wait in vain, those that nothing ends first. If it
    /// waits, and for nothing of these: what it waits for outside, or what is not known.
    pub findings: Vec<Finding>,
    /// The errors that are still there. None while it runs, as they may be read in a moment.
    pub errors: Vec<HeldErrors>,
    /// Who waits for good: nothing in the process ends that, in ascending order.
    pub stuck: Vec<Actor>,
    /// Who moves, or may be woken from outside.
    pub live: Vec<Live>,
    /// What is not known, and could wake something.
    pub doubts: Vec<Doubt>,
    /// Threads, as indices into the snapshot, that the program or a library started for itself, and that may wake
    /// whatever they want.
    pub other_threads: Vec<usize>,
}

impl Diagnosis {
    /// The findings on waits that nothing ends.
    pub fn waits(&self) -> impl Iterator<Item = (&Finding, &Wait)> {
        let findings = self.findings.iter();
        findings.filter_map(|finding| Some((finding, finding.wait()?)))
    }

    /// Leaves out what is only about actors that are not `own`.
    pub(crate) fn leave_out_others(&mut self, snapshot: &Snapshot, is_own: impl Fn(Actor) -> bool) {
        self.live.retain(|live| is_own(live.actor));
        self.errors
            .retain(|errors| errors.holder.is_none_or(&is_own));
        self.findings.retain(|finding| match &finding.cause {
            Cause::Wait(wait) => {
                let mut waiters = wait.links.iter().flat_map(|link| &link.waiters);
                waiters.any(|waiter| is_own(waiter.actor))
            }
            Cause::Outside(outside) => outside.actors.iter().any(|actor| is_own(*actor)),
            Cause::BlockedThread(_) | Cause::Unseen(_) => true,
        });
        if self.verdict == Verdict::Running {
            (self.verdict, self.confidence) = self.verdict_on(snapshot, is_own);
        }
        if self.findings.is_empty() && self.verdict == Verdict::Waiting {
            let live = self.live.iter().map(|live| (*live, ForMain::Nothing));
            self.findings = elsewhere::outside(snapshot, live);
        }
    }

    /// The verdict on what is `own` alone, once the rest is left out, if something in the process runs.
    fn verdict_on(
        &self,
        snapshot: &Snapshot,
        is_own: impl Fn(Actor) -> bool,
    ) -> (Verdict, Confidence) {
        if self.live.iter().any(|live| live.activity == Activity::Runs) {
            return (Verdict::Running, self.confidence);
        }
        let is_stuck = |actor: &Actor| self.stuck.binary_search(actor).is_ok();
        let tasks = snapshot.tasks.iter().enumerate();
        let alive = tasks.filter(|(_, task)| task.state.lifecycle != Lifecycle::Complete);
        let mut own = alive
            .map(|(index, _)| Actor::Task(index))
            .filter(|it| is_own(*it));
        let mut waits = self
            .waits()
            .map(|(finding, _)| finding.confidence)
            .peekable();
        if waits.peek().is_none() || !own.all(|actor| is_stuck(&actor)) {
            return (Verdict::Waiting, Confidence::Likely);
        }
        let is_proven = waits.all(|it| it == Confidence::Proven);
        let confidence = if is_proven {
            Confidence::Proven
        } else {
            Confidence::Likely
        };
        (Verdict::Stuck, confidence)
    }
}

/// The verdict on a process that was read twice.
pub fn diagnose(before: &Positions, after: &Snapshot) -> Diagnosis {
    Case::twice(after, &Motion::between(before, after)).diagnosis()
}

/// The verdict from one snapshot: of a core file, or of a live process that was read once.
pub fn diagnose_one(snapshot: &Snapshot) -> Diagnosis {
    Case::once(snapshot, &Motion::default()).diagnosis()
}

/// A process that was read, and who could wake whom in it.
pub(crate) struct Case<'s> {
    snapshot: &'s Snapshot,
    motion: &'s Motion,
    basis: Basis,
    graph: Graph<'s>,
    solutions: Solutions,
}

impl<'s> Case<'s> {
    /// Of a process that was read twice.
    pub(crate) fn twice(snapshot: &'s Snapshot, motion: &'s Motion) -> Self {
        Self::of(snapshot, motion, Basis::TwoReadings)
    }

    /// Of one reading, or a core file, of which nothing tells what moved.
    pub(crate) fn once(snapshot: &'s Snapshot, motion: &'s Motion) -> Self {
        let basis = match snapshot.taken_at_ns {
            Some(_) => Basis::OneReading,
            None => Basis::Core,
        };
        Self::of(snapshot, motion, basis)
    }

    fn of(snapshot: &'s Snapshot, motion: &'s Motion, basis: Basis) -> Self {
        let graph = Graph::of(snapshot, motion);
        let is_closed =
            !motion.any() && is_complete(snapshot) && snapshot.threads.iter().all(threads::rests);
        Self {
            snapshot,
            motion,
            basis,
            solutions: Solutions::of(&graph, is_closed),
            graph,
        }
    }

    /// Objects of which nobody knows who has them, unless memory is searched for their
    /// [addresses](unstuck_inspect::snapshot::Pointers). None once it was: what is still not known then is hidden where
    /// no search finds it.
    pub(crate) fn to_search(&self) -> BTreeSet<ObjectId> {
        if self.snapshot.pointers.is_empty() {
            proof::to_search(&self.graph, &self.solutions)
        } else {
            BTreeSet::new()
        }
    }

    /// What the process as a whole is doing.
    pub(crate) fn verdict(&self) -> Verdict {
        let Self {
            snapshot, motion, ..
        } = self;
        let is_blocked = || !threads::blocked(snapshot, &motion.threads).is_empty();
        let runs = |lifecycle| matches!(lifecycle, Lifecycle::Running | Lifecycle::Scheduled);
        let mut tasks = snapshot.tasks.iter();
        let runs = motion.any()
            || tasks.any(|task| runs(task.state.lifecycle))
            || snapshot.block_ons.iter().any(|it| it.polled);
        if self.solutions.nothing_is_live {
            Verdict::Stuck
        } else if !motion.any() && is_blocked() {
            Verdict::Blocked
        } else if runs {
            Verdict::Running
        } else {
            Verdict::Waiting
        }
    }

    pub(crate) fn diagnosis(&self) -> Diagnosis {
        let Self {
            snapshot,
            motion,
            basis,
            graph,
            solutions,
        } = self;
        let verdict = self.verdict();
        let blocked_threads = threads::blocked(snapshot, &motion.threads);
        let doubts: BTreeSet<Doubt> = graph
            .seeds
            .iter()
            .filter_map(|(_, seed)| match seed {
                graph::Seed::Unknown(doubt) => Some(*doubt),
                _ => None,
            })
            .collect();
        let live = graph.live();
        let mut findings = elsewhere::blocked(snapshot, &blocked_threads);
        findings.extend(cause::find(graph, solutions));
        if findings.is_empty() && verdict == Verdict::Waiting {
            let for_main = self.for_main();
            let live = live
                .iter()
                .map(|(live, vertex)| (*live, for_main(live, *vertex)));
            findings = elsewhere::outside(snapshot, live);
        }
        if findings.is_empty() && verdict == Verdict::Waiting {
            findings = elsewhere::unseen(graph, solutions);
        }
        let mut waits = findings.iter().filter(|it| it.wait().is_some()).peekable();
        let is_proven =
            waits.peek().is_some() && waits.all(|it| it.confidence == Confidence::Proven);
        Diagnosis {
            verdict,
            confidence: if verdict == Verdict::Stuck && is_proven {
                Confidence::Proven
            } else {
                Confidence::Likely
            },
            basis: *basis,
            errors: if verdict == Verdict::Running {
                Vec::new()
            } else {
                errors::held(snapshot)
            },
            stuck: graph.actors_that(|vertex| solutions.never_moves(vertex)),
            findings,
            live: live.into_keys().collect(),
            doubts: doubts.into_iter().collect(),
            other_threads: threads::others(snapshot),
        }
    }

    /// What somebody who is live does for main.
    fn for_main(&self) -> impl Fn(&Live, Vertex) -> ForMain {
        let Self {
            snapshot,
            graph,
            solutions,
            ..
        } = self;
        let mut block_ons = snapshot.block_ons.iter();
        let main = block_ons.position(|it| it.thread == snapshot.process.id);
        let main = main.map(|index| {
            let main = Actor::BlockOn(index);
            let vertex = graph.scopes(main).whole;
            let is_known =
                !solutions.is_led_to_by_unknown(vertex) && threads::others(snapshot).is_empty();
            (main, graph.leading_to(vertex), is_known)
        });
        move |live, vertex| match &main {
            Some((main, ..)) if live.actor == *main => ForMain::Itself,
            Some((_, leading, is_known)) if leading[vertex] => {
                if *is_known {
                    ForMain::Only
                } else {
                    ForMain::May
                }
            }
            _ => ForMain::Nothing,
        }
    }
}

/// Whether all that could act is in the snapshot.
fn is_complete(snapshot: &Snapshot) -> bool {
    let is_harmless = |gap: &Gap| matches!(gap, Gap::UncheckedExecutable);
    snapshot.gaps.iter().all(is_harmless) && !snapshot.threads.is_empty()
}
