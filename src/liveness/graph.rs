//! Who could wake whom: the graph that the verdict and the causes are read from.
//!
//! An edge leads from what must move to what can move then. So a leaf leads to the frame that awaits it, a frame to
//! what its locals hold the handles of, and that to the leaves that wait for it.

mod flags;
mod groups;

use std::cell::{OnceCell, RefCell};
use std::collections::{BTreeMap, BTreeSet};
use std::ops::RangeInclusive;

use unstuck_inspect::snapshot::{
    Address, AwaitTree, BlockingState, FrameIndex, Handle, HandleKind, Leaf, Lifecycle, NotifyKind,
    ObjectId, PermitKind, Snapshot, Task, TaskState, WaitsFor,
};

use super::actor::{self, Actor};
use super::channels;
use super::freed::MaybeFreed;
use super::libraries;
use super::maps::{HashMap, HashSet};
use super::motion::Motion;
use super::objects::{Held, Keeper, Objects, Reconciled, borrows, is_strong, reconcile};
use super::pointers::{Part, Pointers};
use super::reach::{Edges, SmallIndex, Vertex, reachable};
use super::threads;

/// What a leaf waits for, or a queued closure.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ResourceKind {
    /// A message of a channel with a queue, or its end.
    Message,
    /// Room in a bounded channel that has no semaphore.
    Room,
    /// A message of a broadcast channel, or its end.
    Broadcast,
    /// The value of a oneshot channel.
    Oneshot,
    /// A new value of a watch channel.
    Watch,
    /// The last of those that a `Barrier` is for.
    Barrier,
    /// An event that is to be set.
    Event,
    /// The value of a `SetOnce`.
    SetOnce,
    /// The cancellation of a `CancellationToken`.
    Cancellation,
    /// The end of the tasks of a `TaskTracker`, once it is closed.
    TaskTracker,
    /// The end of all receivers of a watch channel.
    WatchClosed,
    /// Bytes of a pipe in memory, or its end.
    Bytes,
    /// Room in a pipe in memory.
    PipeRoom,
    /// A lock, or permits of a semaphore.
    Permits(PermitKind),
    /// A notification.
    Notify,
    /// The end of a task.
    Task,
    /// The end of the tasks of a task group.
    Group,
    /// The end of the tasks of a `LocalSet`.
    LocalSet,
    /// A thread of a blocking pool.
    PoolThread,
    /// Nothing: `std::future::pending`.
    Never,
    /// A wake-up of a task that has no waker.
    Waker,
}

impl ResourceKind {
    /// As JSON has it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Message => "message",
            Self::Room => "channel_room",
            Self::Broadcast => "broadcast",
            Self::Oneshot => "oneshot",
            Self::Watch => "watch",
            Self::WatchClosed => "watch_closed",
            Self::Barrier => "barrier",
            Self::Event => "event",
            Self::SetOnce => "set_once",
            Self::Cancellation => "cancellation",
            Self::TaskTracker => "task_tracker",
            Self::Bytes => "bytes",
            Self::PipeRoom => "pipe_room",
            Self::Permits(of) => match of {
                PermitKind::Mutex => "mutex",
                PermitKind::RwLockRead => "rwlock_read",
                PermitKind::RwLockWrite => "rwlock_write",
                PermitKind::ChannelRoom => "channel_room",
                PermitKind::OnceCell => "once_cell",
                PermitKind::Connection => "connection",
                _ => "semaphore",
            },
            Self::Notify => "notify",
            Self::Task => "task",
            Self::Group => "task_group",
            Self::LocalSet => "local_set",
            Self::PoolThread => "pool_thread",
            Self::Never => "never",
            Self::Waker => "waker",
        }
    }

    /// What a leaf waits for, and where that is. `None` if it is not something that an actor brings about.
    pub fn of(waits_for: &WaitsFor) -> Option<(Self, Address)> {
        Some(match *waits_for {
            WaitsFor::Message { channel } => (Self::Message, channel),
            WaitsFor::Room { channel } => (Self::Room, channel),
            WaitsFor::Broadcast { channel } => (Self::Broadcast, channel),
            WaitsFor::Oneshot { channel } => (Self::Oneshot, channel),
            WaitsFor::Bytes { pipe } => (Self::Bytes, pipe),
            WaitsFor::PipeRoom { pipe } => (Self::PipeRoom, pipe),
            WaitsFor::Permits { of, semaphore, .. } => (Self::Permits(of), semaphore),
            WaitsFor::Notify { notify, of } => {
                let kind = match of {
                    NotifyKind::Watch => Self::Watch,
                    NotifyKind::WatchClosed => Self::WatchClosed,
                    NotifyKind::Barrier => Self::Barrier,
                    NotifyKind::Event => Self::Event,
                    NotifyKind::SetOnce => Self::SetOnce,
                    NotifyKind::Cancellation => Self::Cancellation,
                    NotifyKind::TaskTracker => Self::TaskTracker,
                    NotifyKind::PoolClosed => return None,
                    _ => Self::Notify,
                };
                (kind, notify)
            }
            WaitsFor::Task { task } => (Self::Task, task),
            WaitsFor::Group {
                group,
                drains: true,
            } => (Self::Group, group),
            WaitsFor::LocalSet { set } => (Self::LocalSet, set),
            _ => return None,
        })
    }
}

/// Something that is waited for, with all that could bring it about.
#[derive(Debug)]
pub(super) struct Resource<'s> {
    pub(super) kind: ResourceKind,
    pub(super) address: Address,
    pub(super) vertex: Vertex,
    pub(super) sources: Vec<Source<'s>>,
    /// How many holders there are by the count, and what that says of those that were found.
    pub(super) count: Option<u64>,
    pub(super) reconciled: Reconciled,
    pub(super) search: Search,
}

/// Whether a search of memory can tell who could bring something about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Search {
    /// Who does is known without.
    Needless,
    /// It can't.
    Vain,
    /// It was not made, or it found an address in something that is not known.
    Open(ObjectId),
    /// All who have its address are among the sources, or lead to it.
    Done,
}

/// What could bring it about.
#[derive(Clone, Copy, Debug)]
pub(super) enum Source<'s> {
    /// A handle.
    Handle(Held<'s>),
    /// Permits were granted to this future, which is not polled, or is still waiting for more.
    Granted { actor: Actor, leaf: usize },
    /// An actor that has to end, or to be done.
    End(Actor),
}

/// A leaf that is polled when its actor is.
#[derive(Clone, Copy, Debug)]
pub(super) struct Node<'s> {
    pub(super) actor: Actor,
    pub(super) leaf: &'s Leaf,
    /// Its number among the leaves of the actor.
    pub(super) number: usize,
    pub(super) resource: Option<usize>,
}

/// What a vertex stands for.
#[derive(Clone, Copy, Debug)]
pub(super) enum Is {
    /// A polled leaf.
    Leaf(SmallIndex),
    /// An async function of an actor, with what it holds.
    Frame {
        /// Whether it is polled when the actor is.
        polled: bool,
    },
    /// A shared value or a static, with what it holds.
    Scope,
    /// An actor as a whole: it is live as soon as one of its outermost futures is.
    Actor,
    /// Something that is waited for.
    Resource(SmallIndex),
}

