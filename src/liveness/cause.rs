//! From the vertices that nothing moves to findings.

use std::cmp::Reverse;
use std::collections::VecDeque;
use std::sync::Arc;

use unstuck_inspect::snapshot::{
    Address, FrameIndex, HandleKind, Origin, PermitKind, PlaceId, Snapshot, WaitsFor,
};

use super::Confidence;
use super::actor::Actor;
use super::finding::{Cause, Finding, Holder, Link, Until, Wait, Waiter, With};
use super::graph::{Graph, Is, Node, ResourceKind, Seed, Source};
use super::maps::{HashMap, HashSet};
use super::objects::{Held, Keeper, Reconciled};
use super::proof;
use super::reach::{SmallIndex, Vertex, components};
use super::solution::Solutions;

/// The components that wait for themselves or for nobody, and that others may wait for.
pub(super) struct Roots {
    /// The component of each vertex.
    component: Vec<u32>,
    /// What is waited for in each, with the component's number. Those of a component are one after another.
    pub(super) list: Vec<(u32, usize)>,
}

/// Where nothing that waits for something itself leads to.
pub(super) fn roots(graph: &Graph<'_>, solutions: &Solutions) -> Roots {
    let stuck = |vertex: Vertex| solutions.is_stuck(vertex);
    let edges = |from: Vertex| {
        let to = graph.edges(from).iter().filter(|edge| edge.is_cause());
        let is_in = stuck(from);
        to.map(|edge| edge.to())
            .filter(move |to| is_in && stuck(*to))
    };
    let components = components(graph.vertices.len(), edges);
    let component = components.of;
    let component_of = |vertex: &SmallIndex| component[Vertex::from(*vertex)];
    let same = |one: &SmallIndex, other: &SmallIndex| component_of(one) == component_of(other);
    let mut caused = vec![false; components.count];
    let mut list = Vec::new();
    // An edge leads from a higher number to a lower one, so the causes come first in this order.
    for members in components.members.chunk_by(same).rev() {
        let vertices = || members.iter().map(|vertex| Vertex::from(*vertex));
        let number = component_of(&members[0]);
        let resources = vertices().filter_map(|vertex| match graph.vertices[vertex] {
            Is::Resource(index) if stuck(vertex) => Some((number, usize::from(index))),
            _ => None,
        });
        let start = list.len();
        list.extend(resources);
        list[start..].sort_unstable();
        let waits = list.len() > start;
        let is_caused = caused[number as usize];
        if is_caused {
            list.truncate(start);
        }
        if is_caused || waits {
            for to in vertices().flat_map(edges) {
                caused[component[to] as usize] = true;
            }
        }
    }
    Roots { component, list }
}

/// The causes, one for each circular wait or dead end that others wait for in turn.
pub(super) fn find(graph: &Graph<'_>, solutions: &Solutions) -> Vec<Finding> {
    let Roots { component, list } = roots(graph, solutions);
    let waiting = waiting(graph);
    let mut awaited = Awaited::by(graph.vertices.len());
    let mut seen = Seen::of(graph.vertices.len());
    let mut findings = Vec::new();
    for resources in list.chunk_by(|one, other| one.0 == other.0) {
        let number = resources[0].0 as usize;
        let resources: Vec<usize> = resources.iter().map(|(_, resource)| *resource).collect();
        awaited.note(graph, number, &resources, &waiting);
        let root = Root {
            graph,
            solutions,
            component: &component,
            number,
            resources: &resources,
            waiting: &waiting,
            awaited: &awaited,
        };
        findings.extend(root.finding(&mut seen));
    }
    // To be pending forever is a way to wait for others, so it is the cause only if there is no other.
    let is_pending = |finding: &Finding| {
        let mut links = finding.wait().into_iter().flat_map(|wait| &wait.links);
        links.all(|link| link.kind == ResourceKind::Never)
    };
    if !findings.iter().all(is_pending) {
        findings.retain(|finding| !is_pending(finding));
    }
    let mut findings = folded(findings);
    findings.sort_by_key(|finding| {
        let wait = finding.wait();
        let rank = wait.map(|wait| match wait.until {
            Until::Never => 0,
            Until::Cancelled => 1,
            Until::Timeout(_) => 2,
        });
        (rank, wait.map(|wait| Reverse(wait.others)))
    });
    findings
}

