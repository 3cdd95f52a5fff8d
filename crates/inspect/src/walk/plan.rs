//! What is read of a value of some type: offsets, compiled once.

use std::cell::RefCell;
use std::hash::Hash;
use std::sync::{Arc, OnceLock};

use foldhash::{HashMap, HashMapExt as _};

use super::containers;
use super::reach::{self, Purpose, Reach};
use crate::context::Context;
use crate::debug_info::{
    DebugInfo, Declaration, Declared, EntryId, Field, Kept, Kind, Path, Spot, Tag, Type, TypeId,
    Variant,
};
use crate::snapshot::{HandleKind, Local, LocalId, NameId, Origin, Place, PlaceId, Suspension};
use crate::tokio::channels::{self, ChannelLayout, QueueLayout};
use crate::tokio::flume;
use crate::tokio::futures_channel::{self, NodesLayout};
use crate::tokio::handles::{self, HandleLayout, TraitHandleLayout};
use crate::tokio::names::{self, Missing};
use crate::tokio::pipes;
use crate::tokio::sides::{self, Side, SideLayout};
use crate::tokio::waits::{self, WaitKind, WaitLayout, Within};
use crate::tokio::{own, util};
use crate::values::{RESULT, is_of_results};

/// What is read of a value.
pub(crate) enum Plan {
    /// Parts at fixed offsets.
    Parts(Box<[Part]>),
    /// A part that depends on the variant.
    Variants {
        tag: Tag,
        values: Box<[Option<u64>]>,
        parts: Box<[Option<Part>]>,
    },
    /// An async function or block.
    Coroutine(Arc<Coroutine>),
    /// What a thin pointer points to.
    Pointer(TypeId),
    /// What a trait object points to.
    TraitObject {
        pointer: u64,
        vtable: u64,
        name: NameId,
        /// By its name, it is a future or stream.
        polled: bool,
    },
    /// The elements of a slice behind a pointer.
    Slice {
        start: u64,
        length: u64,
        elements: Elements,
    },
    Array {
        count: u64,
        elements: Elements,
    },
    Vec {
        start: Path,
        length: Path,
        elements: Elements,
    },
    Deque {
        start: Path,
        head: Path,
        length: Path,
        capacity: Path,
        elements: Elements,
    },
    /// A `HashMap` or `HashSet`.
    Table(containers::Table),
    /// A `BTreeMap` or `BTreeSet`.
    Tree(containers::Tree),
    /// A part that is there once the state says so.
    Once {
        state: Path,
        set: u64,
        part: Part,
    },
    /// The messages of an mpsc channel.
    Queue(QueueLayout),
    /// The same of `futures-channel`.
    Nodes(NodesLayout),
    /// Linked lists of members.
    Set {
        heads: Vec<Path>,
        next: Path,
        member: Member,
        name: NameId,
        /// Where the waker of the task is that polls it.
        shared: Path,
    },
    Wait {
        layout: WaitLayout,
        ty: TypeId,
        size: u64,
        name: NameId,
    },
    Handle {
        layout: HandleLayout,
        shares: Shares,
    },
    /// An `Arc`, `Rc` or `Weak` of a trait object.
    TraitHandle(TraitHandleLayout),
}

/// What the object behind a handle is worth.
#[derive(Clone, Copy)]
pub(crate) struct Shares {
    pub(crate) name: NameId,
    /// It is a primitive, or contains one. Otherwise it is only worth noting for what is found in it.
    pub(crate) always: bool,
}

/// A part at an offset.
pub(crate) struct Part {
    pub(crate) offset: u64,
    pub(crate) plan: Arc<Plan>,
    /// The outermost field that it is in and that has a name of the program's own.
    pub(crate) field: Option<LocalId>,
}

/// What a member of a set holds. Its plan is looked up when a member is read, as sets may contain sets of the same
/// type.
pub(crate) struct Member {
    pub(crate) offset: u64,
    pub(crate) ty: TypeId,
}

#[derive(Clone, Copy)]
pub(crate) struct Elements {
    pub(crate) ty: TypeId,
    pub(crate) size: u64,
}

/// An async function or block.
pub(crate) struct Coroutine {
    pub(crate) ty: Arc<Type>,
    /// The path of the function.
    pub(crate) function: String,
    pub(crate) function_id: NameId,
    pub(crate) origin: Origin,
    /// What its name says of what it awaits.
    pub(crate) within: Within,
    lines: Lines,
    tag: Tag,
    values: Box<[Option<u64>]>,
    states: Box<[OnceLock<State>]>,
}

/// Where the function is.
struct Lines {
    file: String,
    first: u32,
    last: u32,
}

/// A state of an async function.
pub(crate) struct State {
    /// `None` if it has ended.
    pub(crate) suspension: Option<Suspension>,
    pub(crate) place: PlaceId,
    /// What it awaits.
    pub(crate) awaits: Option<Awaits>,
    /// Locals that may hold something.
    pub(crate) held: Box<[Held]>,
    /// Locals of the program's own that are, or have in them, results.
    pub(crate) results: Box<[HeldResult]>,
    /// Where it awaited results of tasks before, if no local of its own has any now.
    pub(crate) joined: Box<[PlaceId]>,
    /// The offsets of the flags that tell whether some local still has its value: 1 if it has.
    drop_flags: Box<[u64]>,
}