/// The vertex that it leads to, and how in the lowest two bits: there are many edges.
#[derive(Clone, Copy, Debug)]
pub(super) struct Edge(u32);

impl Edge {
    fn new(to: Vertex, by: By) -> Self {
        let to = u32::try_from(to << 2).expect("fewer than a billion vertices");
        Self(to | by as u32)
    }

    /// The vertex that it leads to.
    pub(super) fn to(self) -> Vertex {
        (self.0 >> 2) as Vertex
    }

    pub(super) fn by(self) -> By {
        let all = [By::Moving, By::Cancelling, By::Reaching];
        let by = all.into_iter().find(|by| *by as u32 == self.0 & 3);
        by.expect("made of one of these")
    }

    /// Whether what it leads to waits because what it leads from does not move.
    pub(super) fn is_cause(self) -> bool {
        self.by() == By::Moving
    }
}

/// How an edge leads to what can move.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum By {
    /// What it leads from moves.
    Moving,
    /// It drops what waits: a caller drops a future, or a handle aborts a task.
    Cancelling,
    /// It could reach a static, as all code can.
    Reaching,
}

/// A value that handles share, or the queue of a channel, and in which there are other handles.
#[derive(Debug)]
struct Value<'s> {
    vertex: Vertex,
    /// It is the queue of a channel, and only its receivers take what is in there: so many.
    receivers: Option<u64>,
    /// Futures in it that somebody may poll.
    has_futures: bool,
    /// The handles by which what is in it is reached.
    owners: Vec<Held<'s>>,
    /// There are more of those than exist, and which of them were dropped is not known.
    is_ambiguous: bool,
    search: Search,
}

/// Why a vertex does not depend on others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Seed {
    /// It runs, or something outside the program can wake it.
    Live(Activity),
    /// A timer of a `timeout` that fires at this time.
    Timeout(u64),
    /// What could wake it is not known.
    Unknown(Doubt),
}

/// What is live by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Activity {
    /// It runs, or is about to.
    Runs,
    /// It waits for a socket, a pipe, a process or a signal.
    Outside,
    /// It waits for a timer.
    Timer,
    /// A closure on a thread of a blocking pool.
    BlockingTask,
}

/// Somebody who is live, and why.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Live {
    /// Why.
    pub activity: Activity,
    /// Who.
    pub actor: Actor,
    /// The number of the leaf that may be woken. `None` if the actor moves by itself.
    pub leaf: Option<usize>,
}

/// What is not known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Doubt {
    /// A count says that a holder exists that was not found, or may be another one than was found.
    Holder,
    /// A task has more wakers than its futures explain.
    Waker,
    /// A future is not understood.
    Future,
}

pub(super) struct Graph<'s> {
    pub(super) snapshot: &'s Snapshot,
    pointers: Pointers<'s>,
    freed: MaybeFreed,
    /// What else has the address of each object that was searched for. `None` if it is not known.
    others: RefCell<HashMap<ObjectId, Option<Vec<Vertex>>>>,
    pub(super) nodes: Vec<Node<'s>>,
    pub(super) resources: Vec<Resource<'s>>,
    pub(super) vertices: Vec<Is>,
    edges: Edges<Edge>,
    pub(super) seeds: Vec<(Vertex, Seed)>,
    /// In the order of [`Actor::all`].
    scopes: Vec<Scopes>,
    /// By the addresses of the outermost objects.
    values: HashMap<Address, Value<'s>>,
    /// The outermost objects of those that are in values.
    roots: HashMap<ObjectId, Address>,
    value_vertices: HashMap<ObjectId, Vertex>,
    /// Made when an actor is looked up.
    by_address: OnceCell<HashMap<Address, Actor>>,
    /// The handles to abort each task that were found, by their addresses.
    abort_handles: HashMap<Address, HashSet<Address>>,
    /// Shared values of which a search of memory could tell who reaches them.
    pub(super) unsearched: BTreeSet<ObjectId>,
    /// Threads that only watch the program: what they wait for themselves is no part of it.
    watchers: HashSet<u32>,
    /// The objects that are task groups.
    groups: HashMap<Address, ObjectId>,
}

/// The vertices of an actor: itself, and then its frames.
#[derive(Clone, Copy)]
pub(super) struct Scopes {
    pub(super) whole: Vertex,
    frames: usize,
}

impl Scopes {
    /// The vertex of a frame, or of the actor for a leaf outside of all frames.
    pub(super) fn of(self, frame: Option<FrameIndex>) -> Vertex {
        let frame = frame.map(|it| it.0 as usize);
        let frame = frame.filter(|frame| *frame < self.frames);
        frame.map_or(self.whole, |frame| self.whole + 1 + frame)
    }

    fn all(self) -> RangeInclusive<Vertex> {
        self.whole..=self.whole + self.frames
    }
}

impl<'s> Graph<'s> {
    pub(super) fn of(snapshot: &'s Snapshot, motion: &Motion) -> Self {
        // There may be millions, and lists that grow leave gaps in memory. Room that is not used takes none.
        let futures = || Actor::all(snapshot).filter_map(|actor| actor.futures(snapshot));
        let frames: usize = futures().map(|futures| futures.frames.len()).sum();
        let leaves: usize = futures().map(|futures| futures.leaves.len()).sum();
        let actors = Actor::all(snapshot).count();
        let mut graph = Self {
            snapshot,
            pointers: Pointers::of(snapshot),
            freed: MaybeFreed::default(),
            others: RefCell::default(),
            nodes: Vec::with_capacity(leaves),
            resources: Vec::new(),
            vertices: Vec::with_capacity(actors + frames + 2 * leaves + snapshot.objects.len()),
            edges: Edges::with_capacity(4 * (frames + leaves)),
            seeds: Vec::new(),
            scopes: Vec::with_capacity(actors),
            values: HashMap::default(),
            roots: HashMap::default(),
            value_vertices: HashMap::default(),
            by_address: OnceCell::new(),
            abort_handles: HashMap::default(),
            unsearched: BTreeSet::new(),
            watchers: threads::watchers(snapshot),
            groups: groups::of(snapshot),
        };
        for actor in Actor::all(snapshot) {
            graph.add_actor(actor);
        }
        let objects = graph.objects();
        let waits = Waits::of(snapshot);
        for actor in Actor::all(snapshot) {
            graph.add_cancellation(actor);
        }
        graph.lead_to_values(&objects);
        for actor in Actor::all(snapshot) {
            if !graph.is_beside(actor) {
                graph.seed_actor(actor, motion);
                graph.add_leaves(actor, &objects, &waits);
            }
        }
        graph.add_pools();
        graph.edges.sort(graph.vertices.len());
        graph
    }

    /// Whether what an actor does changes nothing for the program: it only watches, or looks after a library.
    fn is_beside(&self, actor: Actor) -> bool {
        match actor {
            Actor::BlockOn(index) => {
                let thread = self.snapshot.block_ons[index].thread;
                self.watchers.contains(&thread)
            }
            Actor::Task(index) => libraries::is_upkeep(self.snapshot, &self.snapshot.tasks[index]),
            Actor::Blocking(_) => false,
        }
    }