/// Puts together those who wait in the same place for nothing.
fn folded(findings: Vec<Finding>) -> Vec<Finding> {
    /// What they have in common.
    type Key = (ResourceKind, Confidence, Until, Arc<[PlaceId]>);
    let mut places: HashMap<Key, usize> = HashMap::default();
    let mut folded: Vec<Finding> = Vec::new();
    for finding in findings {
        let Cause::Wait(wait) = &finding.cause else {
            folded.push(finding);
            continue;
        };
        let key = match &wait.links[..] {
            [link] if matches!(link.kind, ResourceKind::Never | ResourceKind::Waker) => {
                let waiter = link.waiters.first();
                waiter.map(|it| (link.kind, finding.confidence, wait.until, it.places.clone()))
            }
            _ => None,
        };
        let same = key.as_ref().and_then(|key| places.get(key).copied());
        if let Some(same) = same
            && let Cause::Wait(first) = &mut folded[same].cause
        {
            first.others = first.others.max(wait.others);
            first.links[0]
                .waiters
                .extend_from_slice(&wait.links[0].waiters);
            continue;
        }
        places.extend(key.map(|key| (key, folded.len())));
        folded.push(finding);
    }
    folded
}

/// These resources, each with who waits for it and who holds it, whether or not somebody brings it about.
pub(super) fn links(graph: &Graph<'_>, solutions: &Solutions, resources: &[usize]) -> Vec<Link> {
    let waiting = waiting(graph);
    let awaited = Awaited::by(0);
    let root = Root {
        graph,
        solutions,
        component: &[],
        number: 0,
        resources: &[],
        waiting: &waiting,
        awaited: &awaited,
    };
    let groups = root.alike(resources).into_iter();
    groups
        .map(|group| root.link(&group, &HashMap::default()))
        .collect()
}

/// The leaves that wait for each resource.
fn waiting(graph: &Graph<'_>) -> Vec<Vec<usize>> {
    let mut waiting: Vec<Vec<usize>> = vec![Vec::new(); graph.resources.len()];
    for (index, node) in graph.nodes.iter().enumerate() {
        if let Some(resource) = node.resource {
            waiting[resource].push(index);
        }
    }
    waiting
}

/// How many actors wait only because these resources do not come about. Visits no more than what waits for them.
fn others(
    graph: &Graph<'_>,
    solutions: &Solutions,
    resources: &[usize],
    own: &HashSet<Actor>,
    seen: &mut Seen,
) -> usize {
    let mut waiting = HashSet::default();
    seen.forget();
    let mut open: Vec<Vertex> = resources
        .iter()
        .map(|it| graph.resources[*it].vertex)
        .collect();
    while let Some(vertex) = open.pop() {
        if !seen.insert(vertex) {
            continue;
        }
        if let Is::Leaf(index) = graph.vertices[vertex] {
            waiting.insert(graph.nodes[usize::from(index)].actor);
        }
        let edges = graph.edges(vertex).iter().filter(|edge| edge.is_cause());
        open.extend(
            edges
                .map(|edge| edge.to())
                .filter(|to| solutions.is_stuck(*to)),
        );
    }
    waiting.difference(own).count()
}

/// The vertices that a search has met. One list for many searches, each of which may meet few.
struct Seen {
    search: u32,
    /// The last search that met each vertex.
    met_in: Vec<u32>,
}

impl Seen {
    fn of(vertices: usize) -> Self {
        Self {
            search: 0,
            met_in: vec![0; vertices],
        }
    }

    /// Begins another search.
    fn forget(&mut self) {
        self.search += 1;
    }

    /// Whether it is new to this search.
    fn insert(&mut self, vertex: Vertex) -> bool {
        std::mem::replace(&mut self.met_in[vertex], self.search) != self.search
    }
}