pub(crate) struct Awaits {
    pub(crate) offset: u64,
    pub(crate) size: u64,
    pub(crate) name: NameId,
    /// It is a `Timeout`, maybe in something else, or the scope of a task group, which may have a deadline.
    pub(crate) is_timeout: bool,
    /// `None` if nothing in it is understood.
    pub(crate) plan: Option<Arc<Plan>>,
}

pub(crate) struct Held {
    pub(crate) offset: u64,
    pub(crate) local: LocalId,
    pub(crate) plan: Arc<Plan>,
    /// A captured variable that was moved into a local of the same name.
    pub(crate) moved: bool,
    /// It is being awaited, so it was not dropped.
    pub(crate) awaited: bool,
}

pub(crate) struct HeldResult {
    pub(crate) offset: u64,
    pub(crate) local: LocalId,
    pub(crate) ty: TypeId,
}

/// Plans, and the tables that they refer to. They stay valid for as long as the program is the same.
#[derive(Default)]
pub(crate) struct Plans {
    reach: RefCell<Reach>,
    compiled: RefCell<HashMap<(TypeId, Purpose), OptionalPlan>>,
    coroutines: RefCell<HashMap<TypeId, Arc<Coroutine>>>,
    channels: RefCell<HashMap<TypeId, Option<Arc<ChannelLayout>>>>,
    names: RefCell<Table<String>>,
    places: RefCell<Table<Place>>,
    locals: RefCell<Table<Local>>,
}

/// `None` if nothing in the type matters.
type OptionalPlan = Option<Arc<Plan>>;

/// Entries without duplicates.
struct Table<T> {
    entries: Vec<T>,
    ids: HashMap<T, u32>,
}

impl<T> Default for Table<T> {
    fn default() -> Self {
        Self {
            entries: Vec::new(),
            ids: HashMap::new(),
        }
    }
}

impl<T: Clone + Eq + Hash> Table<T> {
    fn id(&mut self, entry: T) -> u32 {
        if let Some(id) = self.ids.get(&entry) {
            return *id;
        }
        let id = u32::try_from(self.entries.len()).unwrap_or(u32::MAX);
        self.entries.push(entry.clone());
        self.ids.insert(entry, id);
        id
    }
}

impl Plans {
    pub(crate) fn name(&self, name: &str) -> NameId {
        let mut names = self.names.borrow_mut();
        let known = names.ids.get(name).copied();
        NameId(known.unwrap_or_else(|| names.id(name.to_owned())))
    }

    /// How to read the state of a channel. `None` if the type is no channel.
    pub(super) fn channel(&self, context: &Context<'_>, ty: TypeId) -> Option<Arc<ChannelLayout>> {
        let new = || {
            let whole = Spot::whole(context.debug.ty(ty));
            let layout = context.found(ChannelLayout::new(context.debug, &whole));
            layout.flatten().map(Arc::new)
        };
        let mut channels = self.channels.borrow_mut();
        channels.entry(ty).or_insert_with(new).clone()
    }

    /// A local without a name.
    pub(super) fn unnamed(&self, context: &Context<'_>, ty: TypeId) -> LocalId {
        let local = Local {
            name: None,
            type_name: self.name(&context.debug.ty(ty).name),
        };
        LocalId(self.locals.borrow_mut().id(local))
    }

    /// The path of the function that a closure is in, with `{closure}` at its end.
    pub(crate) fn closure_name(&self, closure: &Type) -> NameId {
        self.name(&function_path(closure, None))
    }

    /// Copies of the tables: names, places, locals.
    pub(crate) fn tables(&self) -> (Vec<String>, Vec<Place>, Vec<Local>) {
        (
            self.names.borrow().entries.clone(),
            self.places.borrow().entries.clone(),
            self.locals.borrow().entries.clone(),
        )
    }

    /// What to read to see what a value of this type awaits. `None` if nothing in it matters.
    pub(crate) fn awaiting(&self, context: &Context<'_>, ty: TypeId) -> Option<Arc<Plan>> {
        self.plan(context, ty, Purpose::Await)
    }

    /// What to read to see what a value of this type holds. `None` if nothing in it matters.
    pub(crate) fn holding(&self, context: &Context<'_>, ty: TypeId) -> Option<Arc<Plan>> {
        self.plan(context, ty, Purpose::Hold)
    }