    fn actor_at(&self, address: Address) -> Option<Actor> {
        let by_address = || actor::by_address(self.snapshot);
        self.by_address
            .get_or_init(by_address)
            .get(&address)
            .copied()
    }

    fn add(&mut self, is: Is) -> Vertex {
        self.vertices.push(is);
        self.vertices.len() - 1
    }

    fn lead(&mut self, from: Vertex, to: Vertex) {
        let by = By::Moving;
        self.edges.add(from, Edge::new(to, by));
    }

    fn cancel(&mut self, from: Vertex, to: Vertex) {
        let by = By::Cancelling;
        self.edges.add(from, Edge::new(to, by));
    }

    /// The edges that lead from a vertex.
    pub(super) fn edges(&self, from: Vertex) -> &[Edge] {
        self.edges.from(from)
    }

    pub(super) fn scopes(&self, actor: Actor) -> Scopes {
        let number = match actor {
            Actor::BlockOn(index) => index,
            Actor::Task(index) => self.snapshot.block_ons.len() + index,
            Actor::Blocking(index) => {
                self.snapshot.block_ons.len() + self.snapshot.tasks.len() + index
            }
        };
        self.scopes[number]
    }

    /// The actors of which this is true as a whole.
    pub(super) fn actors_that(&self, is_so: impl Fn(Vertex) -> bool) -> Vec<Actor> {
        let actors = Actor::all(self.snapshot);
        actors
            .filter(|actor| is_so(self.scopes(*actor).whole))
            .collect()
    }

    /// Whether a frame is polled when the actor is. What is outside of all frames is.
    fn is_polled(&self, scope: Vertex) -> bool {
        !matches!(self.vertices[scope], Is::Frame { polled: false })
    }

    /// The actor's frames, and how they lead to each other.
    fn add_actor(&mut self, actor: Actor) {
        let frames = actor
            .futures(self.snapshot)
            .map_or(&[][..], |it| &it.frames);
        let mut scopes = Scopes {
            whole: self.add(Is::Actor),
            frames: 0,
        };
        for frame in frames {
            let above = scopes.of(frame.parent);
            let polled = frame.held_in.is_none() && self.is_polled(above);
            let vertex = self.add(Is::Frame { polled });
            if polled {
                self.lead(vertex, above);
                self.cancel(above, vertex);
            } else {
                // The caller may poll it again, or drop it.
                self.lead(above, vertex);
            }
            scopes.frames += 1;
        }
        self.scopes.push(scopes);
    }