/// What is called with who holds something, with what, and the function that holds it.
type Visit<'v> = dyn FnMut(Option<Actor>, With, Option<FrameIndex>) + 'v;

/// A component that others wait for.
struct Root<'g, 's> {
    graph: &'g Graph<'s>,
    solutions: &'g Solutions,
    component: &'g [u32],
    number: usize,
    resources: &'g [usize],
    /// The leaves that wait for each resource.
    waiting: &'g [Vec<usize>],
    awaited: &'g Awaited,
}

/// The resource that each vertex of an actor waits for, with the component that it was noted for last.
struct Awaited(Vec<(u32, u32)>);

impl Awaited {
    /// Not a component.
    const NONE: u32 = u32::MAX;

    fn by(vertices: usize) -> Self {
        Self(vec![(Self::NONE, 0); vertices])
    }

    fn get(&self, component: usize, vertex: Vertex) -> Option<usize> {
        let (noted_for, resource) = *self.0.get(vertex)?;
        (noted_for as usize == component).then_some(resource as usize)
    }

    /// Notes the first of these resources for each vertex that waits for some.
    fn note(
        &mut self,
        graph: &Graph<'_>,
        component: usize,
        resources: &[usize],
        waiting: &[Vec<usize>],
    ) {
        let small = |number: usize| u32::try_from(number).expect("fewer than 4 billion vertices");
        let number = small(component);
        let mut note = |vertex: Vertex, resource: usize| {
            let (noted_for, noted) = &mut self.0[vertex];
            if *noted_for != number {
                (*noted_for, *noted) = (number, small(resource));
            }
        };
        let nodes = resources.iter().flat_map(|resource| {
            let nodes = waiting[*resource].iter();
            nodes.map(|index| (&graph.nodes[*index], *resource))
        });
        for (node, resource) in nodes {
            let scopes = graph.scopes(node.actor);
            note(scopes.whole, resource);
            let Some(futures) = node.actor.futures(graph.snapshot) else {
                continue;
            };
            let mut frame = node.leaf.frame;
            while let Some(FrameIndex(index)) = frame {
                note(scopes.of(frame), resource);
                let parent = futures.frames[index as usize].parent;
                frame = parent.filter(|parent| parent.0 < index);
            }
        }
        for index in resources {
            let resource = &graph.resources[*index];
            if resource.kind == ResourceKind::PoolThread {
                for edge in graph.edges(resource.vertex) {
                    note(edge.to(), *index);
                }
            }
        }
    }
}

impl Root<'_, '_> {
    fn finding(&self, seen: &mut Seen) -> Option<Finding> {
        let order = self.order();
        let groups = self.alike(&order);
        let places = groups
            .iter()
            .enumerate()
            .flat_map(|(place, group)| group.iter().map(move |resource| (*resource, place)));
        let places: HashMap<usize, usize> = places.collect();
        let links: Vec<Link> = groups.iter().map(|it| self.link(it, &places)).collect();
        let is_circle = order.len() > 1 || self.is_circular(*order.first()?);
        let waiters: HashSet<Actor> = links
            .iter()
            .flat_map(|link| link.waiters.iter().map(|waiter| waiter.actor))
            .collect();
        let whole_actor_waits = waiters
            .iter()
            .any(|actor| self.solutions.is_stuck(self.graph.scopes(*actor).whole));
        // One that makes progress elsewhere may wait in vain on purpose, but not for itself.
        if waiters.is_empty() || !is_circle && !whole_actor_waits {
            return None;
        }
        let on_purpose = links.iter().all(|link| link.kind == ResourceKind::Never);
        if on_purpose && !self.solutions.nothing_is_live {
            return None;
        }
        let until = self.until(&order, &waiters);
        let is_proven = |(group, link): (&Vec<usize>, &Link)| {
            self.solutions.nothing_is_live && proof::all_wait(link)
                || proof::are_proven(self.graph, self.solutions, group)
        };
        Some(Finding {
            rule: rule(self.graph.snapshot, &links, is_circle, waiters.len()),
            confidence: if until == Until::Never && groups.iter().zip(&links).all(is_proven) {
                Confidence::Proven
            } else {
                Confidence::Likely
            },
            cause: Cause::Wait(Wait {
                until,
                links,
                others: others(self.graph, self.solutions, &order, &waiters, seen),
            }),
        })
    }

