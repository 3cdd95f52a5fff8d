//! Finds tasks: each has a pointer to a vtable that only tasks have.

use std::ops::Range;
use std::sync::Arc;

use foldhash::{HashMap, HashMapExt as _};

use super::names::{self, Missing};
use super::runtimes::RawRuntime;
use super::wakers::WakerLayout;
use crate::context::Context;
use crate::debug_info::{DebugInfo, Executable, Path, Spot, Tag, Type, TypeId, Value, Wanted};
use crate::memory::{Memory, Region, Unreadable};
use crate::snapshot::{Gap, Lifecycle, RuntimeKind, TaskState};

/// Where the parts of any task are.
pub(crate) struct TaskLayout {
    state: Path,
    vtable: Path,
    /// Where the pointer to the vtable is in a task.
    vtable_offset: u64,
    /// Where the pointer to `poll` is in a vtable.
    vtable_poll: u64,
    id_offset: Path,
    /// For lists of tasks: where a task's trailer is, and in that the next task.
    next: Result<(Path, Path), Missing>,
    trailer_size: u64,
}

impl TaskLayout {
    pub(crate) fn new(debug: &DebugInfo<'_>) -> Result<Self, Missing> {
        let spot = |wanted: Wanted| {
            let found = debug.index.found(wanted.namespace, wanted.name).first();
            let missing = || Missing {
                feature: names::Feature::Tasks,
                name: format!("{}::{}", wanted.namespace, wanted.name),
            };
            Ok(Spot::whole(
                debug.ty(TypeId(found.ok_or_else(missing)?.entry.0)),
            ))
        };
        let header = spot(names::HEADER)?;
        let vtable = spot(names::VTABLE)?;
        let path =
            |need: &names::Need, spot: &Spot| need.locate(debug, spot).map(|spot| spot.path());
        let offset = |need: &names::Need, spot: &Spot| {
            need.locate(debug, spot)
                .map(|spot| spot.offset().unwrap_or(0))
        };
        let next = || {
            let trailer = spot(names::TRAILER)?;
            Ok((
                path(&names::VTABLE_TRAILER_OFFSET, &vtable)?,
                path(&names::TRAILER_NEXT, &trailer)?,
            ))
        };
        Ok(Self {
            state: path(&names::HEADER_STATE, &header)?,
            vtable: path(&names::HEADER_VTABLE, &header)?,
            vtable_offset: offset(&names::HEADER_VTABLE, &header)?,
            vtable_poll: offset(&names::VTABLE_POLL, &vtable)?,
            id_offset: path(&names::VTABLE_ID_OFFSET, &vtable)?,
            next: next(),
            trailer_size: spot(names::TRAILER).map_or(0, |trailer| trailer.ty.size),
        })
    }
}

/// The tasks of one future type on one kind of runtime.
pub(crate) struct TaskType {
    /// The type of the future and of the scheduler, as the compiler spells them.
    pub(crate) arguments: Arc<str>,
    /// More than one if the linker merged their code.
    pub(crate) candidates: Vec<Arc<str>>,
    pub(crate) cell: Option<CellLayout>,
}

/// The runtime of a task: an `Arc` of its shared state.
struct Scheduler {
    shared: Path,
    /// How many `Arc`s there are.
    strong: Path,
    ty: Arc<Type>,
    kind: RuntimeKind,
}

/// Where a task has the line that spawned it: a `&Location`.
struct SpawnLine {
    file: Path,
    length: Path,
    line: Path,
}