    /// The handles of all objects, and who reaches what is in those.
    fn objects(&mut self) -> Objects<'s> {
        let mut objects = Objects::of(self.snapshot);
        self.freed = MaybeFreed::of(self.snapshot, &objects, &self.pointers);
        self.add_values(&objects);
        let mut of_statics = Vec::new();
        self.held_by_statics(&mut of_statics);
        for actor in Actor::all(self.snapshot) {
            let scopes = self.scopes(actor);
            let held = actor.handles(self.snapshot);
            let held = held.map(|(handle, frame)| Held {
                handle,
                keeper: Keeper::Actor(actor, frame),
                maybe_dropped: handle.maybe_dropped,
                scope: scopes.of(frame),
            });
            self.add_held(held, &mut objects);
        }
        for (id, object) in (0..).map(ObjectId).zip(&self.snapshot.objects) {
            if let Some(root) = self.roots.get(&id) {
                let scope = self.values[root].vertex;
                let handles = handles_in(&object.handles, &object.futures);
                let is_freed = self.freed.contains(id);
                let held = handles.map(|handle| Held {
                    handle,
                    keeper: Keeper::Value(id),
                    maybe_dropped: handle.maybe_dropped || is_freed,
                    scope,
                });
                self.add_held(held, &mut objects);
            }
        }
        self.add_held(of_statics.into_iter(), &mut objects);
        objects
    }

    fn add_held(&mut self, all: impl Iterator<Item = Held<'s>>, objects: &mut Objects<'s>) {
        for held in all {
            objects.add(held);
            self.add_owner(held, objects);
            self.add_abort(held);
        }
    }

    /// The vertices of values in which something is held, and of buffers.
    fn add_values(&mut self, objects: &Objects<'s>) {
        for (id, object) in (0..).map(ObjectId).zip(&self.snapshot.objects) {
            if object.is_buffer {
                let vertex = self.add(Is::Scope);
                self.value_vertices.insert(id, vertex);
            }
            let has_futures = may_move(&object.futures);
            if handles_in(&object.handles, &object.futures)
                .next()
                .is_none()
                && !has_futures
            {
                continue;
            }
            let root = objects.root(id);
            self.roots.insert(id, root);
            if !self.values.contains_key(&root) {
                let vertex = self.add(Is::Scope);
                let value = Value {
                    vertex,
                    receivers: objects.receivers(id),
                    has_futures: false,
                    owners: Vec::new(),
                    is_ambiguous: false,
                    search: Search::Vain,
                };
                self.values.insert(root, value);
            }
            if let Some(value) = self.values.get_mut(&root) {
                value.has_futures |= has_futures;
                self.value_vertices.insert(id, value.vertex);
            }
        }
    }

    /// Whoever moves can use a static, and so can threads of the program.
    fn held_by_statics(&mut self, all: &mut Vec<Held<'s>>) {
        let snapshot = self.snapshot;
        if snapshot.statics.is_empty() {
            return;
        }
        let code = self.add(Is::Scope);
        let by = By::Reaching;
        for scopes in &self.scopes {
            self.edges.add(scopes.whole, Edge::new(code, by));
        }
        let mut threads = snapshot.threads.iter();
        let has_others = snapshot.threads.is_empty() || threads.any(threads::is_other);
        if has_others {
            self.seeds.push((code, Seed::Unknown(Doubt::Holder)));
        }
        for (number, it) in snapshot.statics.iter().enumerate() {
            let scope = self.add(Is::Scope);
            self.edges.add(code, Edge::new(scope, by));
            if may_move(&it.futures) {
                self.seeds.push((scope, Seed::Unknown(Doubt::Holder)));
            }
            let handles = handles_in(&it.handles, &it.futures);
            all.extend(handles.map(|handle| Held {
                handle,
                keeper: Keeper::Static(number),
                maybe_dropped: handle.maybe_dropped,
                scope,
            }));
        }
    }

    /// By a handle, what is in the value that it refers to is reached.
    fn add_owner(&mut self, held: Held<'s>, objects: &Objects<'s>) {
        let root = objects.root(held.handle.object);
        let Some(value) = self.values.get_mut(&root) else {
            return;
        };
        if value.receivers.is_some() && !channels::is_receiver(held.handle.kind) {
            return;
        }
        value.owners.push(held);
    }

    /// A handle of a task can abort it.
    fn add_abort(&mut self, held: Held<'s>) {
        let kind = held.handle.kind;
        if !matches!(kind, HandleKind::JoinHandle | HandleKind::AbortHandle) {
            return;
        }
        let task = self.snapshot[held.handle.object].address;
        if let Some(actor @ Actor::Task(_)) = self.actor_at(task) {
            self.cancel(held.scope, self.scopes(actor).whole);
        }
        let is_certain = !matches!(held.keeper, Keeper::Static(_)) && !held.maybe_dropped;
        if kind == HandleKind::AbortHandle && is_certain {
            let found = self.abort_handles.entry(task).or_default();
            found.insert(held.handle.address);
        }
    }

    /// Those who own a value lead to what is in it. Who they are is not known where its count says that there are
    /// others, unless a search of memory found none, or where a future in it may be polled by somebody.
    fn lead_to_values(&mut self, objects: &Objects<'s>) {
        let mut values = std::mem::take(&mut self.values);
        let mut owned = Vec::new();
        for (root, value) in &mut values {
            let found = if value.receivers.is_some() {
                Found::of(value.owners.clone(), value.receivers)
            } else {
                let handles = objects.handles_at(*root);
                flags::tokens(&handles, objects).unwrap_or_else(|| shared(handles, objects))
            };
            let (search, others) = self.search(*root, found.reconciled, objects);
            value.search = search;
            value.is_ambiguous = found.reconciled == Reconciled::Ambiguous;
            owned.extend(
                others
                    .iter()
                    .map(|from| (*from, value.vertex, By::Reaching)),
            );
            let is_counted = found.reconciled == Reconciled::All;
            if is_counted {
                let is_one = |held: &Held<'_>| is_strong(held.handle) && held.maybe_dropped;
                value.owners.retain(|held| !is_one(held));
            }
            let is_known = is_counted || search == Search::Done;
            if let (false, Search::Open(object)) = (is_known, search) {
                self.unsearched.insert(object);
            }
            if value.has_futures || !is_known {
                let doubt = Seed::Unknown(Doubt::Holder);
                self.seeds.push((value.vertex, doubt));
            }
            let to = value.vertex;
            owned.extend(value.owners.iter().map(|held| (held.scope, to, By::Moving)));
        }
        self.values = values;
        for (id, object) in (0..).map(ObjectId).zip(&self.snapshot.objects) {
            if object.is_buffer {
                let to = self.value_vertices[&id];
                if let Some(others) = self.others(id, objects) {
                    owned.extend(others.iter().map(|from| (*from, to, By::Reaching)));
                } else {
                    self.unsearched.insert(id);
                    self.seeds.push((to, Seed::Unknown(Doubt::Holder)));
                }
            }
        }
        // The values are in no order.
        owned.sort_unstable();
        for (from, to, by) in owned {
            self.edges.add(from, Edge::new(to, by));
        }
    }

    /// What has to be known of who could bring these about: of the resources themselves, and of the shared values that
    /// their holders are in.
    pub(super) fn searches(&self, resources: &[usize]) -> Vec<Search> {
        let resources = || resources.iter().map(|it| &self.resources[*it]);
        let mut searches: Vec<Search> = resources().map(|it| it.search).collect();
        let mut seen = HashSet::default();
        let of_value = |held: &Held<'s>| match held.keeper {
            Keeper::Value(object) => Some(object),
            Keeper::Actor(..) | Keeper::Static(_) => None,
        };
        let sources = resources().flat_map(|resource| &resource.sources);
        let sources = sources.filter_map(|source| match source {
            Source::Handle(held) => of_value(held),
            Source::Granted { .. } | Source::End(_) => None,
        });
        let mut open: Vec<ObjectId> = sources.collect();
        while let Some(object) = open.pop() {
            let root = self.root(object).filter(|root| seen.insert(*root));
            let Some(root) = root else { continue };
            let value = &self.values[&root];
            searches.push(value.search);
            open.extend(value.owners.iter().filter_map(of_value));
        }
        searches
    }

    /// Where the shared value is that an object is in.
    pub(super) fn root(&self, object: ObjectId) -> Option<Address> {
        self.roots.get(&object).copied()
    }

    /// Those by whom a value is reached in the end: actors and statics, each once.
    pub(super) fn owners(&self, object: ObjectId) -> Vec<Held<'s>> {
        let mut owners: Vec<Held<'s>> = Vec::new();
        let mut places = HashMap::default();
        let mut seen = HashSet::default();
        let mut open = vec![object];
        while let Some(object) = open.pop() {
            let Some(root) = self.roots.get(&object).filter(|it| seen.insert(**it)) else {
                continue;
            };
            let value = &self.values[root];
            for held in &value.owners {
                let held = Held {
                    maybe_dropped: held.maybe_dropped && value.is_ambiguous,
                    ..*held
                };
                let key = match held.keeper {
                    Keeper::Value(object) => {
                        open.push(object);
                        continue;
                    }
                    Keeper::Actor(actor, _) => Keeper::Actor(actor, None),
                    Keeper::Static(number) => Keeper::Static(number),
                };
                let place = *places.entry(key).or_insert(owners.len());
                match owners.get_mut(place) {
                    Some(known) if known.maybe_dropped && !held.maybe_dropped => *known = held,
                    Some(_) => {}
                    None => owners.push(held),
                }
            }
        }
        owners
    }

    /// Whether a handle is in the queue of a channel.
    pub(super) fn is_queued(&self, object: ObjectId) -> bool {
        let value = self.roots.get(&object).map(|root| &self.values[root]);
        value.is_some_and(|value| value.receivers.is_some())
    }

    /// The end of a set of tasks aborts them, and so does whoever waits for the end of one.
    fn add_cancellation(&mut self, actor: Actor) {
        let Some(futures) = actor.futures(self.snapshot) else {
            return;
        };
        let mut aborts: Vec<(Vertex, Address)> = Vec::new();
        let scopes = self.scopes(actor);
        for leaf in &futures.leaves {
            if let WaitsFor::Task { task } = leaf.waits_for {
                aborts.push((scopes.of(leaf.frame), task));
            }
        }
        for (from, task) in aborts {
            if let Some(actor @ Actor::Task(_)) = self.actor_at(task) {
                self.cancel(from, self.scopes(actor).whole);
            }
        }
    }

    /// Who is live by itself, and the vertex that says so.
    pub(super) fn live(&self) -> BTreeMap<Live, Vertex> {
        let mut live = BTreeMap::new();
        let leaves = self.seeds.iter().filter_map(|(vertex, seed)| {
            let activity = match seed {
                Seed::Live(activity) => *activity,
                Seed::Timeout(_) => Activity::Timer,
                Seed::Unknown(_) => return None,
            };
            match self.vertices[*vertex] {
                Is::Leaf(index) => {
                    let node = &self.nodes[usize::from(index)];
                    let live = Live {
                        activity,
                        actor: node.actor,
                        leaf: Some(node.number),
                    };
                    Some((live, *vertex))
                }
                _ => None,
            }
        });
        live.extend(leaves);
        let actors = Actor::all(self.snapshot);
        let wholes: HashMap<Vertex, Actor> = actors.map(|it| (self.scopes(it).whole, it)).collect();
        live.extend(self.seeds.iter().filter_map(|(vertex, seed)| {
            let Seed::Live(activity) = *seed else {
                return None;
            };
            let live = Live {
                activity,
                actor: *wholes.get(vertex)?,
                leaf: None,
            };
            Some((live, *vertex))
        }));
        live
    }

    /// The vertices from which something leads to this one.
    pub(super) fn leading_to(&self, vertex: Vertex) -> Vec<bool> {
        let vertices = self.vertices.len();
        let mut back: Edges<SmallIndex> = Edges::default();
        for from in 0..vertices {
            for edge in self.edges(from) {
                back.add(edge.to(), from.into());
            }
        }
        back.sort(vertices);
        reachable(vertices, [vertex], |to| {
            back.from(to).iter().copied().map(Vertex::from)
        })
    }

    fn abort_handles(&self, task: &Task) -> u64 {
        let found = self.abort_handles.get(&task.address);
        found.map_or(0, |found| found.len() as u64)
    }

    /// Actors that move by themselves.
    fn seed_actor(&mut self, actor: Actor, motion: &Motion) {
        let snapshot = self.snapshot;
        let seed = match actor {
            Actor::Task(index) => {
                let task = &snapshot.tasks[index];
                let moves = task.changed || motion.tasks.contains(&index);
                let has_ended = task.state.lifecycle == Lifecycle::Complete;
                let rests = task.state.lifecycle == Lifecycle::Idle && !task.state.notified;
                if has_ended && !moves {
                    // Its handle keeps it. Who awaits that is live: see `end_of`.
                    None
                } else if !rests || moves || task.state.cancelled {
                    Some(Seed::Live(Activity::Runs))
                } else if wakers(&task.state) > explained(&task.futures) + self.abort_handles(task)
                {
                    Some(Seed::Unknown(Doubt::Waker))
                } else {
                    None
                }
            }
            Actor::BlockOn(index) => {
                let block_on = &snapshot.block_ons[index];
                if block_on.polled || block_on.changed || motion.block_ons.contains(&index) {
                    Some(Seed::Live(Activity::Runs))
                } else if block_on.wakers.map_or_else(
                    || snapshot.may_poll_more(&block_on.futures),
                    |wakers| wakers > explained(&block_on.futures),
                ) {
                    Some(Seed::Unknown(Doubt::Waker))
                } else {
                    None
                }
            }
            Actor::Blocking(index) => match snapshot.blocking_tasks[index].state {
                BlockingState::Running { thread } => {
                    let mut block_ons = snapshot.block_ons.iter();
                    let inner = block_ons.position(|it| Some(it.thread) == thread);
                    if let Some(inner) = inner {
                        let from = self.scopes(Actor::BlockOn(inner)).whole;
                        let to = self.scopes(actor).whole;
                        self.lead(from, to);
                        None
                    } else {
                        Some(Seed::Live(Activity::BlockingTask))
                    }
                }
                BlockingState::Queued => None,
            },
        };
        let Some(seed) = seed else { return };
        // Where in it something moves is not known.
        let scopes = self.scopes(actor);
        self.seeds.extend(scopes.all().map(|vertex| (vertex, seed)));
    }

    fn add_leaves(&mut self, actor: Actor, objects: &Objects<'s>, waits: &Waits) {
        let snapshot = self.snapshot;
        let Some(futures) = actor.futures(snapshot) else {
            return;
        };
        let unwakeable = matches!(actor, Actor::Task(index) if {
            let task = &snapshot.tasks[index];
            task.state.lifecycle == Lifecycle::Idle && wakers(&task.state) == 0
        });
        for (number, leaf) in futures.leaves.iter().enumerate() {
            let to = self.scopes(actor).of(leaf.frame);
            if leaf.held_in.is_some() || !self.is_polled(to) {
                continue;
            }
            let index = self.nodes.len();
            let vertex = self.add(Is::Leaf(index.into()));
            self.lead(vertex, to);
            self.nodes.push(Node {
                actor,
                leaf,
                number,
                resource: None,
            });
            let resource = if unwakeable && leaf.waits_for != WaitsFor::Never {
                Some(self.dead_end(ResourceKind::Waker, leaf.address))
            } else {
                self.wait(actor, leaf, vertex, objects, waits)
            };
            if let Some(resource) = resource {
                self.nodes[index].resource = Some(resource);
                self.lead(self.resources[resource].vertex, vertex);
            }
        }
    }

    /// What a leaf waits for. `None` if it is not something that an actor brings about.
    fn wait(
        &mut self,
        actor: Actor,
        leaf: &Leaf,
        vertex: Vertex,
        objects: &Objects<'s>,
        waits: &Waits,
    ) -> Option<usize> {
        if let Some((kind, address)) = ResourceKind::of(&leaf.waits_for) {
            if kind == ResourceKind::Permits(PermitKind::Connection) {
                self.end_by_holders(address, vertex, objects);
            }
            return Some(self.resource(kind, address, objects, waits));
        }
        match leaf.waits_for {
            WaitsFor::Never => Some(self.dead_end(ResourceKind::Never, leaf.address)),
            WaitsFor::Group { group, .. } => {
                self.end_by_holders(group, vertex, objects);
                None
            }
            // It only gives up. Whoever can close the pool is told where it waits for a connection.
            WaitsFor::Notify {
                of: NotifyKind::PoolClosed,
                ..
            } => None,
            WaitsFor::Timer {
                deadline_ns,
                of_timeout,
            } => {
                let seed = if of_timeout {
                    Seed::Timeout(deadline_ns)
                } else {
                    Seed::Live(Activity::Timer)
                };
                self.seeds.push((vertex, seed));
                None
            }
            WaitsFor::Io { .. } | WaitsFor::Signal => {
                self.seeds.push((vertex, Seed::Live(Activity::Outside)));
                None
            }
            _ => {
                self.seeds.push((vertex, Seed::Unknown(Doubt::Future)));
                // What it is not known to wait for may be in it, beside the rest of its function.
                let scope = self.scopes(actor).of(leaf.frame);
                self.seeds.push((scope, Seed::Unknown(Doubt::Future)));
                None
            }
        }
    }

    /// Something that nothing brings about.
    fn dead_end(&mut self, kind: ResourceKind, address: Address) -> usize {
        self.add_resource(Resource {
            kind,
            address,
            vertex: 0,
            sources: Vec::new(),
            count: None,
            reconciled: Reconciled::All,
            search: Search::Needless,
        })
    }

    fn add_resource(&mut self, resource: Resource<'s>) -> usize {
        let index = self.resources.len();
        let vertex = self.add(Is::Resource(index.into()));
        for source in &resource.sources {
            let from = match source {
                Source::Handle(held) => held.scope,
                Source::Granted { actor, leaf } => {
                    let futures = actor.futures(self.snapshot);
                    let frame = futures.and_then(|it| it.leaves.get(*leaf)?.frame);
                    self.scopes(*actor).of(frame)
                }
                Source::End(actor) => self.scopes(*actor).whole,
            };
            self.lead(from, vertex);
        }
        self.resources.push(Resource { vertex, ..resource });
        index
    }

    fn resource(
        &mut self,
        kind: ResourceKind,
        address: Address,
        objects: &Objects<'s>,
        waits: &Waits,
    ) -> usize {
        // Receivers of a watch channel wait at one of several places in it.
        let address = match kind {
            ResourceKind::Watch | ResourceKind::WatchClosed | ResourceKind::Barrier => {
                objects.start_of(address).unwrap_or(address)
            }
            _ => address,
        };
        if let Some(known) = waits.resources.borrow().get(&(side(kind), address)) {
            return *known;
        }
        let found = match kind {
            ResourceKind::Task => self.end_of(address),
            ResourceKind::LocalSet => self.tasks_of(address),
            ResourceKind::Group => self.members_of(address),
            _ => Self::holders(kind, address, objects, waits),
        };
        let (search, others) = match kind {
            ResourceKind::Task => (Search::Needless, Vec::new()),
            ResourceKind::Group if found.reconciled == Reconciled::All => {
                (Search::Needless, Vec::new())
            }
            ResourceKind::LocalSet | ResourceKind::Group => (Search::Vain, Vec::new()),
            _ => self.search(address, found.reconciled, objects),
        };
        let doubtful = search != Search::Done
            && match found.reconciled {
                Reconciled::All => false,
                // A guard that borrows its lock does not leave its task.
                Reconciled::AllIfNoneDropped => !found.borrows,
                Reconciled::Missing(_) | Reconciled::Ambiguous | Reconciled::Uncounted => true,
            };
        // The I/O driver uses it when a signal comes.
        let signals = found.sources.iter().any(|source| {
            matches!(source, Source::Handle(Held { keeper: Keeper::Static(number), .. })
                if self.snapshot.statics[*number].of_signal_driver)
        });
        let index = self.add_resource(Resource {
            kind,
            address,
            vertex: 0,
            sources: found.sources,
            count: found.count,
            reconciled: found.reconciled,
            search,
        });
        let vertex = self.resources[index].vertex;
        self.reach(&others, vertex);
        if found.has_come {
            self.seeds.push((vertex, Seed::Live(Activity::Runs)));
        } else if signals {
            self.seeds.push((vertex, Seed::Live(Activity::Outside)));
        } else if doubtful {
            if let Search::Open(object) = search {
                self.unsearched.insert(object);
            }
            self.seeds.push((vertex, Seed::Unknown(Doubt::Holder)));
        }
        let mut resources = waits.resources.borrow_mut();
        resources.insert((side(kind), address), index);
        index
    }

    /// What a search of memory says of who could use what is at an address, and who else has one than the holders that
    /// were found.
    fn search(
        &self,
        address: Address,
        reconciled: Reconciled,
        objects: &Objects<'s>,
    ) -> (Search, Vec<Vertex>) {
        let Some(object) = objects.shared_at(address) else {
            return (Search::Vain, Vec::new());
        };
        let open = (Search::Open(object), Vec::new());
        let Some(others) = self.others(object, objects) else {
            return open;
        };
        match reconciled {
            // One of those has it where its address is not seen.
            Reconciled::Missing(missing) if missing > others.len() as u64 => open,
            _ => (Search::Done, others),
        }
    }

    /// What else has an address of an object than its handles. `None` if memory was not searched for it, or it was
    /// found in something that is not known.
    fn others(&self, object: ObjectId, objects: &Objects<'s>) -> Option<Vec<Vertex>> {
        let vertex = |part: Part| match part {
            Part::Actor(actor) => Some(self.scopes(actor).whole),
            Part::Value(object) | Part::Buffer(object) => self.value_vertices.get(&object).copied(),
            Part::IdleStack => None,
        };
        let find = || {
            let places = self.pointers.places(object)?;
            // No handle refers to a buffer.
            let is_value = !self.snapshot[object].is_buffer;
            let handles = is_value.then(|| objects.handles_within(object));
            let handles = handles.into_iter().flatten();
            let parts = self.pointers.beside(places, handles, &self.freed)?;
            parts.into_iter().map(vertex).collect()
        };
        let mut known = self.others.borrow_mut();
        known.entry(object).or_insert_with(find).clone()
    }

    /// Whether a search of memory found an address of what is waited for in something that is not known.
    pub(super) fn finds_others(&self, resource: &Resource<'s>) -> bool {
        let Search::Open(object) = resource.search else {
            return false;
        };
        self.pointers.places(object).is_some()
    }

    /// Whoever of these moves could bring it about, though nobody waits for them to do so.
    fn reach(&mut self, from: &[Vertex], to: Vertex) {
        for from in from {
            self.edges.add(*from, Edge::new(to, By::Reaching));
        }
    }

    fn end_of(&self, task: Address) -> Found<'s> {
        let Some(actor) = self.actor_at(task) else {
            return Found::default();
        };
        let has_come = match actor {
            Actor::Task(index) => self.snapshot.tasks[index].state.lifecycle == Lifecycle::Complete,
            _ => false,
        };
        Found {
            sources: vec![Source::End(actor)],
            count: None,
            reconciled: Reconciled::All,
            has_come,
            borrows: false,
        }
    }

    fn tasks_of(&self, set: Address) -> Found<'s> {
        let tasks = self.snapshot.tasks.iter().enumerate();
        let runtime = |id| -> Address { self.snapshot.runtimes[id as usize].address };
        let own = tasks.filter(|(_, task)| task.runtime.is_some_and(|id| runtime(id.0) == set));
        let sources: Vec<_> = own
            .map(|(index, _)| Source::End(Actor::Task(index)))
            .collect();
        let reconciled = if sources.is_empty() {
            Reconciled::Uncounted
        } else {
            Reconciled::All
        };
        Found {
            sources,
            reconciled,
            ..Found::default()
        }
    }

    /// Who holds what could wake those that wait for it.
    fn holders(
        kind: ResourceKind,
        address: Address,
        objects: &Objects<'s>,
        waits: &Waits,
    ) -> Found<'s> {
        let handles = objects.handles_at(address);
        let of_kinds = |kinds: &[HandleKind]| {
            let is_one = |held: &&Held<'s>| kinds.contains(&held.handle.kind);
            handles.iter().filter(is_one).copied().collect::<Vec<_>>()
        };
        let counts = |kinds: &[HandleKind]| {
            let mut all = handles
                .iter()
                .filter(|held| kinds.contains(&held.handle.kind));
            all.next()
                .or_else(|| handles.first())
                .map(|held| *objects.counts(held))
        };
        match kind {
            ResourceKind::Message | ResourceKind::Broadcast => {
                let kinds = [
                    HandleKind::MpscSender,
                    HandleKind::MpscWeakSender,
                    HandleKind::ChannelSender,
                    HandleKind::ChannelWeakSender,
                    HandleKind::BroadcastSender,
                    HandleKind::BroadcastWeakSender,
                ];
                let senders = of_kinds(&kinds);
                let counts = handles.iter().map(|held| objects.counts(held));
                let counted = counts.clone().find_map(|counts| counts.senders);
                let weak = counts.clone().find_map(|counts| counts.weak_senders);
                let count = counted.map(|count| count + weak.unwrap_or(0));
                let mut found = Found::of(senders, count);
                found.has_come = counted == Some(0);
                let permits = of_kinds(&[HandleKind::MpscPermit]);
                found
                    .sources
                    .extend(permits.into_iter().map(Source::Handle));
                found
            }
            ResourceKind::Oneshot => {
                let senders = of_kinds(&[HandleKind::OneshotSender]);
                let counts = counts(&[HandleKind::OneshotReceiver, HandleKind::OneshotSender]);
                let count = counts.and_then(|it| it.strong?.checked_sub(1));
                let mut found = Found::of(senders, count);
                found.has_come = count == Some(0);
                found
            }
            ResourceKind::Watch | ResourceKind::Barrier => {
                let count = counts(&[]).and_then(|it| it.senders);
                let mut found = Found::of(of_kinds(&[HandleKind::WatchSender]), count);
                found.has_come = count == Some(0);
                found
            }
            ResourceKind::WatchClosed => {
                let count = counts(&[]).and_then(|it| it.receivers);
                let mut found = Found::of(of_kinds(&[HandleKind::WatchReceiver]), count);
                found.has_come = count == Some(0);
                found
            }
            ResourceKind::Event => {
                let waits = waits.events.get(&address).map_or(&[][..], |it| it);
                flags::event(&handles, objects, waits)
            }
            ResourceKind::Cancellation => flags::tokens(&handles, objects).unwrap_or_default(),
            ResourceKind::TaskTracker => flags::tracked(&handles, objects),
            ResourceKind::Room => channels::receivers(&handles, objects),
            ResourceKind::Bytes => channels::other_end(HandleKind::PipeWriter, &handles, objects),
            ResourceKind::PipeRoom => {
                channels::other_end(HandleKind::PipeReader, &handles, objects)
            }
            ResourceKind::Permits(_) => Self::permits(address, &handles, objects, waits),
            _ => shared(handles, objects),
        }
    }

    /// Who holds permits of a semaphore.
    fn permits(
        semaphore: Address,
        handles: &[Held<'s>],
        objects: &Objects<'s>,
        waits: &Waits,
    ) -> Found<'s> {
        let queue = waits.queues.get(&semaphore).map_or(&[][..], |it| it);
        let assigned: u64 = queue.iter().map(|it| it.assigned).sum();
        let available = queue.first().map_or(0, |it| it.available);
        // One that waits for more permits holds those that it has. One behind it waits for it where some are left.
        let granted = queue.iter().filter(|it| it.assigned > 0 || available > 0);
        let granted = granted.map(|it| Source::Granted {
            actor: it.actor,
            leaf: it.leaf,
        });
        let is_of_channel = |held: &Held<'_>| objects.is_channel(held.handle.object);
        let of = queue.first().map(|it| it.of);
        if handles.iter().any(is_of_channel) {
            let receivers = handles.iter().filter(|held| {
                matches!(
                    held.handle.kind,
                    HandleKind::MpscReceiver | HandleKind::MpscPermit
                )
            });
            let receivers: Vec<_> = receivers.copied().collect();
            let mut found = Found::of(receivers, Some(1));
            if found.reconciled == Reconciled::Ambiguous {
                // Permits are not counted, and may be there as well.
                found.reconciled = Reconciled::All;
            }
            found.count = None;
            found.sources.extend(granted);
            if waits.elsewhere.contains(&semaphore) {
                found.reconciled = Reconciled::Uncounted;
            }
            return found;
        }
        let mut guards: Vec<_> = handles
            .iter()
            .filter(|held| {
                matches!(
                    held.handle.kind,
                    HandleKind::MutexGuard
                        | HandleKind::RwLockReadGuard
                        | HandleKind::RwLockWriteGuard
                        | HandleKind::SemaphorePermit { .. }
                        | HandleKind::Connection
                )
            })
            .copied()
            .collect();
        if of == Some(PermitKind::OnceCell) {
            // The function that initializes it moves its one permit from one local to the next.
            guards.reverse();
            let mut keepers = HashSet::default();
            guards.retain(|held| keepers.insert(held.keeper));
        }
        let total = match of {
            Some(PermitKind::Mutex | PermitKind::OnceCell) => Some(1),
            Some(PermitKind::RwLockRead | PermitKind::RwLockWrite) => Some(MAX_READERS),
            Some(PermitKind::Connection) => {
                let mut counts = handles.iter().map(|held| objects.counts(held));
                counts.find_map(|counts| counts.connections)
            }
            _ => None,
        };
        let mut found = if let Some(total) = total {
            let weight = |held: &Held<'_>| match held.handle.kind {
                HandleKind::RwLockWriteGuard => total,
                _ => 1,
            };
            let sum = |maybe_dropped: bool| -> u64 {
                let some = guards.iter();
                let some = some.filter(|held| held.maybe_dropped == maybe_dropped);
                some.map(weight).sum()
            };
            let (certain, maybe_dropped) = (sum(false), sum(true));
            let held = total.saturating_sub(available).saturating_sub(assigned);
            let reconciled = reconcile(certain, maybe_dropped, Some(held));
            let mut found = Found::of(guards, None);
            found.borrows = found.sources.iter().all(|source| {
                let is_own = |held: &Held<'_>| held.keeper.actor().is_some();
                // Nobody but the cell has a permit of it.
                let borrows = |held: &Held<'_>| {
                    borrows(held) || of == Some(PermitKind::OnceCell) && !held.handle.owns
                };
                matches!(source, Source::Handle(held) if is_own(held) && borrows(held))
            });
            found.keep_certain(reconciled);
            let is_written = total == MAX_READERS && held == total;
            // Who writes has all permits.
            found.count = Some(if is_written { 1 } else { held });
            found
        } else {
            // Nothing tells how many permits it has, but only who has a handle of it can add or return some.
            let mut found = shared(handles.to_vec(), objects);
            let missing = guards.into_iter().filter(|guard| !is_strong(guard.handle));
            found.sources.extend(missing.map(Source::Handle));
            found
        };
        found.sources.extend(granted);
        found
    }

    /// Closures that wait for a thread of their pool.
    fn add_pools(&mut self) {
        let snapshot = self.snapshot;
        let mut pools = snapshot.runtimes.iter().enumerate();
        let mut pools_found = pools.by_ref().filter(|(_, it)| it.blocking_pool.is_some());
        let only = pools_found.next().filter(|_| pools_found.next().is_none());
        let only = only.map(|(index, _)| index);
        let mut by_pool: HashMap<Option<usize>, (Vec<usize>, Vec<usize>)> = HashMap::default();
        for (index, task) in snapshot.blocking_tasks.iter().enumerate() {
            let pool = task.runtime.map(|id| id.0 as usize).or(only);
            let (running, queued) = by_pool.entry(pool).or_default();
            match task.state {
                BlockingState::Running { .. } => running.push(index),
                BlockingState::Queued => queued.push(index),
            }
        }
        for (pool, (running, queued)) in by_pool {
            if queued.is_empty() {
                continue;
            }
            let pool = pool.and_then(|index| {
                let runtime = snapshot.runtimes.get(index)?;
                Some((runtime.address, runtime.blocking_pool?))
            });
            let is_full = pool.is_some_and(|(_, it)| {
                it.idle == Some(0) && it.threads.is_some() && it.threads >= it.limit
            });
            let sources = running.iter().map(|it| Source::End(Actor::Blocking(*it)));
            let resource = self.add_resource(Resource {
                kind: ResourceKind::PoolThread,
                address: pool.map_or(Address(0), |(address, _)| address),
                vertex: 0,
                sources: sources.collect(),
                count: Some(running.len() as u64),
                reconciled: Reconciled::All,
                search: Search::Needless,
            });
            let vertex = self.resources[resource].vertex;
            if !is_full {
                self.seeds.push((vertex, Seed::Live(Activity::Runs)));
            }
            for index in queued {
                let to = self.scopes(Actor::Blocking(index)).whole;
                self.lead(vertex, to);
            }
        }
    }
}

