//! Why a process does not go on that no wait within it explains: a thread is blocked, or what it waits for is outside,
//! or was not found.

use std::collections::{BTreeSet, HashMap};
use std::hash::Hash;

use unstuck_inspect::snapshot::{
    HandleKind, LocalId, NameId, NativeFrame, Object, Origin, PlaceId, Snapshot, Thread, WaitsFor,
};

use super::Confidence;
use super::actor::Actor;
use super::cause;
use super::finding::{BlockedThread, Cause, Finding, ForMain, LockHolder, Outside, Source, Unseen};
use super::graph::{Doubt, Graph, Is, Live, Seed, Source as WakeSource};
use super::reach::Vertex;
use super::solution::Solutions;

/// The rule on polls that do not return.
pub const BLOCKED_WORKER: &str = "blocked-worker";

/// The threads that sleep inside a `poll` function.
pub(super) fn blocked(snapshot: &Snapshot, threads: &[usize]) -> Vec<Finding> {
    let findings = threads.iter().map(|thread| {
        let id = snapshot.threads[*thread].id;
        let block_on = snapshot.block_ons.iter().position(|it| it.thread == id);
        finding(
            BLOCKED_WORKER,
            Cause::BlockedThread(BlockedThread {
                thread: *thread,
                block_on: block_on.map(Actor::BlockOn),
                holder: lock_holder(snapshot, &snapshot.threads[*thread]),
            }),
        )
    });
    findings.collect()
}

/// Who has the lock that a thread sleeps in.
fn lock_holder(snapshot: &Snapshot, thread: &Thread) -> Option<LockHolder> {
    const FUTEX: u64 = 202;
    let is_guard = |kind| {
        matches!(
            kind,
            HandleKind::SyncMutexGuard | HandleKind::SyncReadGuard | HandleKind::SyncWriteGuard
        )
    };
    let guards = || {
        let actors = Actor::all(snapshot);
        let held = actors.flat_map(|actor| {
            let handles = actor.handles(snapshot);
            handles.map(move |(handle, frame)| (actor, handle, frame))
        });
        held.filter(|(_, handle, _)| is_guard(handle.kind) && !handle.maybe_dropped)
    };
    let futex = thread.system_call.filter(|call| call.number == FUTEX);
    let is_in = |object: &Object, address: u64| {
        let start = object.address.0;
        (start..start.saturating_add(object.size)).contains(&address)
    };
    let exact = guards().find(|(_, handle, _)| {
        futex.is_some_and(|call| is_in(&snapshot[handle.object], call.first_argument))
    });
    // A lock of parking_lot's has its waiters elsewhere.
    let alike = || {
        let callee = thread.stack.iter();
        let mut callee = callee.take_while(|frame| frame.origin != Some(Origin::Program));
        let is_of_kind = |name: &str| name.contains(LOCK_API);
        let waits = callee.any(|frame| frame.function.as_deref().is_some_and(is_of_kind));
        let of_kind = guards().filter(|(_, handle, _)| {
            let object = &snapshot[handle.object];
            is_of_kind(&snapshot[object.type_name])
        });
        let of_kind: Vec<_> = of_kind.filter(|_| waits).collect();
        let (_, first, _) = of_kind.first()?;
        let is_named = |local: LocalId| snapshot[local].name.is_some();
        let same = of_kind.iter().all(|(_, it, _)| it.object == first.object);
        let named = of_kind.iter().find(|(_, it, _)| is_named(it.local));
        named.or(of_kind.first()).copied().filter(|_| same)
    };
    let is_certain = exact.is_some();
    let (actor, handle, frame) = exact.or_else(alike)?;
    Some(LockHolder {
        actor,
        place: actor.place(snapshot, frame),
        local: handle.local,
        is_certain,
    })
}

/// A part of the paths of locks that are made with the crate of that name, and of its functions.
const LOCK_API: &str = "lock_api::";

/// What those wait for that something outside may wake. What main needs comes first, then what the program's own code
/// waits for.
pub(super) fn outside(
    snapshot: &Snapshot,
    live: impl Iterator<Item = (Live, ForMain)>,
) -> Vec<Finding> {
    let mut groups: Groups<(Kind, Vec<PlaceId>, &[NativeFrame]), Outside> = Groups::default();
    for (it, for_main) in live {
        let actor = it.actor;
        if let Actor::Blocking(_) = actor {
            let thread = actor.thread(snapshot);
            let thread = snapshot.threads.iter().position(|it| Some(it.id) == thread);
            let stack = thread.map_or(&[][..], |thread| &snapshot.threads[thread].stack);
            let source = Source::Closure { thread };
            groups.add((Kind::Closure, Vec::new(), stack), actor, source, for_main);
            continue;
        }
        let futures = actor.futures(snapshot);
        let leaf = it.leaf.and_then(|leaf| futures?.leaves.get(leaf));
        let Some(leaf) = leaf else { continue };
        let (kind, source) = match leaf.waits_for {
            WaitsFor::Timer { deadline_ns, .. } => (Kind::Timer, Source::Timer { deadline_ns }),
            WaitsFor::Io { descriptor, .. } => (Kind::Io(descriptor), Source::Io { descriptor }),
            _ => (Kind::Signal, Source::Signal),
        };
        groups.add(
            (kind, actor.places(snapshot, leaf.frame), &[]),
            actor,
            source,
            for_main,
        );
    }
    let mut found = groups.items;
    let wake_main = found.iter().filter(|it| it.for_main != ForMain::Nothing);
    if wake_main.count() > 1 {
        let only = |it: &&mut Outside| it.for_main == ForMain::Only;
        for one_of_several in found.iter_mut().filter(only) {
            one_of_several.for_main = ForMain::May;
        }
    }
    found.sort_by_key(|it| {
        let mut places = it.places.iter();
        let is_own = places.any(|place| snapshot[*place].origin == Origin::Program);
        let is_own = is_own || matches!(it.source, Source::Closure { .. });
        (it.for_main, !is_own)
    });
    let found = found.into_iter();
    found
        .map(|it| finding("outside", Cause::Outside(it)))
        .collect()
}