    /// The library's function that waits at a leaf, but for those of Tokio.
    fn call(&self, node: &Node<'_>) -> Option<PlaceId> {
        let snapshot = self.graph.snapshot;
        let frames = node.actor.futures(snapshot)?.ancestors(node.leaf.frame);
        let mut places = frames.map(|frame| frame.place);
        let outside = places.find(|it| !snapshot[*it].function.starts_with("tokio::"))?;
        (snapshot[outside].origin == Origin::Library).then_some(outside)
    }

    fn is_in(&self, vertex: Vertex) -> bool {
        self.solutions.is_stuck(vertex) && self.component[vertex] as usize == self.number
    }

    fn is_circular(&self, resource: usize) -> bool {
        let vertex = self.graph.resources[resource].vertex;
        let mut edges = self.graph.edges(vertex).iter();
        edges.any(|edge| self.is_in(edge.to()))
    }

    /// The resources in the order in which one is waited for by the holders of the one before. Starts with the one that
    /// the first waiter waits for.
    fn order(&self) -> Vec<usize> {
        let first = |resource: &usize| self.waiting[*resource].first().copied();
        let mut open: Vec<usize> = self.resources.to_vec();
        open.sort_by_key(|resource| first(resource).unwrap_or(usize::MAX));
        let mut open: VecDeque<usize> = open.into();
        let mut seen = HashSet::default();
        let mut values = HashSet::default();
        let mut order = Vec::new();
        while let Some(resource) = open.pop_front() {
            if !seen.insert(resource) {
                continue;
            }
            order.push(resource);
            // Many holders wait for the same: each resource is noted once.
            let mut noted = HashSet::default();
            let mut next = Vec::new();
            for source in &self.graph.resources[resource].sources {
                // Who shares a value waits for the same, whichever of the handles in it is followed.
                if let Source::Handle(held) = source
                    && let Keeper::Value(object) = held.keeper
                    && !values.insert(self.graph.root(object))
                {
                    continue;
                }
                self.behind(source, &mut |actor, _, frame| {
                    let waits_for = actor.and_then(|actor| self.waits_of(actor, frame));
                    let waits_for = waits_for.filter(|it| !seen.contains(it));
                    next.extend(waits_for.filter(|it| noted.insert(*it)));
                });
            }
            for next in next.into_iter().rev() {
                open.push_front(next);
            }
        }
        order
    }

    /// What a holder waits for itself.
    fn waits_of(&self, actor: Actor, mut frame: Option<FrameIndex>) -> Option<usize> {
        let awaited = |vertex| self.awaited.get(self.number, vertex);
        let scopes = self.graph.scopes(actor);
        let whole = || {
            let own = awaited(scopes.whole);
            own.or_else(|| {
                // The closure of a blocking pool waits in the `block_on` of its thread.
                let thread = actor.thread(self.graph.snapshot)?;
                let block_ons = &self.graph.snapshot.block_ons;
                let inner = block_ons.iter().position(|it| it.thread == thread)?;
                let scopes = self.graph.scopes(Actor::BlockOn(inner));
                awaited(scopes.whole)
            })
        };
        let futures = actor.futures(self.graph.snapshot);
        while let (Some(FrameIndex(index)), Some(futures)) = (frame, futures) {
            if let Some(found) = awaited(scopes.of(frame)) {
                return Some(found);
            }
            let parent = futures.frames[index as usize].parent;
            frame = parent.filter(|parent| parent.0 < index);
        }
        whole()
    }

