//! Runtimes and `LocalSet`s: which tasks they own.

use std::collections::VecDeque;

use foldhash::{HashSet, HashSetExt as _};

use super::names;
use super::tasks::{RawTask, TaskReader};
use crate::context::Context;
use crate::debug_info::{DebugInfo, Type, TypeId, Value, Wanted};
use crate::memory::Memory;
use crate::snapshot::{Address, Gap, RuntimeKind};

/// The kind of runtime that a type is the shared state of.
pub(crate) fn kind_of(ty: &Type) -> Option<RuntimeKind> {
    match &*ty.name {
        names::MULTI_THREAD => Some(RuntimeKind::MultiThread),
        names::CURRENT_THREAD => Some(RuntimeKind::CurrentThread),
        names::LOCAL_SET => Some(RuntimeKind::LocalSet),
        _ => None,
    }
}

/// One step from a value to the runtime that it belongs to. `None` if it belongs to none, or that is not known.
fn towards_runtime(debug: &DebugInfo<'_>, memory: &dyn Memory, value: &Value) -> Option<Value> {
    let name = &*value.ty.name;
    if let Some(pointee) = name.strip_prefix('&') {
        let pointee = pointee.strip_prefix("mut ").unwrap_or(pointee);
        return RUNTIME_OWNERS
            .iter()
            .any(|owner| pointee.starts_with(owner))
            .then(|| value.target(debug, memory))
            .flatten();
    }
    if name == names::WORKER {
        return names::WORKER_HANDLE.find(debug, memory, value);
    }
    if name == names::ANY_HANDLE {
        return names::ANY_HANDLE_CURRENT_THREAD
            .find(debug, memory, value)
            .or_else(|| names::ANY_HANDLE_MULTI_THREAD.find(debug, memory, value));
    }
    if name == names::RUNTIME {
        return names::RUNTIME_HANDLE.find(debug, memory, value);
    }
    if name.starts_with("alloc::sync::Arc<")
        && RUNTIME_OWNERS
            .iter()
            .any(|owner| name["alloc::sync::Arc<".len()..].starts_with(owner))
    {
        let strong = names::ARC_STRONG.find(debug, memory, value)?.read(memory)?;
        // What a variable without a value points to was freed, or never was an `Arc`.
        return if is_count(strong) {
            value.shared(debug, memory)
        } else {
            None
        };
    }
    None
}

/// The runtime that a value is or refers to.
pub(crate) fn of_value(context: &Context<'_>, value: &Value) -> Option<RawRuntime> {
    let mut value = value.clone();
    // A reference to an `Arc` of a worker, whose handle is an `Arc`, is the longest way.
    for _ in 0..6 {
        if let Some(kind) = kind_of(&value.ty) {
            return Some(RawRuntime { value, kind });
        }
        value = towards_runtime(context.debug, context.memory, &value)?;
    }
    None
}

/// The runtime of the `tokio::runtime::Handle` at this address.
pub(crate) fn of_handle(context: &Context<'_>, handle: Address) -> Option<RawRuntime> {
    let debug = context.debug;
    let Wanted {
        namespace, name, ..
    } = names::USERS_HANDLE;
    let found = debug.index.found(namespace, name).first()?;
    let handle = Value::new(debug.ty(TypeId(found.entry.0)), handle.0);
    of_value(context, &names::USERS_HANDLE_INNER.at(context, &handle)?)
}

/// Whether this can be the number of `Arc`s of something that exists.
pub(crate) fn is_count(strong: u64) -> bool {
    (1..=u64::from(u32::MAX)).contains(&strong)
}

/// Types that lead to a runtime, and `Arc`s of them.
const RUNTIME_OWNERS: &[&str] = &[
    names::MULTI_THREAD,
    names::CURRENT_THREAD,
    names::WORKER,
    names::ANY_HANDLE,
    names::RUNTIME,
    "alloc::sync::Arc<tokio::runtime::scheduler::",
];

/// A runtime or `LocalSet`.
#[derive(Clone)]
pub(crate) struct RawRuntime {
    pub(crate) value: Value,
    pub(crate) kind: RuntimeKind,
}

/// The tasks that a runtime owns.
pub(crate) struct Owned {
    pub(crate) tasks: Vec<RawTask>,
    /// Tokio's id of the runtime. A `LocalSet` has none.
    pub(crate) id: Option<u64>,
    /// How many are in the lists, with those that can't be read.
    pub(crate) listed: u64,
    /// How many the runtime counts. A `LocalSet` doesn't.
    pub(crate) counted: Option<u64>,
    /// The lists were whole, and as long as counted.
    pub(crate) intact: bool,
}

/// More shards than any runtime has.
const SHARDS: u64 = 1 << 16;

impl RawRuntime {
    /// Follows the lists of the tasks that the runtime owns. `None` if this is no runtime, but memory that was one.
    pub(crate) fn owned(&self, context: &Context<'_>, reader: &TaskReader) -> Option<Owned> {
        let (debug, memory) = (context.debug, context.memory);
        let (lists, counted, id) = if self.kind == RuntimeKind::LocalSet {
            let list = names::LOCAL_OWNED.at(context, &self.value)?;
            (vec![list], None, None)
        } else {
            let owned = names::HANDLE_OWNED.at(context, &self.value)?;
            let lists = names::OWNED_LISTS
                .at(context, &owned)?
                .elements(debug, memory, SHARDS)?;
            let count = names::OWNED_COUNT.at(context, &owned)?.read(memory)?;
            if !lists.len().is_power_of_two() {
                return None;
            }
            let id = names::OWNED_ID.find(debug, memory, &owned);
            let id = id.and_then(|id| id.read(memory));
            (lists, Some(count), id)
        };
        let mut owned = Owned {
            tasks: Vec::new(),
            id,
            listed: 0,
            counted,
            intact: true,
        };
        let heads = lists.iter();
        let heads = heads.map(|list| names::LIST_HEAD.at(context, list)?.read(memory));
        let mut heads: VecDeque<u64> = heads.collect::<Option<_>>()?;
        let mut seen = HashSet::new();
        // A step in each list in turn: tasks that were spawned one after another are in different lists, and mostly
        // near each other in memory.
        while let Some(task) = heads.pop_front() {
            if task == 0 {
                continue;
            }
            if owned.listed >= context.limits.tasks {
                context.limit_reached("a runtime's list of tasks", context.limits.tasks);
                owned.intact = false;
                return Some(owned);
            }
            let next = reader.next(memory, task).filter(|_| seen.insert(task));
            if let Some(next) = next {
                owned.listed += 1;
                heads.push_back(next);
                // Now that its page was read.
                match reader.task(memory, task) {
                    Some(task) => owned.tasks.push(task),
                    None => context.gap(Gap::UnreadableTask {
                        task: Address(task),
                    }),
                }
            } else {
                // Not a task, or one that was met before: the list changed while it was read.
                owned.intact = false;
            }
        }
        owned.intact &= counted.is_none_or(|count| count == owned.listed);
        Some(owned)
    }
}