/// Where the parts of a task of a known type are.
pub(crate) struct CellLayout {
    pub(crate) size: u64,
    align: u64,
    /// The runtime that owns the task.
    scheduler: Option<Scheduler>,
    spawned_at: Option<SpawnLine>,
    /// It runs a closure on a thread of a blocking pool.
    pub(crate) blocking: bool,
    /// It runs a worker of a runtime on a thread of its blocking pool.
    pub(crate) worker: bool,
    stage: u64,
    stage_tag: Tag,
    stage_values: Box<[Option<u64>]>,
    stages: Box<[Stage]>,
    /// The future while it runs: its type, and its offset in the stage.
    pub(crate) future: TypeId,
    future_offset: u64,
    /// The output once it has ended, a `Result` with a `JoinError`: its type, and its offset in the stage.
    output: Option<(TypeId, u64)>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stage {
    /// The future is there.
    Running,
    /// The output is there.
    Finished,
    /// The output was taken or dropped.
    Consumed,
}

impl CellLayout {
    fn new(debug: &DebugInfo<'_>, cell: TypeId) -> Result<Self, Missing> {
        let cell = Spot::whole(debug.ty(cell));
        let stage = names::CELL_STAGE.locate(debug, &cell)?;
        let scheduler = names::CELL_SCHEDULER.locate(debug, &cell)?;
        let missing = |name: &str| Missing {
            feature: names::Feature::Tasks,
            name: format!("Stage::{name}"),
        };
        let variants = stage.ty.variants.as_ref().ok_or_else(|| missing("*"))?;
        let running = stage
            .variant(debug, "Running")
            .ok_or_else(|| missing("Running"))?;
        let future = running
            .field(debug, "__0")
            .ok_or_else(|| missing("Running.0"))?;
        let stage_offset = stage.offset().ok_or_else(|| missing("*"))?;
        let future_name = &future.ty.name;
        let blocking = future_name.starts_with(names::BLOCKING_TASK);
        let runtime = scheduler.shared(debug).and_then(|shared| {
            Some(Scheduler {
                kind: super::runtimes::kind_of(&shared.ty)?,
                strong: names::ARC_STRONG.locate(debug, &scheduler).ok()?.path(),
                shared: shared.path(),
                ty: shared.ty,
            })
        });
        let spawned_at = || {
            let path = |need: &names::Need| Some(need.locate(debug, &cell).ok()?.path());
            Some(SpawnLine {
                file: path(&names::SPAWNED_AT_FILE)?,
                length: path(&names::SPAWNED_AT_LENGTH)?,
                line: path(&names::SPAWNED_AT_LINE)?,
            })
        };
        Ok(Self {
            spawned_at: spawned_at(),
            size: cell.ty.size,
            align: cell.ty.align,
            scheduler: runtime,
            blocking,
            worker: blocking
                && future_name[names::BLOCKING_TASK.len()..].starts_with(names::WORKER_CLOSURE),
            stage: stage_offset,
            stage_tag: Tag::of(debug, variants.tag.as_ref()),
            stage_values: variants.list.iter().map(|variant| variant.tag).collect(),
            stages: variants
                .list
                .iter()
                .map(|variant| match &*variant.name {
                    "Running" => Stage::Running,
                    "Finished" => Stage::Finished,
                    _ => Stage::Consumed,
                })
                .collect(),
            output: stage
                .variant(debug, "Finished")
                .and_then(|finished| finished.field(debug, "__0"))
                .and_then(|it| Some((it.ty.id, it.offset()?.checked_sub(stage_offset)?))),
            future: future.ty.id,
            future_offset: future
                .offset()
                .and_then(|offset| offset.checked_sub(stage_offset))
                .ok_or_else(|| missing("Running.0"))?,
        })
    }

    /// The runtime of a task of this type. `None` if its memory was freed.
    pub(crate) fn runtime(&self, memory: &dyn Memory, task: u64) -> Option<RawRuntime> {
        let scheduler = self.scheduler.as_ref()?;
        let strong = scheduler.strong.read(memory, task)?;
        if !super::runtimes::is_count(strong) {
            return None;
        }
        let address = scheduler.shared.address(memory, task)?;
        Some(RawRuntime {
            value: Value::new(scheduler.ty.clone(), address),
            kind: scheduler.kind,
        })
    }

    /// The line that spawned a task of this type: the path of the file, and the number of the line.
    pub(crate) fn spawned_at(&self, memory: &dyn Memory, task: u64) -> Option<(String, u32)> {
        const LONGEST_PATH: u64 = 4096;
        let SpawnLine { file, length, line } = self.spawned_at.as_ref()?;
        let length = length.read(memory, task).filter(|it| *it <= LONGEST_PATH)?;
        let mut path = vec![0; usize::try_from(length).ok()?];
        memory.read(file.read(memory, task)?, &mut path).ok()?;
        let line = u32::try_from(line.read(memory, task)?).ok()?;
        Some((String::from_utf8(path).ok()?, line))
    }