    /// Puts together resources of which nothing but the resource differs. Of three or more whose handles are in a
    /// shared value, each has all those who share it for holders, which need not be listed for each.
    fn alike(&self, order: &[usize]) -> Vec<Vec<usize>> {
        /// What they have in common.
        type Key<'s> = (ResourceKind, Reconciled, Vec<InValue>, Vec<PlaceId>);
        /// A handle, by the value that it is in.
        type InValue = (Address, HandleKind, bool);
        let key = |resource: usize| -> Option<Key<'_>> {
            let data = &self.graph.resources[resource];
            let in_value = |source: &Source<'_>| match source {
                Source::Handle(held) => match held.keeper {
                    Keeper::Value(object) => {
                        let root = self.graph.root(object)?;
                        Some((root, held.handle.kind, held.maybe_dropped))
                    }
                    _ => None,
                },
                _ => None,
            };
            let sources: Option<Vec<InValue>> = data.sources.iter().map(in_value).collect();
            let sources = sources.filter(|it| !it.is_empty())?;
            let [waiter] = self.waiting[resource][..] else {
                return None;
            };
            let node = &self.graph.nodes[waiter];
            let places = node.actor.places(self.graph.snapshot, node.leaf.frame);
            Some((data.kind, data.reconciled, sources, places))
        };
        let keys: Vec<Option<Key<'_>>> = order.iter().map(|it| key(*it)).collect();
        let mut counts: HashMap<&Key<'_>, usize> = HashMap::default();
        for key in keys.iter().flatten() {
            *counts.entry(key).or_default() += 1;
        }
        let mut index: HashMap<&Key<'_>, usize> = HashMap::default();
        let mut groups: Vec<Vec<usize>> = Vec::new();
        for (resource, key) in order.iter().zip(&keys) {
            let key = key.as_ref().filter(|key| counts[key] > 2);
            let place = key.map(|key| *index.entry(key).or_insert(groups.len()));
            match place.and_then(|place| groups.get_mut(place)) {
                Some(group) => group.push(*resource),
                None => groups.push(vec![*resource]),
            }
        }
        groups
    }

    /// What these resources, which are [alike](Self::alike), have in common.
    fn link(&self, resources: &[usize], places: &HashMap<usize, usize>) -> Link {
        let graph = self.graph;
        let data = &graph.resources[resources[0]];
        // One that goes on elsewhere is left out, unless only such ones wait.
        let all = || resources.iter().flat_map(|it| &self.waiting[*it]);
        let waits = |index: &&usize| {
            let actor = graph.nodes[**index].actor;
            self.solutions.is_stuck(graph.scopes(actor).whole)
        };
        let only_branches = !all().any(|index| waits(&index));
        let nodes = all().filter(|index| only_branches || waits(index));
        let mut shared = HashSet::default();
        let waiters = nodes.map(|index| self.waiter(&graph.nodes[*index], data.kind, &mut shared));
        let mut waiters: Vec<Waiter> = waiters.collect();
        if data.kind == ResourceKind::PoolThread {
            let edges = graph.edges(data.vertex).iter();
            let queued = edges.map(|edge| edge.to()).collect::<HashSet<_>>();
            waiters.extend(
                Actor::all(graph.snapshot)
                    .filter(|actor| queued.contains(&graph.scopes(*actor).whole))
                    .map(|actor| Waiter {
                        actor,
                        kind: data.kind,
                        places: [].into(),
                        call: None,
                    }),
            );
        }
        let mut holders = Vec::with_capacity(data.sources.len());
        for source in &data.sources {
            self.behind(source, &mut |actor, mut with, frame| {
                let next = actor.and_then(|it| self.waits_of(it, frame));
                if let With::Handle { maybe_dropped, .. } = &mut with {
                    *maybe_dropped &= match data.reconciled {
                        Reconciled::Ambiguous => true,
                        // The one that the count is of may be hidden, by what a search found.
                        Reconciled::AllIfNoneDropped => graph.finds_others(data),
                        _ => false,
                    };
                }
                holders.push(Holder {
                    actor,
                    with,
                    place: actor.and_then(|it| it.place(graph.snapshot, frame)),
                    waits_in: next.and_then(|next| places.get(&next).copied()),
                });
            });
        }
        // One that waits for the rest of its permits holds up others, not itself.
        if waiters.len() == 1 {
            holders.retain(|it| it.with != With::Partly || it.actor != Some(waiters[0].actor));
        }
        // Who has permits is told before who could add some.
        holders.sort_by_key(|it| !it.with.is_held());
        let (missing, uncertain) = Link::not_found(data.reconciled);
        Link {
            kind: data.kind,
            address: data.address,
            alike: resources.len() - 1,
            waiters,
            holders,
            count: data.count,
            missing,
            uncertain,
        }
    }

    /// Who waits at a leaf. Those that wait in the same places share the list of them.
    fn waiter(
        &self,
        node: &Node<'_>,
        kind: ResourceKind,
        shared: &mut HashSet<Arc<[PlaceId]>>,
    ) -> Waiter {
        let places = node.actor.places(self.graph.snapshot, node.leaf.frame);
        let places = shared.get(&*places).cloned().unwrap_or_else(|| {
            let places: Arc<[PlaceId]> = places.into();
            shared.insert(places.clone());
            places
        });
        Waiter {
            actor: node.actor,
            kind: match node.leaf.waits_for {
                WaitsFor::Permits { of, .. } => ResourceKind::Permits(of),
                _ => kind,
            },
            places,
            call: self.call(node),
        }
    }

    /// Visits who is behind a source, each with the function that holds it.
    fn behind(&self, source: &Source<'_>, visit: &mut Visit<'_>) {
        let (actor, with, frame) = match source {
            Source::Handle(held) => return self.keepers(held, visit),
            Source::Granted { actor, leaf } => {
                let futures = actor.futures(self.graph.snapshot);
                let leaf = futures.and_then(|it| it.leaves.get(*leaf));
                let frame = leaf.and_then(|leaf| leaf.frame);
                let held = futures.and_then(|futures| {
                    let above = futures.ancestors(frame).find_map(|frame| frame.held_in);
                    leaf?.held_in.or(above)
                });
                let is_whole = leaf.is_some_and(|leaf| {
                    matches!(
                        leaf.waits_for,
                        WaitsFor::Permits {
                            missing: Some(0),
                            ..
                        }
                    )
                });
                let with = match held {
                    Some(held) => With::Granted {
                        local: Some(held.local),
                    },
                    None if is_whole => With::Granted { local: None },
                    None => With::Partly,
                };
                (*actor, with, frame)
            }
            Source::End(actor) => (*actor, With::End, None),
        };
        visit(Some(actor), with, frame);
    }

    /// Visits who holds a handle, or reaches the value that it is in.
    fn keepers(&self, held: &Held<'_>, visit: &mut Visit<'_>) {
        let kind = held.handle.kind;
        let object = match held.keeper {
            Keeper::Actor(actor, frame) => {
                let with = With::Handle {
                    kind,
                    local: held.handle.local,
                    maybe_dropped: held.maybe_dropped,
                };
                return visit(Some(actor), with, frame);
            }
            Keeper::Static(index) => return visit(None, With::Static { kind, index }, None),
            Keeper::Value(object) => object,
        };
        let inside = |owner: Option<&Held<'_>>| With::Inside {
            kind,
            object,
            is_queued: self.graph.is_queued(object),
            local: owner.map(|owner| owner.handle.local),
            maybe_dropped: owner.is_some_and(|owner| owner.maybe_dropped),
        };
        let owners = self.graph.owners(object);
        if owners.is_empty() {
            return visit(None, inside(None), None);
        }
        for owner in owners {
            match owner.keeper {
                Keeper::Actor(actor, frame) => {
                    visit(Some(actor), inside(Some(&owner)), frame);
                }
                Keeper::Static(index) => visit(None, With::Static { kind, index }, None),
                Keeper::Value(_) => visit(None, inside(None), None),
            }
        }
    }

    fn until(&self, order: &[usize], waiters: &HashSet<Actor>) -> Until {
        let vertices = || order.iter().map(|it| self.graph.resources[*it].vertex);
        if vertices().all(|vertex| self.solutions.never_moves(vertex)) {
            return Until::Never;
        }
        if vertices().all(|vertex| self.solutions.moves_only_if_cancelled(vertex)) {
            return Until::Cancelled;
        }
        let deadlines = self.graph.seeds.iter().filter_map(|(vertex, seed)| {
            let Seed::Timeout(deadline) = seed else {
                return None;
            };
            let Is::Leaf(index) = self.graph.vertices[*vertex] else {
                return None;
            };
            let is_own = waiters.contains(&self.graph.nodes[usize::from(index)].actor);
            is_own.then_some(*deadline)
        });
        deadlines.min().map_or(Until::Cancelled, Until::Timeout)
    }
}