/// What is waited for, where it is not known what could bring it about.
pub(super) fn unseen(graph: &Graph<'_>, solutions: &Solutions) -> Vec<Finding> {
    let snapshot = graph.snapshot;
    let mut resources = BTreeSet::new();
    let mut futures: Vec<(NameId, Vec<PlaceId>, Vec<Actor>)> = Vec::new();
    let mut index = HashMap::new();
    let mut wakers: Vec<Actor> = Vec::new();
    let wholes: HashMap<Vertex, Actor> = Actor::all(snapshot)
        .map(|actor| (graph.scopes(actor).whole, actor))
        .collect();
    for (vertex, seed) in &graph.seeds {
        let Seed::Unknown(doubt) = seed else { continue };
        match (graph.vertices[*vertex], doubt) {
            (Is::Resource(resource), Doubt::Holder) => {
                resources.insert(usize::from(resource));
            }
            (Is::Leaf(node), Doubt::Future) => {
                let node = &graph.nodes[usize::from(node)];
                let WaitsFor::Unknown { type_name } = node.leaf.waits_for else {
                    continue;
                };
                let places = node.actor.places(snapshot, node.leaf.frame);
                let place = *index
                    .entry((type_name, places.clone()))
                    .or_insert(futures.len());
                if place == futures.len() {
                    futures.push((type_name, places, Vec::new()));
                }
                futures[place].2.push(node.actor);
            }
            (Is::Actor, Doubt::Waker) => wakers.extend(wholes.get(vertex)),
            _ => {}
        }
    }
    // Somebody unknown may reach a static, or a shared value.
    let is_shared = |source: &WakeSource<'_>| matches!(source, WakeSource::Handle(held) if held.keeper.actor().is_none());
    for (index, resource) in graph.resources.iter().enumerate() {
        let is_unknown = solutions.may_move(resource.vertex);
        if is_unknown && resource.sources.iter().any(is_shared) {
            resources.insert(index);
        }
    }
    let resources: Vec<usize> = resources.into_iter().collect();
    let links = cause::links(graph, solutions, &resources).into_iter();
    let holders = links
        .filter(|link| !link.waiters.is_empty())
        .map(Unseen::Holders);
    let futures = futures
        .into_iter()
        .map(|(type_name, places, actors)| Unseen::Future {
            type_name,
            actors,
            places,
        });
    let wakers = (!wakers.is_empty()).then_some(Unseen::Wakers(wakers));
    let all = holders.chain(futures).chain(wakers);
    all.map(|it| finding("unseen", Cause::Unseen(it))).collect()
}

fn finding(rule: &'static str, cause: Cause) -> Finding {
    Finding {
        rule,
        confidence: Confidence::Likely,
        cause,
    }
}

/// What is compared of what is waited for outside: deadlines differ.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum Kind {
    Timer,
    Io(Option<i32>),
    Signal,
    Closure,
}

/// Those that wait alike, in the order in which the first of each was added.
struct Groups<K, T> {
    index: HashMap<K, usize>,
    items: Vec<T>,
}

impl<K, T> Default for Groups<K, T> {
    fn default() -> Self {
        Self {
            index: HashMap::new(),
            items: Vec::new(),
        }
    }
}

impl<S: Hash + Eq + Copy> Groups<(Kind, Vec<PlaceId>, S), Outside> {
    fn add(
        &mut self,
        key: (Kind, Vec<PlaceId>, S),
        actor: Actor,
        source: Source,
        for_main: ForMain,
    ) {
        let places = key.1.clone();
        let place = *self.index.entry(key).or_insert(self.items.len());
        let Some(known) = self.items.get_mut(place) else {
            self.items.push(Outside {
                source,
                actors: vec![actor],
                places,
                for_main,
            });
            return;
        };
        known.for_main = known.for_main.min(for_main);
        if known.actors.last() != Some(&actor) {
            known.actors.push(actor);
        }
        if let (
            Source::Timer { deadline_ns: known },
            Source::Timer {
                deadline_ns: another,
            },
        ) = (&mut known.source, source)
        {
            *known = another.min(*known);
        }
    }
}