    /// How far a task of this type has come.
    pub(crate) fn stage(&self, memory: &dyn Memory, task: u64) -> Option<Stage> {
        let tag = self.stage_tag.read(memory, task.wrapping_add(self.stage))?;
        self.stages
            .get(
                self.stage_tag
                    .choose(tag, self.stage_values.iter().copied())?,
            )
            .copied()
    }

    /// What a task of this type returned, if nobody has taken it: a `Result` with a `JoinError`.
    pub(crate) fn output(&self, debug: &DebugInfo<'_>, task: u64) -> Option<Value> {
        let (ty, offset) = self.output?;
        let address = task.wrapping_add(self.stage).wrapping_add(offset);
        Some(Value::new(debug.ty(ty), address))
    }

    /// Where the future of a task of this type is.
    pub(crate) fn future_address(&self, task: u64) -> u64 {
        task.wrapping_add(self.stage)
            .wrapping_add(self.future_offset)
    }
}

/// A task, as its header tells.
#[derive(Clone)]
pub(crate) struct RawTask {
    pub(crate) address: u64,
    pub(crate) id: u64,
    pub(crate) state: u64,
    pub(crate) ty: Arc<TaskType>,
}

impl RawTask {
    pub(crate) fn references(&self) -> u64 {
        self.state >> names::state::REFERENCES
    }

    /// How many wakers of the task exist. `None` if it runs or has ended.
    pub(crate) fn wakers(&self, owned: bool) -> Option<u64> {
        use names::state::{COMPLETE, JOIN_INTEREST, NOTIFIED, RUNNING};
        if self.has(RUNNING | COMPLETE) || self.references() >= names::state::ABSURD_REFERENCES {
            return None;
        }
        // The runtime's list, the `JoinHandle`, and the run queue have one each.
        let others = [owned, self.has(JOIN_INTEREST), self.has(NOTIFIED)];
        let others = others.into_iter().filter(|it| *it).count() as u64;
        self.references().checked_sub(others)
    }

    pub(crate) fn has(&self, bits: u64) -> bool {
        self.state & bits != 0
    }

    pub(crate) fn task_state(&self) -> TaskState {
        use names::state::{CANCELLED, COMPLETE, JOIN_INTEREST, JOIN_WAKER, NOTIFIED, RUNNING};
        let lifecycle = if self.has(COMPLETE) {
            Lifecycle::Complete
        } else if self.has(RUNNING) {
            Lifecycle::Running
        } else if self.has(NOTIFIED) {
            Lifecycle::Scheduled
        } else {
            Lifecycle::Idle
        };
        TaskState {
            lifecycle,
            notified: self.has(NOTIFIED),
            cancelled: self.has(CANCELLED),
            join_handle: self.has(JOIN_INTEREST),
            join_waker: self.has(JOIN_WAKER),
            references: self.references(),
        }
    }
}

/// What looks like a waker of a task.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct FoundWaker {
    pub(crate) task: u64,
    pub(crate) address: u64,
}

/// The vtables of tasks, and with them how to read any task.
pub(crate) struct TaskReader {
    layout: TaskLayout,
    vtables: HashMap<u64, Arc<TaskType>>,
    /// The tasks that a `poll` function is for.
    polls: HashMap<u64, Arc<TaskType>>,
    lowest: u64,
    highest: u64,
}