/// How many readers an `RwLock` admits, unless it was made for fewer. Then permits seem to be held that are not found,
/// so nothing is concluded.
const MAX_READERS: u64 = (u32::MAX >> 3) as u64;

/// What was found of those who could bring something about.
pub(super) struct Found<'s> {
    sources: Vec<Source<'s>>,
    count: Option<u64>,
    pub(super) reconciled: Reconciled,
    /// It has come about already, and who waits for it has only to be woken.
    pub(super) has_come: bool,
    /// All of them borrow what they hold.
    borrows: bool,
}

impl Default for Found<'_> {
    fn default() -> Self {
        Self {
            sources: Vec::new(),
            count: None,
            reconciled: Reconciled::Uncounted,
            has_come: false,
            borrows: false,
        }
    }
}

impl<'s> Found<'s> {
    pub(super) fn of(handles: Vec<Held<'s>>, count: Option<u64>) -> Self {
        let some = |maybe_dropped: bool| {
            let same = handles.iter();
            let same = same.filter(|held| held.maybe_dropped == maybe_dropped);
            same.count() as u64
        };
        let reconciled = reconcile(some(false), some(true), count);
        let mut found = Self {
            sources: handles.into_iter().map(Source::Handle).collect(),
            count,
            ..Self::default()
        };
        found.keep_certain(reconciled);
        found
    }