    /// What to read of a value of this type. `None` if nothing in it matters.
    pub(super) fn plan(
        &self,
        context: &Context<'_>,
        ty: TypeId,
        purpose: Purpose,
    ) -> Option<Arc<Plan>> {
        if let Some(plan) = self.compiled.borrow().get(&(ty, purpose)) {
            return plan.clone();
        }
        let matters = self.reach.borrow_mut().matters(context.debug, ty, purpose);
        let plan = if matters {
            self.compile(context, &context.debug.ty(ty), purpose)
                .map(Arc::new)
        } else {
            None
        };
        self.compiled
            .borrow_mut()
            .insert((ty, purpose), plan.clone());
        plan
    }

    fn compile(&self, context: &Context<'_>, ty: &Arc<Type>, purpose: Purpose) -> Option<Plan> {
        let debug = context.debug;
        if ty.is_coroutine() {
            return Some(Plan::Coroutine(self.coroutine(context, ty)));
        }
        let whole = Spot::whole(ty.clone());
        if let Some(plan) = self.sides(context, &whole, purpose) {
            return Some(plan);
        }
        if purpose == Purpose::Hold
            && let Some(kind) = handles::kind_of(ty).or_else(|| handles::shared_kind_of(ty))
        {
            let target = ty.arguments.first().map(|target| debug.ty(*target));
            if target.is_some_and(|target| reach::is_trait(&target)) {
                return context
                    .found(TraitHandleLayout::new(debug, kind, &whole))
                    .map(Plan::TraitHandle);
            }
            let plan = self.handle(context, kind, &whole)?;
            return Some(if handles::has_parts(kind) {
                self.with_parts(context, Some(plan), ty, purpose)
            } else {
                plan
            });
        }
        if let Some(kind) = waits::kind_of(ty) {
            let plan = context.found(self.wait(context, kind, &whole)).flatten();
            return if kind.has_parts() {
                Some(self.with_parts(context, plan, ty, purpose))
            } else {
                plan
            };
        }
        if let Some((pointer, vtable)) = ty.as_trait_object() {
            let polled = ty.name.contains("Future") || ty.name.contains("Stream");
            return Some(Plan::TraitObject {
                pointer,
                vtable,
                name: self.name(&ty.name),
                polled,
            });
        }
        if let Some((start, length)) = ty.as_slice() {
            let element = debug.ty(debug.ty(ty.field("data_ptr")?.ty).target?);
            return Some(Plan::Slice {
                start,
                length,
                elements: Elements {
                    ty: element.id,
                    size: element.size,
                },
            });
        }
        if let Some(container) = containers::plan(debug, ty, &whole) {
            return context.found(container).flatten();
        }
        if purpose == Purpose::Hold && channels::has_queue(ty) {
            return self.queue(context, &whole);
        }
        if let Some(once) = names::ONCE.iter().find(|once| ty.name.starts_with(once.ty)) {
            let plan = self.plan(context, *ty.arguments.first()?, purpose)?;
            let state = context.found(once.state.locate(debug, &whole))?;
            let value = context.found(once.value.locate(debug, &whole))?;
            return Some(Plan::Once {
                state: state.path(),
                set: once.set,
                part: Part {
                    offset: value.offset()?,
                    plan,
                    field: None,
                },
            });
        }
        match ty.kind {
            Kind::Pointer => reach::follows_pointer(ty, purpose)
                .then(|| ty.target)
                .flatten()
                .map(Plan::Pointer),
            Kind::Array => {
                let element = debug.ty(ty.target?);
                Some(Plan::Array {
                    count: ty.count,
                    elements: Elements {
                        ty: element.id,
                        size: element.size,
                    },
                })
            }
            Kind::Struct => Some(self.compile_struct(context, ty, purpose)),
            Kind::Base | Kind::Enum | Kind::Other => None,
        }
    }

    /// What is read of a value besides that of its fields.
    fn with_parts(
        &self,
        context: &Context<'_>,
        own: Option<Plan>,
        ty: &Type,
        purpose: Purpose,
    ) -> Plan {
        let parts = self.compile_struct(context, ty, purpose);
        let whole = [own, Some(parts)].into_iter().flatten();
        let whole = whole.map(|plan| Part {
            offset: 0,
            plan: Arc::new(plan),
            field: None,
        });
        Plan::Parts(whole.collect())
    }

    /// A handle that is at this place.
    fn handle(&self, context: &Context<'_>, kind: HandleKind, at: &Spot) -> Option<Plan> {
        let layout = context.found(HandleLayout::new(context.debug, kind, at))?;
        let shares = self.shares(context, layout.object_type.id, kind);
        Some(Plan::Handle { layout, shares })
    }

    /// The sides of channels and pipes that a type is. `None` if it is none.
    fn sides(&self, context: &Context<'_>, whole: &Spot, purpose: Purpose) -> Option<Plan> {
        let together = |plan| Part {
            offset: 0,
            plan: Arc::new(plan),
            field: None,
        };
        let parts: Option<_> = if purpose == Purpose::Await {
            let sides = sides::sides_of(&whole.ty)?.iter();
            let plans = sides.map(|side| self.side(context, side, whole));
            plans.map(|plan| plan.map(together)).collect()
        } else {
            let ends = pipes::ends_of(&whole.ty)?.iter();
            let plans = ends.map(|(kind, way)| {
                let end = context.found(way.locate(context.debug, whole))?;
                self.handle(context, *kind, &end)
            });
            plans.map(|plan| plan.map(together)).collect()
        };
        parts.map(Plan::Parts)
    }