impl TaskReader {
    /// Finds the vtables. They have no names, but each starts with a `poll` function that has one.
    pub(crate) fn new(context: &Context<'_>, executable: &Executable, layout: TaskLayout) -> Self {
        let debug = context.debug;
        let mut functions: HashMap<u64, Vec<Arc<str>>> = HashMap::new();
        for found in debug.index.found(names::POLL.namespace, names::POLL.name) {
            let same = functions
                .entry(debug.memory_address(found.address))
                .or_default();
            if !same.contains(&found.arguments) {
                same.push(found.arguments.clone());
            }
        }
        let mut cells: HashMap<Arc<str>, TypeId> = HashMap::new();
        for found in debug.index.found(names::CELL.namespace, names::CELL.name) {
            cells
                .entry(found.arguments.clone())
                .or_insert(TypeId(found.entry.0));
        }
        let mut types: HashMap<u64, Arc<TaskType>> = HashMap::new();
        let mut vtables = HashMap::new();
        let mut buffer = vec![0; CHUNK];
        for range in &executable.constants {
            let (mut at, end) = (
                debug.memory_address(range.start),
                debug.memory_address(range.end),
            );
            while at < end {
                let length = usize::try_from(end - at).unwrap_or(CHUNK).min(CHUNK);
                let read = context.memory.read_uncached(at, &mut buffer[..length]);
                for (number, word) in words(&buffer[..read]).enumerate() {
                    let Some(candidates) = functions.get(&word) else {
                        continue;
                    };
                    let ty = types.entry(word).or_insert_with(|| {
                        let cell = candidates
                            .first()
                            .filter(|_| candidates.len() == 1)
                            .and_then(|only| cells.get(only));
                        let cell =
                            cell.and_then(|cell| context.found(CellLayout::new(debug, *cell)));
                        Arc::new(TaskType {
                            arguments: candidates[0].clone(),
                            candidates: candidates.clone(),
                            cell,
                        })
                    });
                    let vtable = at
                        .wrapping_add(number as u64 * 8)
                        .wrapping_sub(layout.vtable_poll);
                    vtables.insert(vtable, ty.clone());
                }
                if read < length {
                    break;
                }
                at += length as u64;
            }
        }
        let lowest = vtables.keys().min().copied().unwrap_or(u64::MAX);
        let highest = vtables.keys().max().copied().unwrap_or(0);
        Self {
            layout,
            vtables,
            polls: types,
            lowest,
            highest,
        }
    }

    /// Searches the program's memory for tasks, and for their wakers, which it returns. Memory that was freed may still
    /// look like one. `found` is called with each task, and memory that has what is around it at hand.
    ///
    /// What is in these ranges, which are sorted, is left out.
    pub(crate) fn search(
        &self,
        context: &Context<'_>,
        layout: Option<&WakerLayout>,
        left_out: &[Range<u64>],
        mut found: impl FnMut(&dyn Memory, RawTask),
    ) -> Vec<FoundWaker> {
        let mut wakers = Vec::new();
        let mut buffer = vec![0; CHUNK];
        let mut left = context.limits.searched_bytes;
        for region in context.memory.regions() {
            if !region.holds_values() || region.path.starts_with("[stack") {
                continue;
            }
            for part in region.without(left_out) {
                let mut at = part.start;
                while at < part.end {
                    let length = usize::try_from(part.end - at).unwrap_or(CHUNK).min(CHUNK);
                    if left < length as u64 {
                        context.limit_reached(
                            "the search for tasks in memory",
                            context.limits.searched_bytes,
                        );
                        return wakers;
                    }
                    left -= length as u64;
                    let read = context.memory.read_uncached(at, &mut buffer[..length]);
                    let memory = Chunk {
                        start: at,
                        bytes: &buffer[..read],
                        rest: context.memory,
                    };
                    for (number, word) in words(memory.bytes).enumerate() {
                        if self.lowest <= word
                            && word <= self.highest
                            && self.vtables.contains_key(&word)
                        {
                            let address = at
                                .wrapping_add(number as u64 * 8)
                                .wrapping_sub(self.layout.vtable_offset);
                            if let Some(task) = self.task(&memory, address) {
                                found(&memory, task);
                            }
                        } else if let Some(layout) = layout.filter(|it| it.is_of_task(word)) {
                            let vtable = at.wrapping_add(number as u64 * 8);
                            let around = layout.around(&memory, vtable);
                            wakers
                                .extend(around.map(|(address, task)| FoundWaker { task, address }));
                        }
                    }
                    at += length as u64;
                }
            }
        }
        wakers
    }

    /// The part of a task in which the waker is of who awaits its end: where it is, and its size. `None` if nobody has
    /// left one there.
    pub(crate) fn join_waker(&self, memory: &dyn Memory, task: u64) -> Option<(u64, u64)> {
        let (trailer_offset, _) = self.layout.next.as_ref().ok()?;
        let raw = self.task(memory, task)?;
        let vtable = self.layout.vtable.read(memory, task)?;
        let trailer = task.wrapping_add(trailer_offset.read(memory, vtable)?);
        raw.has(names::state::JOIN_WAKER)
            .then_some((trailer, self.layout.trailer_size))
    }