/// Which of the rules a cause belongs to.
fn rule(snapshot: &Snapshot, links: &[Link], is_circle: bool, actors: usize) -> &'static str {
    let any = |is_one: fn(ResourceKind) -> bool| links.iter().any(|link| is_one(link.kind));
    let mut holders = links.iter().flat_map(|link| &link.holders);
    let mut emptied = links
        .iter()
        .filter(|link| is_semaphore(link.kind) && !link.is_held());
    if holders.any(|holder| matches!(holder.with, With::Granted { .. })) {
        "futurelock"
    } else if any(|kind| matches!(kind, ResourceKind::Waker | ResourceKind::Never)) {
        "lost-waker"
    } else if let Some(link) = emptied.next() {
        if is_queue(snapshot, link) {
            "idle-receiver"
        } else {
            "lost-permit"
        }
    } else if is_circle && actors == 1 && (any(is_lock) || any(is_semaphore)) {
        "self-deadlock"
    } else if any(is_pool) {
        "starved-pool"
    } else if links.len() == 1 && any(is_flag) {
        "orphaned-event"
    } else if is_circle && actors > 1 && any(is_lock) {
        "lock-cycle"
    } else if is_circle && actors > 1 {
        "circular-wait"
    } else if any(is_room) {
        "full-channel"
    } else if any(is_lock) {
        "lost-permit"
    } else {
        "idle-receiver"
    }
}