    /// What lies in the queue of a channel.
    fn queue(&self, context: &Context<'_>, channel: &Spot) -> Option<Plan> {
        let debug = context.debug;
        if flume::is_channel(&channel.ty) {
            let queue = context.found(flume::queue(debug, channel))?;
            let part = Part {
                offset: queue.offset()?,
                plan: self.plan(context, queue.ty.id, Purpose::Hold)?,
                field: None,
            };
            Some(Plan::Parts([part].into()))
        } else if futures_channel::is_mpsc(&channel.ty) {
            let nodes = context.found(NodesLayout::new(debug, channel));
            nodes.map(Plan::Nodes)
        } else {
            let queue = context.found(QueueLayout::new(debug, channel));
            queue.map(Plan::Queue)
        }
    }

    /// A side of a channel or pipe.
    fn side(&self, context: &Context<'_>, side: &Side, whole: &Spot) -> Option<Plan> {
        let layout = context.found(SideLayout::new(context.debug, side, whole))?;
        Some(Plan::Wait {
            layout: WaitLayout::Side(layout),
            ty: whole.ty.id,
            // One value may be several sides.
            size: 0,
            name: self.name(&whole.ty.name),
        })
    }

    /// Parts of parts are put into one list, so wrappers cost nothing when they are read.
    fn compile_struct(&self, context: &Context<'_>, ty: &Type, purpose: Purpose) -> Plan {
        let mut parts = Vec::new();
        let own = purpose == Purpose::Hold && has_own_names(ty);
        let fields = ty.fields.iter();
        for field in fields.filter(|field| !util::refers_back(&ty.name, &field.name)) {
            if let Some(plan) = self.plan(context, field.ty, purpose) {
                let named = (own && !field.name.starts_with(UNNAMED)).then(|| {
                    LocalId(self.locals.borrow_mut().id(Local {
                        name: Some(field.name.to_string()),
                        type_name: self.name(&context.debug.ty(field.ty).name),
                    }))
                });
                match &*plan {
                    Plan::Parts(inner) => {
                        let flat = inner.iter().map(|part| Part {
                            offset: field.offset.wrapping_add(part.offset),
                            plan: part.plan.clone(),
                            field: named.or(part.field),
                        });
                        parts.extend(flat);
                    }
                    _ => parts.push(Part {
                        offset: field.offset,
                        plan,
                        field: named,
                    }),
                }
            }
        }
        let Some(variants) = &ty.variants else {
            return Plan::Parts(parts.into());
        };
        let of_variants = Plan::Variants {
            tag: Tag::of(context.debug, variants.tag.as_ref()),
            values: variants.list.iter().map(|variant| variant.tag).collect(),
            parts: variants
                .list
                .iter()
                .map(|variant| {
                    Some(Part {
                        offset: variant.offset,
                        plan: self.plan(context, variant.ty, purpose)?,
                        field: None,
                    })
                })
                .collect(),
        };
        if parts.is_empty() {
            return of_variants;
        }
        parts.push(Part {
            offset: 0,
            plan: Arc::new(of_variants),
            field: None,
        });
        Plan::Parts(parts.into())
    }

    /// What an object of this type is worth that a handle of this kind refers to.
    pub(super) fn shares(&self, context: &Context<'_>, ty: TypeId, kind: HandleKind) -> Shares {
        let shared = matches!(kind, HandleKind::Arc | HandleKind::Weak | HandleKind::Rc);
        let mut reach = self.reach.borrow_mut();
        Shares {
            name: self.name(&context.debug.ty(ty).name),
            always: !shared || reach.matters(context.debug, ty, Purpose::Share),
        }
    }

    fn wait(
        &self,
        context: &Context<'_>,
        kind: WaitKind,
        whole: &Spot,
    ) -> Result<Option<Plan>, Missing> {
        let debug = context.debug;
        let name = self.name(&whole.ty.name);
        if let Some(layout) = WaitLayout::new(debug, kind, whole)? {
            return Ok(Some(Plan::Wait {
                layout,
                ty: whole.ty.id,
                size: whole.ty.size,
                name,
            }));
        }
        let (heads, next, member, shared) = if kind == WaitKind::JoinSet {
            let lists = names::JOIN_SET_LISTS.locate(debug, whole)?;
            let heads = vec![
                names::JOIN_SET_NOTIFIED.locate(debug, &lists)?,
                names::JOIN_SET_IDLE.locate(debug, &lists)?,
            ];
            let Some(entry) = heads[0].target(debug) else {
                return Ok(None);
            };
            // The list's pointers are to the entry itself.
            let entry = Spot::whole(entry.ty);
            let next = names::LIST_ENTRY_NEXT.locate(debug, &entry)?;
            let value = names::LIST_ENTRY_VALUE.locate(debug, &entry)?;
            (heads, next, value, lists)
        } else {
            let head = names::UNORDERED_HEAD.locate(debug, whole)?;
            let Some(task) = head.target(debug) else {
                return Ok(None);
            };
            let task = Spot::whole(task.ty);
            let next = names::UNORDERED_NEXT.locate(debug, &task)?;
            (
                vec![head],
                next,
                names::UNORDERED_FUTURE.locate(debug, &task)?,
                names::UNORDERED_QUEUE.locate(debug, whole)?,
            )
        };
        let Some(offset) = member.offset() else {
            return Ok(None);
        };
        let heads = heads.iter().map(Spot::path).collect();
        Ok(Some(Plan::Set {
            heads,
            next: next.path(),
            member: Member {
                offset,
                ty: member.ty.id,
            },
            name,
            shared: shared.path(),
        }))
    }