    /// Leaves out what must have been dropped.
    fn keep_certain(&mut self, reconciled: Reconciled) {
        self.reconciled = reconciled;
        if reconciled == Reconciled::All {
            self.sources
                .retain(|source| !matches!(source, Source::Handle(held) if held.maybe_dropped));
        }
    }
}

/// The holders of the `Arc` or `Rc` that something is in, of any kind: each can use all that is in it.
fn shared<'s>(mut handles: Vec<Held<'s>>, objects: &Objects<'s>) -> Found<'s> {
    let weak: Vec<_> = handles
        .iter()
        .filter(|held| held.handle.kind == HandleKind::Weak)
        .copied()
        .collect();
    let counts = handles.iter().map(|held| objects.counts(held));
    let count = counts.clone().find_map(|counts| counts.strong);
    let weak_count = counts.clone().find_map(|counts| counts.weak).unwrap_or(0);
    handles.retain(|held| is_strong(held.handle));
    let mut found = Found::of(handles, count);
    if found.reconciled == Reconciled::All && (weak.len() as u64) < weak_count {
        found.reconciled = Reconciled::Missing(weak_count - weak.len() as u64);
    }
    found.sources.extend(weak.into_iter().map(Source::Handle));
    found
}

/// The handles of a value or a closure, and those of the futures in it.
pub(super) fn handles_in<'s>(
    handles: &'s [Handle],
    futures: &'s AwaitTree,
) -> impl Iterator<Item = &'s Handle> {
    let of_frames = futures.frames.iter().flat_map(|frame| &frame.handles);
    handles.iter().chain(&futures.handles).chain(of_frames)
}