    /// The task at this address. `None` if there is none.
    pub(crate) fn task(&self, memory: &dyn Memory, address: u64) -> Option<RawTask> {
        let vtable = self.layout.vtable.read(memory, address)?;
        let ty = self.vtables.get(&vtable)?;
        if ty
            .cell
            .as_ref()
            .is_some_and(|cell| !address.is_multiple_of(cell.align))
        {
            return None;
        }
        let state = self.layout.state.read(memory, address)?;
        let id = memory.word(address.wrapping_add(self.layout.id_offset.read(memory, vtable)?))?;
        Some(RawTask {
            address,
            id,
            state,
            ty: ty.clone(),
        })
    }

    /// The task after this one in the list of its runtime: 0 after the last. `None` if this is no task.
    pub(crate) fn next(&self, memory: &dyn Memory, address: u64) -> Option<u64> {
        let (trailer_offset, next) = self.layout.next.as_ref().ok()?;
        let vtable = self.layout.vtable.read(memory, address)?;
        self.vtables.get(&vtable)?;
        let trailer = address.wrapping_add(trailer_offset.read(memory, vtable)?);
        next.read(memory, trailer)
    }

    /// Whether this is the address of a task's `poll` function.
    pub(crate) fn is_poll(&self, function: u64) -> bool {
        self.polls.contains_key(&function)
    }

    /// Whether this is the address of this task's `poll` function.
    pub(crate) fn polls(&self, function: u64, task: &RawTask) -> bool {
        self.polls
            .get(&function)
            .is_some_and(|ty| Arc::ptr_eq(ty, &task.ty))
    }

    /// Notes which lists of tasks can't be followed.
    pub(crate) fn check_lists(&self, context: &Context<'_>) {
        if let Err(missing) = &self.layout.next {
            context.gap(missing.clone().into());
        }
    }

    /// Notes which of these tasks are of an unknown type, and why.
    pub(crate) fn check_types<'t>(context: &Context<'_>, tasks: impl Iterator<Item = &'t RawTask>) {
        let mut unknown: HashMap<*const TaskType, (u64, &TaskType)> = HashMap::new();
        for task in tasks.filter(|task| task.ty.cell.is_none()) {
            unknown
                .entry(Arc::as_ptr(&task.ty))
                .or_insert((0, &task.ty))
                .0 += 1;
        }
        for (tasks, ty) in unknown.into_values() {
            context.gap(if ty.candidates.len() > 1 {
                Gap::AmbiguousFuture {
                    tasks,
                    candidates: ty
                        .candidates
                        .iter()
                        .map(std::string::ToString::to_string)
                        .collect(),
                }
            } else {
                Gap::UndescribedFuture {
                    tasks,
                    type_name: ty.arguments.to_string(),
                }
            });
        }
    }
}

/// Memory is searched in pieces of this size.
const CHUNK: usize = 1 << 20;

/// A piece of the memory that was read already, and the rest of it.
struct Chunk<'c> {
    start: u64,
    bytes: &'c [u8],
    rest: &'c dyn Memory,
}

impl Memory for Chunk<'_> {
    fn read(&self, address: u64, buffer: &mut [u8]) -> Result<(), Unreadable> {
        let within = || {
            let start = usize::try_from(address.checked_sub(self.start)?).ok()?;
            self.bytes.get(start..start.checked_add(buffer.len())?)
        };
        match within() {
            Some(bytes) => {
                buffer.copy_from_slice(bytes);
                Ok(())
            }
            None => self.rest.read(address, buffer),
        }
    }

    fn read_uncached(&self, address: u64, buffer: &mut [u8]) -> usize {
        self.rest.read_uncached(address, buffer)
    }

    fn regions(&self) -> &[Region] {
        self.rest.regions()
    }
}

fn words(bytes: &[u8]) -> impl Iterator<Item = u64> {
    bytes
        .as_chunks()
        .0
        .iter()
        .map(|word| u64::from_le_bytes(*word))
}