    pub(crate) fn coroutine(&self, context: &Context<'_>, ty: &Arc<Type>) -> Arc<Coroutine> {
        if let Some(coroutine) = self.coroutines.borrow().get(&ty.id) {
            return coroutine.clone();
        }
        let coroutine = Arc::new(Coroutine::new(self, context.debug, ty.clone()));
        self.coroutines
            .borrow_mut()
            .insert(ty.id, coroutine.clone());
        coroutine
    }

    /// The async function that a future of this type is, if it is one or wraps exactly one.
    pub(crate) fn only_coroutine(
        &self,
        context: &Context<'_>,
        ty: TypeId,
    ) -> Option<Arc<Coroutine>> {
        match &*self.awaiting(context, ty)? {
            Plan::Coroutine(coroutine) => Some(coroutine.clone()),
            Plan::Pointer(target) => self.only_coroutine(context, *target),
            Plan::Parts(parts) => {
                let mut coroutines = parts.iter().filter_map(|part| match &*part.plan {
                    Plan::Coroutine(coroutine) => Some(coroutine.clone()),
                    _ => None,
                });
                let first = coroutines.next();
                first.filter(|_| coroutines.next().is_none())
            }
            _ => None,
        }
    }
}

/// Types whose fields have names that say nothing about the program.
const WRAPPERS: &[&str] = &[
    "alloc::",
    "async_channel::",
    "core::",
    "flume::",
    "futures_channel::",
    "hashbrown::",
    "lock_api::",
    "parking_lot::",
    "std::",
    "tokio::",
];

fn has_own_names(ty: &Type) -> bool {
    !WRAPPERS.iter().any(|prefix| ty.name.starts_with(prefix))
}

/// What the compiler calls what is being awaited.
const AWAITEE: &str = "__awaitee";
/// What the compiler calls temporaries and drop flags starts so.
const UNNAMED: &str = "__";

/// What is collected of the locals of a state.
#[derive(Default)]
struct Locals {
    held: Vec<Held>,
    results: Vec<HeldResult>,
    drop_flags: Vec<u64>,
}

impl Coroutine {
    fn new(plans: &Plans, debug: &DebugInfo<'_>, ty: Arc<Type>) -> Self {
        let variants = ty.variants.as_ref();
        let list = variants.map_or(&[][..], |variants| &variants.list);
        let receiver = list.first().and_then(|variant| {
            let captured = debug.ty(variant.ty);
            Some(debug.ty(captured.field("self")?.ty))
        });
        let function = function_path(&ty, receiver.as_deref());
        let line = |number: usize| {
            list.get(number)
                .map_or(0, |variant| u32::try_from(variant.line).unwrap_or(0))
        };
        // The first state is where the function begins, the second is where it ends.
        let file = list
            .first()
            .map_or_else(String::new, |variant| debug.file(ty.id.0, variant.file));
        let lines = Lines {
            file,
            first: line(0),
            last: line(1),
        };
        Self {
            function_id: plans.name(&function),
            origin: if own::is_library(&function) {
                Origin::Library
            } else {
                debug.index.origin(&lines.file)
            },
            within: Within::function(&function),
            function,
            lines,
            tag: Tag::of(debug, variants.and_then(|variants| variants.tag.as_ref())),
            values: list.iter().map(|variant| variant.tag).collect(),
            states: list.iter().map(|_| OnceLock::new()).collect(),
            ty,
        }
    }

    /// The state of the coroutine at the address.
    pub(crate) fn state(
        &self,
        plans: &Plans,
        context: &Context<'_>,
        address: u64,
    ) -> Option<&State> {
        let tag = self.tag.read(context.memory, address)?;
        let number = self.tag.choose(tag, self.values.iter().copied())?;
        Some(
            self.states
                .get(number)?
                .get_or_init(|| self.compile_state(plans, context, number)),
        )
    }