/// Whether futures in a value could do anything if somebody polled them: a socket alone does not.
fn may_move(futures: &AwaitTree) -> bool {
    let mut leaves = futures.leaves.iter();
    let is_socket = |leaf: &Leaf| matches!(leaf.waits_for, WaitsFor::Io { .. });
    !futures.frames.is_empty() || leaves.any(|leaf| !is_socket(leaf))
}

/// Locks to read and to write are one resource.
fn side(kind: ResourceKind) -> ResourceKind {
    match kind {
        ResourceKind::Permits(_) => ResourceKind::Permits(PermitKind::Other),
        kind => kind,
    }
}

/// Whether a leaf, and all functions around it, are awaited and not only held.
fn is_awaited(actor: Actor, leaf: &Leaf, snapshot: &Snapshot) -> bool {
    let futures = actor.futures(snapshot);
    let mut around = futures.into_iter().flat_map(|it| it.ancestors(leaf.frame));
    leaf.held_in.is_none() && around.all(|frame| frame.held_in.is_none())
}

/// Which futures queue at which semaphore, polled or not.
struct Waits {
    queues: HashMap<Address, Vec<Queued>>,
    /// Who waits for each event.
    events: HashMap<Address, Vec<Actor>>,
    /// Semaphores in whose queue there are futures of values, statics or closures.
    elsewhere: HashSet<Address>,
    resources: RefCell<HashMap<(ResourceKind, Address), usize>>,
}