/// Whether a semaphore counts the items of a library's queue, by the name of the function that waits for it.
fn is_queue(snapshot: &Snapshot, link: &Link) -> bool {
    let mut calls = link.waiters.iter().filter_map(|waiter| waiter.call);
    calls.any(|call| {
        let name = snapshot[call].function.rsplit("::").next();
        name.is_some_and(|name| RECEIVE.contains(&name))
    })
}

/// What receiving is called by queues that are built on a semaphore.
const RECEIVE: [&str; 5] = ["recv", "pop", "dequeue", "next", "get"];

fn is_lock(kind: ResourceKind) -> bool {
    matches!(
        kind,
        ResourceKind::Permits(
            PermitKind::Mutex
                | PermitKind::RwLockRead
                | PermitKind::RwLockWrite
                | PermitKind::OnceCell
        )
    )
}

fn is_flag(kind: ResourceKind) -> bool {
    matches!(
        kind,
        ResourceKind::Event
            | ResourceKind::SetOnce
            | ResourceKind::Cancellation
            | ResourceKind::TaskTracker
    )
}

fn is_room(kind: ResourceKind) -> bool {
    matches!(
        kind,
        ResourceKind::Room
            | ResourceKind::PipeRoom
            | ResourceKind::Permits(PermitKind::ChannelRoom)
    )
}

fn is_pool(kind: ResourceKind) -> bool {
    matches!(
        kind,
        ResourceKind::PoolThread | ResourceKind::Permits(PermitKind::Connection)
    ) || is_semaphore(kind)
}

fn is_semaphore(kind: ResourceKind) -> bool {
    matches!(
        kind,
        ResourceKind::Permits(PermitKind::Semaphore | PermitKind::Other)
    )
}