    fn compile_state(&self, plans: &Plans, context: &Context<'_>, number: usize) -> State {
        let debug = context.debug;
        let list = self
            .ty
            .variants
            .as_ref()
            .map_or(&[][..], |variants| &variants.list);
        let variant = &list[number];
        let name = variant.name.rsplit("::").next().unwrap_or("");
        let suspension = match name.strip_prefix("Suspend") {
            Some(point) => point.parse().ok().map(Suspension::Suspended),
            None => (name == "Unresumed").then_some(Suspension::Unresumed),
        };
        let body = debug.ty(variant.ty);
        let mut at = Declaration {
            file: debug.file(self.ty.id.0, variant.file),
            line: u32::try_from(variant.line).unwrap_or(0),
        };
        let in_macro = at.file != self.lines.file;
        if in_macro && let Some(call) = self.call_of_macro(debug, &body) {
            at = call;
        }
        let place = Place {
            function: self.function.clone(),
            in_macro,
            file: at.file,
            line: at.line,
            function_file: self.lines.file.clone(),
            first_line: self.lines.first,
            last_line: self.lines.last,
            origin: self.origin,
        };
        let place = PlaceId(plans.places.borrow_mut().id(place));
        let ended = suspension.is_none();
        let awaits = body.field(AWAITEE).filter(|_| !ended).map(|field| {
            let ty = debug.ty(field.ty);
            Awaits {
                offset: variant.offset.wrapping_add(field.offset),
                size: ty.size,
                name: plans.name(&ty.name),
                is_timeout: ty.name.contains(names::TIMEOUT) || own::is_scope(&ty.name),
                plan: plans.awaiting(context, ty.id),
            }
        });
        let mut locals = Locals::default();
        let joined = self.joined(plans, context, number, &body);
        if !ended {
            self.locals(plans, context, variant, suspension, &mut locals);
        }
        State {
            suspension,
            place,
            awaits,
            held: locals.held.into(),
            results: locals.results.into(),
            joined,
            drop_flags: locals.drop_flags.into(),
        }
    }

    /// Where it awaited results of tasks, in states before this one. They are in the order of the source.
    fn joined(
        &self,
        plans: &Plans,
        context: &Context<'_>,
        state: usize,
        body: &Type,
    ) -> Box<[PlaceId]> {
        let debug = context.debug;
        let fields = body.fields.iter().filter(|it| &*it.name != AWAITEE);
        let has_results = |ty: TypeId| debug.ty(ty).name.contains(RESULT);
        if self.origin != Origin::Program || fields.map(|it| it.ty).any(has_results) {
            return Box::default();
        }
        let states = self.ty.variants.iter().flat_map(|variants| &*variants.list);
        let before = states.take(state).filter(|state| {
            let awaited = debug.ty(state.ty);
            let awaited = awaited.field(AWAITEE).map(|field| debug.ty(field.ty));
            awaited.is_some_and(|ty| ty.name.contains(names::HANDLE_OF_RESULT))
        });
        let place = |state: &Variant| {
            let file = debug.file(self.ty.id.0, state.file);
            PlaceId(plans.places.borrow_mut().id(Place {
                function: self.function.clone(),
                in_macro: file != self.lines.file,
                file,
                line: u32::try_from(state.line).unwrap_or(0),
                function_file: self.lines.file.clone(),
                first_line: self.lines.first,
                last_line: self.lines.last,
                origin: self.origin,
            }))
        };
        before.map(place).collect()
    }

    /// Where the function calls the macro that writes the `.await` of this state. `None` if that is not certain.
    ///
    /// The compiler says so of the variable that holds what is awaited. Its type tells which variable it is.
    fn call_of_macro(&self, debug: &DebugInfo<'_>, state: &Type) -> Option<Declaration> {
        let awaited = |state: &Type| Some(debug.ty(state.field(AWAITEE)?.ty).name.clone());
        let name = awaited(state)?;
        let states = self.ty.variants.as_ref()?.list.iter();
        let states = states.filter(|state| awaited(&debug.ty(state.ty)).as_ref() == Some(&name));
        let states = states.count();
        let mut functions = self.functions(debug);
        functions.find_map(|function| {
            let mut variables = debug.declared(function, AWAITEE);
            variables.retain(|variable| debug.ty(variable.ty).name == name);
            if variables.len() != states {
                return None;
            }
            let call = variables.pop()?.at;
            let same = variables.iter().all(|other| other.at == call);
            // A macro of the same crate counts as code of its own, which may be in another file. The lines of the
            // function prove nothing: those of a `#[tokio::main]` are the attribute's.
            (same && call.file == self.lines.file).then_some(call)
        })
    }

    /// Those that run it.
    fn functions(&self, debug: &DebugInfo<'_>) -> impl Iterator<Item = EntryId> {
        let functions = debug.functions_of(&self.ty).into_iter();
        // Another version of the library may have a function of the same path.
        let own =
            functions.filter(|(_, at)| (&at.file, at.line) == (&self.lines.file, self.lines.first));
        own.map(|(function, _)| function)
    }