struct Queued {
    actor: Actor,
    leaf: usize,
    of: PermitKind,
    assigned: u64,
    available: u64,
}

impl Waits {
    fn of(snapshot: &Snapshot) -> Self {
        let mut queues: HashMap<Address, Vec<Queued>> = HashMap::default();
        let mut events: HashMap<Address, Vec<Actor>> = HashMap::default();
        for actor in Actor::all(snapshot) {
            let leaves = actor.futures(snapshot).map_or(&[][..], |it| &it.leaves);
            for (index, leaf) in leaves.iter().enumerate() {
                if let WaitsFor::Notify {
                    notify,
                    of: NotifyKind::Event,
                } = leaf.waits_for
                    && is_awaited(actor, leaf, snapshot)
                {
                    events.entry(notify).or_default().push(actor);
                }
                if let WaitsFor::Permits {
                    of,
                    semaphore,
                    wanted,
                    missing: Some(missing),
                    queued: true,
                    available,
                } = leaf.waits_for
                {
                    queues.entry(semaphore).or_default().push(Queued {
                        actor,
                        leaf: index,
                        of,
                        assigned: wanted.saturating_sub(missing),
                        available,
                    });
                }
            }
        }
        let objects = snapshot.objects.iter().map(|it| &it.futures);
        let statics = snapshot.statics.iter().map(|it| &it.futures);
        let closures = snapshot.blocking_tasks.iter().map(|it| &it.futures);
        let elsewhere = objects.chain(statics).chain(closures);
        let leaves = elsewhere.flat_map(|futures| &futures.leaves);
        let elsewhere = leaves.filter_map(|leaf| match leaf.waits_for {
            WaitsFor::Permits { semaphore, .. } => Some(semaphore),
            _ => None,
        });
        Self {
            queues,
            events,
            elsewhere: elsewhere.collect(),
            resources: RefCell::default(),
        }
    }
}

/// How many wakers of a task exist by its count of references, handles to abort it included.
fn wakers(state: &TaskState) -> u64 {
    let others = 1 + u64::from(state.join_handle) + u64::from(state.notified);
    state.references.saturating_sub(others)
}

/// How many wakers the futures of a task account for at most: one for each that waits, two for I/O in both directions,
/// and none for one that has left no waker where it waits.
fn explained(futures: &AwaitTree) -> u64 {
    let leaves = futures.leaves.iter();
    leaves
        .filter(|leaf| leaf.registered != Some(false))
        .map(|leaf| match leaf.waits_for {
            WaitsFor::Io { .. } => 2,
            _ => 1,
        })
        .sum()
}