    /// The locals of a state, and behind them what the coroutine captured. And how many locals there are.
    ///
    /// LLVM merges members of a type that have the same name, and keeps the first. So if one local shadows another, the
    /// state's debug info describes only the first of them. The other is found among the variables of the function.
    fn fields(
        &self,
        debug: &DebugInfo<'_>,
        state: &Variant,
        suspension: Option<Suspension>,
    ) -> (Vec<Field>, usize) {
        let states = self.ty.variants.iter().flat_map(|variants| &*variants.list);
        // Every state repeats the captured variables at its end. The first state has nothing else.
        let captured = states.clone().next().map(|first| debug.ty(first.ty));
        let captured = captured.as_ref().map_or(&[][..], |first| &first.fields);
        if !matches!(suspension, Some(Suspension::Suspended(_))) {
            return (captured.to_vec(), 0);
        }
        let body = debug.ty(state.ty);
        let (mut own, mut hidden) = (Vec::new(), Vec::new());
        for field in &body.fields[..body.fields.len().saturating_sub(captured.len())] {
            if own.iter().any(|other: &Field| other.name == field.name) {
                hidden.push(&*field.name);
            } else {
                own.push(field.clone());
            }
        }
        hidden.sort_unstable();
        for same in hidden.chunk_by(|name, other| name == other) {
            let known: Vec<Field> = own.iter().chain(captured).cloned().collect();
            let found = self.hidden(debug, state, &known, same[0]);
            if found.len() == same.len() {
                own.extend(found);
            }
        }
        let locals = own.len();
        own.extend_from_slice(captured);
        (own, locals)
    }

    /// The locals with this name that are in scope at a state, and not among those that are known.
    fn hidden(
        &self,
        debug: &DebugInfo<'_>,
        state: &Variant,
        known: &[Field],
        name: &str,
    ) -> Vec<Field> {
        let body = debug.ty(state.ty);
        let Some(awaited) = body.field(AWAITEE).map(|field| debug.ty(field.ty)) else {
            return Vec::new();
        };
        let file = debug.file(self.ty.id.0, state.file);
        let is_awaited = |variable: &Declared| {
            // A macro of another file that writes the `.await` is declared where it is called.
            let is_there = file != self.lines.file || u64::from(variable.at.line) == state.line;
            is_there && debug.ty(variable.ty).name == awaited.name
        };
        let mut functions = self.functions(debug);
        let scope = functions.find_map(|it| debug.in_scope(it, name, AWAITEE, is_awaited));
        let scope = scope.unwrap_or_default();
        // The function may be described in another unit, with types of its own.
        let is_of = |field: &Field, variable: &Declared| {
            &*field.name == name && debug.ty(field.ty).name == debug.ty(variable.ty).name
        };
        // The word that points to the coroutine is the one by which a known local is reached.
        let coroutine = scope.iter().find_map(|variable| match variable.kept {
            Kept::At(word, offset) => known
                .iter()
                .any(|it| it.offset == offset && is_of(it, variable))
                .then_some(word),
            _ => None,
        });
        let found = scope.iter().filter_map(|variable| {
            let offset = match variable.kept {
                Kept::At(word, offset) => {
                    let is_free = is_free(debug, known, offset, variable.ty);
                    (Some(word) == coroutine && is_free).then_some(offset)
                }
                Kept::Nowhere => None,
                // A captured variable, and the local that it was moved into.
                Kept::Unknown if known.iter().any(|it| is_of(it, variable)) => None,
                Kept::Unknown => self.only_place(debug, state, known, variable.ty),
            };
            Some(Field {
                name: name.into(),
                ty: variable.ty,
                offset: offset?,
            })
        });
        found.collect()
    }

    /// Where a local of this type is in a state, if there is only one place for it: between those that are known, or
    /// at least where no local of any state is.
    fn only_place(
        &self,
        debug: &DebugInfo<'_>,
        state: &Variant,
        known: &[Field],
        ty: TypeId,
    ) -> Option<u64> {
        let states = self.ty.variants.as_ref()?;
        let fields = states.list.iter().flat_map(|state| {
            let body = debug.ty(state.ty);
            body.fields.to_vec()
        });
        let mut known = known.to_vec();
        known.extend(states.tag.iter().cloned());
        let size = debug.ty(ty).size;
        let step = size.clamp(1, 8) as usize;
        let last = debug.ty(state.ty).size.checked_sub(size)?;
        let places = (0..=last).step_by(step);
        let mut places: Vec<u64> = places
            .filter(|at| is_free(debug, &known, *at, ty))
            .collect();
        if places.len() > 1 {
            known.extend(fields);
            places.retain(|at| is_free(debug, &known, *at, ty));
        }
        match places[..] {
            [only] if size > 0 => Some(only),
            _ => None,
        }
    }

    /// What the locals of a state may hold.
    fn locals(
        &self,
        plans: &Plans,
        context: &Context<'_>,
        variant: &Variant,
        suspension: Option<Suspension>,
        locals: &mut Locals,
    ) {
        let debug = context.debug;
        let suspended = matches!(suspension, Some(Suspension::Suspended(_)));
        let (fields, own) = self.fields(debug, variant, suspension);
        let mut seen = foldhash::HashSet::default();
        for (number, field) in fields.iter().enumerate() {
            // An async function moves its arguments into locals before anything else.
            if suspended && number >= own && self.ty.is_async_fn() {
                break;
            }
            if !seen.insert((field.offset, field.ty)) {
                continue;
            }
            let ty = debug.ty(field.ty);
            let at = variant.offset.wrapping_add(field.offset);
            let unnamed = field.name.starts_with(UNNAMED);
            if unnamed && &*ty.name == "bool" {
                locals.drop_flags.push(at);
                continue;
            }
            let local = || {
                LocalId(plans.locals.borrow_mut().id(Local {
                    name: (!unnamed).then(|| field.name.to_string()),
                    type_name: plans.name(&ty.name),
                }))
            };
            let is_own = suspended && number < own && self.origin == Origin::Program;
            if is_own && !unnamed && is_of_results(debug, &ty) {
                locals.results.push(HeldResult {
                    offset: at,
                    local: local(),
                    ty: ty.id,
                });
            }
            let Some(plan) = plans.holding(context, field.ty) else {
                continue;
            };
            let local = local();
            let moved = number >= own
                && fields[..own]
                    .iter()
                    .any(|other| other.name == field.name && other.offset != field.offset);
            locals.held.push(Held {
                offset: at,
                local,
                plan,
                moved,
                awaited: suspended && &*field.name == AWAITEE,
            });
        }
    }
}

/// The path of an async function or closure, without what the compiler numbers. A block or closure in a function is a
/// segment of its own, and so is the type whose method it is, where `receiver` tells.
fn function_path(ty: &Type, receiver: Option<&Type>) -> String {
    let mut path = String::new();
    let receiver = receiver.and_then(|receiver| named_type(&receiver.name));
    let own = ty.own_name();
    for segment in ty.namespace().split("::").chain([own]) {
        let segment = match segment.split_once('#').map(|(kind, _)| kind) {
            None => segment,
            Some(
                "{async_block" | "{async_block_env" | "{async_gen_block" | "{async_gen_block_env",
            ) => "{async block}",
            Some("{async_closure" | "{async_closure_env") => "{async closure}",
            Some("{closure" | "{closure_env") => "{closure}",
            Some("{impl") => match receiver {
                Some(receiver) => receiver,
                None => continue,
            },
            // `{async_fn#0}` is around a name that says more.
            Some(_) => continue,
        };
        // An async closure is a closure that returns the future.
        if let ("{async closure}", Some(function)) = (segment, path.strip_suffix("::{closure}")) {
            path.truncate(function.len());
        }
        if !path.is_empty() {
            path.push_str("::");
        }
        path.push_str(segment);
    }
    path
}

/// The name of the type that a method takes by value or through a pointer, without its path and arguments. `None` for
/// one that has no name.
fn named_type(receiver: &str) -> Option<&str> {
    const POINTERS: [&str; 6] = [
        "&",
        "mut ",
        "core::pin::Pin<",
        "alloc::boxed::Box<",
        "alloc::rc::Rc<",
        "alloc::sync::Arc<",
    ];
    let mut name = receiver;
    while let Some(target) = POINTERS.iter().find_map(|it| name.strip_prefix(it)) {
        name = target;
    }
    let path = name.split(['<', '>', ',']).next().unwrap_or(name);
    let own = path.rsplit("::").next().unwrap_or(path);
    own.starts_with(char::is_alphabetic).then_some(own)
}

/// Whether a value of this type has room at the offset beside all these.
fn is_free(debug: &DebugInfo<'_>, known: &[Field], offset: u64, ty: TypeId) -> bool {
    let end = |offset: u64, ty| offset.saturating_add(debug.ty(ty).size);
    let mut others = known.iter();
    others.all(|it| end(offset, ty) <= it.offset || end(it.offset, it.ty) <= offset)
}

impl State {
    /// Whether some local was dropped or moved, or has no value yet. The flags don't tell which.
    pub(crate) fn some_dropped(&self, context: &Context<'_>, address: u64) -> bool {
        self.drop_flags
            .iter()
            .any(|flag| context.memory.uint(address.wrapping_add(*flag), 1) == Some(0))
    }
}

#[cfg(test)]
mod tests {
    use super::named_type;

    #[test]
    fn a_method_is_named_after_the_type_of_its_receiver() {
        for (receiver, name) in [
            ("&tokio::sync::semaphore::Semaphore", Some("Semaphore")),
            (
                "&mut tokio::sync::mpsc::bounded::Receiver<app::Job>",
                Some("Receiver"),
            ),
            ("core::pin::Pin<&mut app::Pump<u8>>", Some("Pump")),
            (
                "alloc::sync::Arc<app::Server, alloc::alloc::Global>",
                Some("Server"),
            ),
            ("app::Server", Some("Server")),
            ("(u8, u8)", None),
            ("&[u8]", None),
        ] {
            assert_eq!(named_type(receiver), name, "{receiver}");
        }
    }
}
