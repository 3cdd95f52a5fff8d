//! From a process, or a core file of one, to a snapshot.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use foldhash::{HashMap, HashMapExt as _, HashSet};

use crate::context::Context;
use crate::debug_info::{DebugInfo, Executable, Index, Lines, Type, TypeCache, Value, Wanted};
use crate::error::{DebugInfoLevel, Error};
use crate::limits::Limits;
use crate::memory::Memory;
use crate::search::{Search, Stacks};
use crate::snapshot::{
    Address, AwaitTree, BlockOn, BlockingState, BlockingTask, Gap, LocatedWaker, NameId,
    NativeFrame, Object, ObjectId, Process, Registration, Runtime, RuntimeId, SCHEMA, Snapshot,
    SpawnedAt, Task, Thread, ThreadActivity, WaitsFor, WakerPlace, Wakers,
};
use crate::target::{CoreFile, LiveProcess, Target};
use crate::threads::{self, BlockOns, Modules, RawBlockOn, RawThread, StackFrame, Unwinder};
use crate::tokio::names::{self, state};
use crate::tokio::outcomes;
use crate::tokio::parking;
use crate::tokio::pool::{self, RawPool};
use crate::tokio::runtimes::{self, Owned, RawRuntime};
use crate::tokio::tasks::{FoundWaker, RawTask, Stage, TaskLayout, TaskReader};
use crate::tokio::threads::note_activities;
use crate::tokio::waits::Slot;
use crate::tokio::wakers::{self, RawWaker, WakerLayout};
use crate::values;
use crate::walk::{Plans, WakerSlots, Walker};

/// A process whose tasks can be read, any number of times, or a core file of one.
///
/// Attaching reads the program's debug info, which takes most of the time: around 0.1 s for a small program, and memory
/// of about the size of its debug sections. Inspectors of processes of the same program share that. Snapshots of the
/// same process reuse what was learned.
pub struct Inspector {
    target: Box<dyn Target + Send>,
    executable: Arc<Executable>,
    index: Arc<Index>,
    types: TypeCache,
    plans: Plans,
    limits: Limits,
    /// Sorted.
    ignored_threads: Vec<u32>,
    tokio_versions: Vec<String>,
    /// Why the tasks can't be read, if that is so. What threads do can be.
    no_tasks: Option<Error>,
}

impl Inspector {
    /// Attaches to a process. It is not stopped.
    pub fn attach(pid: u32) -> Result<Self, Error> {
        let (process, executable) = LiveProcess::open(pid)?;
        Self::new(Box::new(process), executable)
    }

    /// Opens a core file of a process, as the kernel writes it when a signal ends the process.
    ///
    /// The debug info is read from `executable`, or without one from the path that the core file names. A file that
    /// the process did not run is an error. Code and constants are mostly not in a core file. They are read from the
    /// executable and the libraries, where these are still the same.
    ///
    /// A snapshot of a core file has no [`taken_at_ns`](Snapshot::taken_at_ns).
    ///
    /// # Errors
    ///
    /// [`Error::Core`], [`Error::TruncatedCore`] and [`Error::Architecture`] for the core file,
    /// [`Error::NoExecutable`] and [`Error::ReplacedExecutable`] for the program's file, and what [`attach`] returns
    /// for its debug info.
    ///
    /// [`attach`]: Self::attach
    pub fn open_core(core: &Path, executable: Option<&Path>) -> Result<Self, Error> {
        let (core, executable) = CoreFile::open(core, executable)?;
        Self::new(Box::new(core), executable)
    }

    /// Attaches to the process that this code runs in.
    ///
    /// A task that takes the snapshot shows up as running.
    pub fn attach_self() -> Result<Self, Error> {
        Self::attach(std::process::id())
    }

    /// Sets how much is read at most.
    pub fn set_limits(&mut self, limits: Limits) {
        self.limits = limits;
    }

    /// Leaves these threads out of snapshots, with all that they run.
    ///
    /// For a process that reads itself: what only looks at it is no part of what it does.
    pub fn ignore_threads(&mut self, ids: impl IntoIterator<Item = u32>) {
        self.ignored_threads = ids.into_iter().collect();
        self.ignored_threads.sort_unstable();
    }

    fn new(target: Box<dyn Target + Send>, executable: Arc<Executable>) -> Result<Self, Error> {
        let invalid = |error: gimli::Error| Error::Executable {
            executable: executable.path.clone(),
            reason: format!("its debug info is damaged: {error}"),
        };
        let index = executable.index(&WANTED).map_err(invalid)?;
        let tokio_versions = tokio_versions(&executable, &index);
        let no_tasks = check_debug_info(&executable, &index, &tokio_versions)?;
        Ok(Self {
            target,
            executable,
            index,
            types: TypeCache::default(),
            plans: Plans::default(),
            limits: Limits::default(),
            ignored_threads: Vec::new(),
            tokio_versions,
            no_tasks,
        })
    }

    /// Reads what the process is doing now, or did when the core file was written.
    pub fn snapshot(&self) -> Result<Snapshot, Error> {
        let memory = self.target.memory()?;
        let snapshot = self.snapshot_of(&*memory);
        self.target.check_same()?;
        snapshot
    }

    /// Reads the tasks of one runtime, and nothing else: the one of the `tokio::runtime::Handle` at this address of the
    /// process.
    ///
    /// Faster than a whole [`snapshot`](Self::snapshot), as memory is not searched and threads are not looked at. So the
    /// snapshot has neither threads nor blocking tasks, nor wakers, and nothing of what tasks share.
    ///
    /// ```no_run
    /// # use unstuck_inspect::{Inspector, snapshot::Address};
    /// # fn tasks(inspector: &Inspector, handle: &std::sync::Arc<()>) -> Result<(), unstuck_inspect::Error> {
    /// // Where `handle` is a `&tokio::runtime::Handle` of this process:
    /// let address = Address(std::ptr::from_ref(handle).addr() as u64);
    /// let tasks = inspector.snapshot_of_runtime(address)?.tasks;
    /// # Ok(())
    /// # }
    /// ```
    pub fn snapshot_of_runtime(&self, handle: Address) -> Result<Snapshot, Error> {
        let memory = self.target.memory()?;
        let debug = self.debug_info()?;
        let context = Context::new(&self.executable, &debug, &*memory, self.limits);
        let taken_at_ns = self.target.now_ns();
        if let Some(reason) = &self.no_tasks {
            context.gap(Gap::NoTasks {
                reason: reason.to_string(),
            });
            return Ok(Snapshot {
                taken_at_ns,
                gaps: context.take_gaps(),
                ..self.empty()
            });
        }
        let tasks = self.task_reader(&debug, &context)?;
        let reading = Reading {
            inspector: self,
            context: &context,
            tasks: &tasks,
            wakers: None,
        };
        let runtime = runtimes::of_handle(&context, handle);
        let walker = Walker::new(&context, &self.plans);
        let snapshot = reading.snapshot_of_runtime(walker, runtime.as_slice());
        Ok(Snapshot {
            taken_at_ns,
            gaps: context.take_gaps(),
            ..snapshot
        })
    }

    /// The threads of the process, without those that are ignored.
    fn target_threads(&self) -> std::io::Result<Vec<RawThread>> {
        let mut threads = self.target.threads()?;
        threads.retain(|thread| self.ignored_threads.binary_search(&thread.id).is_err());
        Ok(threads)
    }

    fn debug_info(&self) -> Result<DebugInfo<'_>, Error> {
        let bias = self.target.entry()?.wrapping_sub(self.executable.entry);
        Ok(DebugInfo::new(
            &self.executable,
            &self.index,
            &self.types,
            bias,
        ))
    }

    fn task_reader(
        &self,
        debug: &DebugInfo<'_>,
        context: &Context<'_>,
    ) -> Result<TaskReader, Error> {
        let layout =
            TaskLayout::new(debug).map_err(|missing| Error::UnknownTokio { name: missing.name })?;
        let tasks = TaskReader::new(context, &self.executable, layout);
        tasks.check_lists(context);
        Ok(tasks)
    }

    /// Reads the tasks from this memory, which must be of the process that this is attached to.
    pub fn snapshot_of(&self, memory: &dyn Memory) -> Result<Snapshot, Error> {
        let target = &*self.target;
        let debug = self.debug_info()?;
        let context = Context::new(&self.executable, &debug, memory, self.limits);
        for gap in target.gaps() {
            context.gap(gap);
        }
        if self.tokio_versions.len() > 1 {
            context.gap(Gap::SeveralTokioVersions {
                versions: self.tokio_versions.clone(),
            });
        }
        let threads = self.target_threads().unwrap_or_else(|error| {
            context.gap(Gap::NoThreads {
                reason: error.to_string(),
            });
            Vec::new()
        });
        let modules = self.modules(&debug, memory);
        let unwinder = Unwinder {
            memory,
            modules: &modules,
        };
        if let Some(reason) = &self.no_tasks {
            let taken_at_ns = target.now_ns();
            context.gap(Gap::NoTasks {
                reason: reason.to_string(),
            });
            let stacks = threads::stacks(&context, &unwinder, &threads);
            return Ok(Snapshot {
                taken_at_ns,
                threads: self.threads(&debug, &threads, &stacks),
                gaps: context.take_gaps(),
                ..self.empty()
            });
        }
        let tasks = self.task_reader(&debug, &context)?;
        let mut walker = Walker::new(&context, &self.plans);
        let wakers = context.found(WakerLayout::new(&debug));
        let layout = wakers.as_ref();
        let block_ons = threads::find(
            &context,
            &self.plans,
            &mut walker,
            &unwinder,
            &threads,
            layout,
        );
        let taken_at_ns = target.now_ns();
        let reading = Reading {
            inspector: self,
            context: &context,
            tasks: &tasks,
            wakers: wakers.as_ref(),
        };
        let mut snapshot = reading.snapshot(walker, &threads, block_ons);
        let after = self.target_threads().unwrap_or_default();
        for block_on in &mut snapshot.block_ons {
            let registers = |threads: &[RawThread]| {
                let thread = threads.iter().find(|thread| thread.id == block_on.thread);
                thread.and_then(|thread| thread.registers)
            };
            block_on.changed = registers(&threads) != registers(&after);
        }
        snapshot.taken_at_ns = taken_at_ns;
        snapshot.gaps = context.take_gaps();
        note_activities(&mut snapshot);
        Ok(snapshot)
    }

    /// Searches memory for the addresses of some objects of a snapshot that this took, and notes in the snapshot where
    /// they are.
    ///
    /// As long as nothing that has such an address moves, it does not matter when that is done. A live process is
    /// searched twice, as one may be moved meanwhile to where it was searched before.
    ///
    /// # Errors
    ///
    /// If the process has ended, or its memory can't be read.
    pub fn find_pointers(
        &self,
        snapshot: &mut Snapshot,
        objects: impl IntoIterator<Item = ObjectId>,
    ) -> Result<(), Error> {
        let memory = self.target.memory()?;
        let debug = self.debug_info()?;
        let context = Context::new(&self.executable, &debug, &*memory, self.limits);
        let Ok(threads) = self.target_threads() else {
            return Ok(());
        };
        let modules = self.modules(&debug, &*memory);
        let unwinder = Unwinder {
            memory: &*memory,
            modules: &modules,
        };
        let stacks = threads::stacks(&context, &unwinder, &threads);
        let stacks = Stacks::of(&threads, &stacks);
        let mut search = Search::of(snapshot, objects, parking::buckets(&context));
        let times = if snapshot.taken_at_ns.is_some() { 2 } else { 1 };
        let limit = self.limits.searched_bytes;
        let is_whole = (0..times).all(|_| search.search(&*memory, &stacks, limit));
        self.target.check_same()?;
        if is_whole {
            snapshot.pointers = search.into_pointers();
        }
        Ok(())
    }

    /// Notes in a snapshot that this took what the descriptors refer to that tasks wait for, the first hundred of them.
    pub fn describe_descriptors(&self, snapshot: &mut Snapshot) {
        let awaited = snapshot.tasks.iter().map(|task| &task.futures);
        let blocked = snapshot.block_ons.iter().map(|it| &it.futures);
        let leaves = awaited.chain(blocked).flat_map(|futures| &futures.leaves);
        let numbers = leaves.filter_map(|leaf| match leaf.waits_for {
            WaitsFor::Io { descriptor, .. } => descriptor,
            _ => None,
        });
        let mut first = BTreeSet::new();
        for number in numbers {
            if first.len() == DESCRIPTORS {
                break;
            }
            first.insert(number);
        }
        if !first.is_empty() {
            snapshot.descriptors = self.target.descriptors(&first);
        }
    }

    /// What is mapped, the program's own file by a path that works even if it was deleted.
    fn modules(&self, debug: &DebugInfo<'_>, memory: &dyn Memory) -> Modules {
        let entry = debug.memory_address(self.executable.entry);
        Modules::new(memory, |path| self.target.mapped_file(path))
            .with_executable(entry, self.target.executable())
    }

    /// A snapshot of nothing but which process it is.
    fn empty(&self) -> Snapshot {
        let tokio_version = match &self.tokio_versions[..] {
            [version] => Some(version.clone()),
            _ => None,
        };
        Snapshot {
            schema: SCHEMA,
            process: Process {
                id: self.target.id(),
                executable: self.executable.path.to_string_lossy().into_owned(),
                tokio_version,
                folder: self.index.folder().map(str::to_owned),
            },
            taken_at_ns: None,
            runtimes: Vec::new(),
            tasks: Vec::new(),
            blocking_tasks: Vec::new(),
            threads: Vec::new(),
            block_ons: Vec::new(),
            names: Vec::new(),
            places: Vec::new(),
            locals: Vec::new(),
            objects: Vec::new(),
            statics: Vec::new(),
            pointers: Vec::new(),
            descriptors: Vec::new(),
            gaps: Vec::new(),
        }
    }

    /// The threads, with the names and lines of the functions on their stacks.
    fn threads<'d>(
        &'d self,
        debug: &DebugInfo<'d>,
        threads: &[RawThread],
        stacks: &HashMap<u32, Vec<StackFrame>>,
    ) -> Vec<Thread> {
        let lines = Lines::new(debug, &self.executable);
        let mut known = self.executable.functions.lock();
        let mut functions = |address: u64| -> Arc<[NativeFrame]> {
            let address = debug.file_address(address);
            let found = known.entry(address).or_insert_with(|| {
                let found = lines.functions_at(address);
                if found.is_empty() {
                    return [NativeFrame {
                        function: None,
                        file: None,
                        line: None,
                        origin: None,
                        inlined: false,
                    }]
                    .into();
                }
                found.into()
            });
            found.clone()
        };
        threads
            .iter()
            .map(|thread| Thread {
                id: thread.id,
                name: thread.name.clone(),
                state: thread.state,
                system_call: thread.system_call,
                stack: stacks
                    .get(&thread.id)
                    .into_iter()
                    .flatten()
                    .flat_map(|frame| functions(frame.address).to_vec())
                    .collect(),
                activity: ThreadActivity::Other,
            })
            .collect()
    }
}

/// Fails if the program isn't one of Tokio's. Returns what it lacks if it is, and its tasks can't be read.
fn check_debug_info(
    executable: &Executable,
    index: &Index,
    tokio_versions: &[String],
) -> Result<Option<Error>, Error> {
    let has =
        |wanted: crate::debug_info::Wanted| !index.found(wanted.namespace, wanted.name).is_empty();
    if has(names::HEADER) && has(names::POLL) {
        return Ok(None);
    }
    let path = executable.path.clone();
    let symbols = executable.has_symbol(names::SYMBOL);
    let is_tokio = has(names::POLL) || !tokio_versions.is_empty() || symbols == Some(true);
    let found = if let (true, Some(missing)) = (is_tokio, &executable.missing) {
        DebugInfoLevel::Elsewhere {
            name: missing.name.clone(),
            other: missing.other.clone(),
        }
    } else if index.split {
        DebugInfoLevel::Split
    } else if has(names::POLL) {
        DebugInfoLevel::Limited
    } else if index
        .unit_names
        .iter()
        .any(|name| name.contains(names::FOLDER))
    {
        DebugInfoLevel::LineTables
    } else if symbols.is_none() && index.unit_names.is_empty() {
        DebugInfoLevel::Stripped
    } else if is_tokio {
        DebugInfoLevel::None
    } else {
        return Err(Error::NotTokio { executable: path });
    };
    let error = Error::DebugInfo {
        executable: path,
        found,
    };
    if is_tokio {
        Ok(Some(error))
    } else {
        Err(error)
    }
}

/// The versions of Tokio in the paths of the program's compilation units. Without any, in the paths of its panics.
fn tokio_versions(executable: &Executable, index: &Index) -> Vec<String> {
    let version = |rest: &str| {
        let (version, _) = rest.split_once('/')?;
        version
            .starts_with(|first: char| first.is_ascii_digit())
            .then(|| version.to_owned())
    };
    let units = index.unit_names.iter();
    let mut versions: Vec<String> = units
        .filter_map(|name| version(name.split_once(names::FOLDER)?.1))
        .collect();
    if versions.is_empty() {
        let texts = executable.texts_after(names::FOLDER);
        versions.extend(texts.iter().filter_map(|rest| version(rest)));
    }
    versions.sort_unstable();
    versions.dedup();
    versions
}

/// What the pass over the debug info looks for.
static WANTED: [Wanted; names::WANTED.len() + values::WANTED.len()] = {
    let mut all = [names::WANTED[0]; names::WANTED.len() + values::WANTED.len()];
    let (own, others) = all.split_at_mut(names::WANTED.len());
    own.copy_from_slice(names::WANTED);
    others.copy_from_slice(values::WANTED);
    all
};

/// One reading of a process.
struct Reading<'r> {
    inspector: &'r Inspector,
    context: &'r Context<'r>,
    tasks: &'r TaskReader,
    wakers: Option<&'r WakerLayout>,
}

/// The tasks that were found, and who owns them.
struct Population {
    runtimes: Vec<(RawRuntime, Owned)>,
    /// By the addresses of the tasks, in their order.
    owners: Vec<(u64, RuntimeId)>,
    tasks: Vec<RawTask>,
    pools: Vec<Option<RawPool>>,
    /// Everything that looks like a closure of a blocking pool. Some were freed.
    closures: Vec<RawTask>,
    /// Everything that looks like a waker of a task, sorted by task. Some were freed or moved.
    wakers: Vec<FoundWaker>,
}

impl Population {
    /// The runtime that owns the task at this address.
    fn owner(&self, task: u64) -> Option<RuntimeId> {
        let found = self
            .owners
            .binary_search_by_key(&task, |(address, _)| *address);
        found.ok().map(|index| self.owners[index].1)
    }
}

impl Reading<'_> {
    fn snapshot(
        &self,
        mut walker: Walker<'_>,
        threads: &[RawThread],
        block_ons: BlockOns,
    ) -> Snapshot {
        let plans = &self.inspector.plans;
        let BlockOns {
            mut found,
            runtimes: known,
            stacks,
        } = block_ons;
        // A task that was idle before all of its future was read, and still is after, did not move in between. So
        // the states are read first, and once more at the end, and nothing of the one is taken for the other.
        let population = self.population(&known, true);
        self.context.memory.forget();
        let mut places = Places::default();
        let read = |raw: &RawTask| self.task(&mut walker, &mut places, raw, &population);
        let mut tasks: Vec<Task> = population.tasks.iter().map(read).collect();
        for block_on in &mut found {
            let root = &mut block_on.root;
            self.register(&mut root.tree, &root.wakers, block_on.waker, &mut places);
        }
        let registrations = self.registrations(&population, &mut places);
        places.locate(&mut tasks, &population.wakers);
        let mut statics = walker.statics();
        let mut blocking_tasks = self.blocking_tasks(&mut walker, &population, threads, &stacks);
        let awaited = tasks.iter().map(|task| &task.futures);
        let blocked = found.iter().map(|block_on| &block_on.root.tree);
        let kept = statics.iter().map(|it| &it.futures);
        let captured = blocking_tasks.iter().map(|it| &it.futures);
        walker.read_objects(
            awaited.chain(blocked).chain(kept).chain(captured),
            (statics.iter().flat_map(|it| &it.handles))
                .chain(blocking_tasks.iter().flat_map(|it| &it.handles)),
        );
        tasks.extend(self.ended(&mut walker, &tasks, &population));
        self.note_changed(&mut tasks, &population);
        tasks.sort_unstable_by_key(|task| (task.id, task.address));
        let mut block_ons: Vec<BlockOn> = found.into_iter().map(|it| self.block_on(it)).collect();
        let runtimes = listed(&population, registrations);
        let threads = self.inspector.threads(self.context.debug, threads, &stacks);
        let awaited = tasks.iter_mut().map(|task| &mut task.futures);
        let blocked = block_ons.iter_mut().map(|block_on| &mut block_on.futures);
        let kept = statics
            .iter_mut()
            .map(|it| (&mut it.futures, &mut it.handles));
        let captured = blocking_tasks
            .iter_mut()
            .map(|it| (&mut it.futures, &mut it.handles));
        let (others, handles): (Vec<_>, Vec<_>) = kept.chain(captured).unzip();
        let objects =
            walker.take_objects(awaited.chain(blocked).chain(others), handles.into_iter());
        in_objects(&mut tasks, &objects);
        let (names, places, locals) = plans.tables();
        Snapshot {
            runtimes,
            tasks,
            blocking_tasks,
            threads,
            block_ons,
            names,
            places,
            locals,
            objects,
            statics,
            ..self.inspector.empty()
        }
    }

    fn snapshot_of_runtime(&self, mut walker: Walker<'_>, runtime: &[RawRuntime]) -> Snapshot {
        let population = self.population(runtime, false);
        self.context.memory.forget();
        let mut places = Places::default();
        let read = |raw: &RawTask| self.task(&mut walker, &mut places, raw, &population);
        let mut tasks: Vec<Task> = population.tasks.iter().map(read).collect();
        self.note_changed(&mut tasks, &population);
        tasks.sort_unstable_by_key(|task| (task.id, task.address));
        let objects = walker.take_objects(
            tasks.iter_mut().map(|task| &mut task.futures),
            [].into_iter(),
        );
        let (names, places, locals) = self.inspector.plans.tables();
        Snapshot {
            runtimes: listed(&population, vec![Vec::new(); population.runtimes.len()]),
            tasks,
            names,
            places,
            locals,
            objects,
            ..self.inspector.empty()
        }
    }

    /// Notes which tasks are no longer as they were when their states were read.
    fn note_changed(&self, tasks: &mut [Task], population: &Population) {
        self.context.memory.forget();
        for (task, raw) in tasks.iter_mut().zip(&population.tasks) {
            let now = self.tasks.task(self.context.memory, raw.address);
            task.changed = now.is_none_or(|now| now.state != raw.state || now.id != raw.id);
        }
    }

    fn block_on(&self, block_on: RawBlockOn) -> BlockOn {
        let plans = &self.inspector.plans;
        let future = plans.name(&self.context.debug.ty(block_on.ty).name);
        let (name, origin) = block_on.root.function.unzip();
        let name = name.or(block_on.root.concrete);
        BlockOn {
            thread: block_on.thread,
            address: Address(block_on.address),
            name: name.unwrap_or(future),
            future,
            origin,
            futures: block_on.root.tree,
            wakers: block_on.wakers,
            polled: block_on.polled,
            changed: false,
        }
    }

    /// Finds runtimes and their tasks: those of the runtimes that are known, and more if memory `is_searched`. Lists
    /// that change while they are read are read again.
    fn population(&self, known: &[RawRuntime], is_searched: bool) -> Population {
        let mut attempt = 1;
        loop {
            let population = self.try_population(known, is_searched);
            let intact = population.runtimes.iter().all(|(_, owned)| owned.intact);
            if intact || attempt >= self.context.limits.attempts {
                for (number, (_, owned)) in population.runtimes.iter().enumerate() {
                    if !owned.intact {
                        self.context.gap(Gap::TasksChanged {
                            runtime: RuntimeId(u32::try_from(number).unwrap_or(u32::MAX)),
                            read: owned.listed,
                            counted: owned.counted,
                        });
                    }
                }
                TaskReader::check_types(self.context, population.tasks.iter());
                return population;
            }
            attempt += 1;
            self.context.memory.forget();
        }
    }

    fn try_population(&self, known: &[RawRuntime], is_searched: bool) -> Population {
        let tasks = self.tasks;
        let mut raw: HashMap<u64, RawRuntime> = known
            .iter()
            .map(|runtime| (runtime.value.address, runtime.clone()))
            .collect();
        let (mut closures, mut wakers) = (Vec::new(), Vec::new());
        if is_searched {
            // A process that reads itself has its own debug info in memory, which may be most of it.
            let inspector = self.inspector;
            let left_out = if inspector.target.id() == std::process::id() {
                inspector.executable.own_memory()
            } else {
                Vec::new()
            };
            wakers = tasks.search(self.context, self.wakers, &left_out, |memory, candidate| {
                let Some(cell) = &candidate.ty.cell else {
                    return;
                };
                if plausible(&candidate)
                    && let Some(runtime) = cell.runtime(memory, candidate.address)
                {
                    raw.entry(runtime.value.address).or_insert(runtime);
                }
                if cell.blocking && !cell.worker {
                    closures.push(candidate);
                }
            });
        }
        wakers.sort_unstable();
        let runs = |runtime: &RawRuntime| {
            let mut known = known.iter();
            known.any(|it| it.value.address == runtime.value.address)
        };
        let mut runtimes = Vec::new();
        for runtime in raw.into_values() {
            let Some(owned) = runtime.owned(self.context, tasks) else {
                continue;
            };
            let pool = pool::of_runtime(self.context, &runtime);
            let is_readable = pool.as_ref().is_none_or(|pool| pool.queued.is_some());
            // Freed memory may still look like a runtime, but one without a thread, a task or a readable queue.
            if is_readable || owned.listed > 0 || runs(&runtime) {
                runtimes.push(((runtime, owned), pool));
            }
        }
        runtimes.sort_unstable_by_key(|((runtime, _), _)| runtime.value.address);
        let (mut runtimes, pools): (Vec<(RawRuntime, Owned)>, Vec<_>) =
            runtimes.into_iter().unzip();
        pool::check_queues(self.context, pools.iter().flatten());
        let mut found = Vec::new();
        for (number, (_, owned)) in runtimes.iter_mut().enumerate() {
            let id = RuntimeId(u32::try_from(number).unwrap_or(u32::MAX));
            found.extend(owned.tasks.drain(..).map(|task| (task, id)));
        }
        // In the order of their addresses, so that each page is read once.
        found.sort_unstable_by_key(|(task, id)| (task.address, *id));
        found.dedup_by_key(|(task, _)| task.address);
        let owners = found.iter().map(|(task, id)| (task.address, *id)).collect();
        Population {
            runtimes,
            owners,
            tasks: found.into_iter().map(|(task, _)| task).collect(),
            pools,
            closures,
            wakers,
        }
    }

    fn task(
        &self,
        walker: &mut Walker<'_>,
        places: &mut Places,
        raw: &RawTask,
        population: &Population,
    ) -> Task {
        let plans = &self.inspector.plans;
        let arguments = plans.name(&raw.ty.arguments);
        let mut task = Task {
            id: raw.id,
            address: Address(raw.address),
            size: raw.ty.cell.as_ref().map_or(0, |cell| cell.size),
            runtime: population.owner(raw.address),
            name: arguments,
            given_name: None,
            future: arguments,
            origin: None,
            spawned_at: None,
            state: raw.task_state(),
            futures: AwaitTree::default(),
            outcome: outcomes::of_task(&walker.texts, raw),
            wakers: None,
            changed: false,
        };
        task.wakers = raw.wakers(task.runtime.is_some()).map(|count| Wakers {
            count,
            located: Vec::new(),
        });
        let Some(cell) = &raw.ty.cell else {
            return task;
        };
        let spawned_at = cell.spawned_at(self.context.memory, raw.address);
        task.spawned_at = spawned_at.map(|(file, line)| SpawnedAt {
            file: plans.name(&file),
            line,
        });
        let future = self.context.debug.ty(cell.future);
        task.future = plans.name(&future.name);
        let (mut function, mut concrete) = (None, None);
        if cell.stage(self.context.memory, raw.address) == Some(Stage::Running) {
            let root = walker.read(cell.future, cell.future_address(raw.address));
            task.futures = root.tree;
            let own = self.wakers.map(|wakers| wakers.of_task(raw.address));
            self.register(&mut task.futures, &root.wakers, own, places);
            (function, concrete) = (root.function, root.concrete);
        }
        let of_type = || {
            plans
                .only_coroutine(self.context, cell.future)
                .map(|root| (root.function_id, root.origin))
        };
        let (name, origin) = function.or_else(of_type).unzip();
        task.name = name.or(concrete).unwrap_or(task.future);
        task.origin = origin;
        task
    }

    /// Tasks that have ended and whose `JoinHandle` somebody still holds or awaits.
    fn ended(&self, walker: &mut Walker<'_>, tasks: &[Task], population: &Population) -> Vec<Task> {
        // A task that has ended waits for nothing.
        let mut places = Places::default();
        let listed: HashSet<u64> = tasks.iter().map(|task| task.address.0).collect();
        let mut addresses: Vec<u64> = tasks
            .iter()
            .flat_map(|task| &task.futures.leaves)
            .filter_map(|leaf| match leaf.waits_for {
                WaitsFor::Task { task } => Some(task.0),
                _ => None,
            })
            .collect();
        addresses.extend(walker.objects.list.iter().map(|object| object.address.0));
        addresses.retain(|address| !listed.contains(address));
        addresses.sort_unstable();
        addresses.dedup();
        let ended = addresses
            .into_iter()
            .filter_map(|address| self.tasks.task(self.context.memory, address));
        let ended: Vec<RawTask> = ended
            .filter(|task| task.has(state::COMPLETE) && plausible(task))
            .collect();
        ended
            .iter()
            .filter(|task| task.ty.cell.as_ref().is_none_or(|cell| !cell.blocking))
            .map(|task| self.task(walker, &mut places, task, population))
            .collect()
    }

    /// Notes for each leaf whether a waker of its own is where the leaf leaves it, and what such places are part of.
    fn register(
        &self,
        tree: &mut AwaitTree,
        slots: &WakerSlots,
        own: Option<RawWaker>,
        places: &mut Places,
    ) {
        let memory = self.context.memory;
        for (leaf, slot) in tree.leaves.iter_mut().zip(&slots.leaves) {
            let (start, size, place) = match *slot {
                Slot::Unknown => continue,
                Slot::Empty => {
                    leaf.registered = Some(false);
                    continue;
                }
                Slot::Within { start, size } => {
                    let shared = Address(start);
                    let place = match leaf.waits_for {
                        _ if shared == leaf.address => WakerPlace::Leaf { leaf: leaf.address },
                        WaitsFor::Io { .. } => WakerPlace::Io {
                            registration: shared,
                        },
                        _ => WakerPlace::Channel { channel: shared },
                    };
                    (start, size, place)
                }
                Slot::Task(task) => {
                    let Some((start, size)) = self.tasks.join_waker(memory, task) else {
                        leaf.registered = Some(false);
                        continue;
                    };
                    let task = Address(task);
                    (start, size, WakerPlace::Task { task })
                }
            };
            places.add(start, size, place);
            let (Some(wakers), Some(own)) = (self.wakers, own) else {
                continue;
            };
            let fits = |waker: RawWaker| waker == own || slots.members.contains(&waker.data);
            leaf.registered = wakers.any_in(memory, start, size, fits);
        }
        for (start, size) in &slots.sets {
            let set = Address(*start);
            places.add(*start, *size, WakerPlace::Set { set });
        }
    }

    /// What waits for I/O, by runtime.
    fn registrations(
        &self,
        population: &Population,
        places: &mut Places,
    ) -> Vec<Vec<Registration>> {
        let of_runtime = |(runtime, _): &(RawRuntime, Owned)| {
            let Some(wakers) = self.wakers else {
                return Vec::new();
            };
            let (found, size) = wakers::registrations(self.context, wakers, runtime);
            for registration in &found {
                let place = WakerPlace::Io {
                    registration: registration.address,
                };
                places.add(registration.address.0, size, place);
            }
            found
        };
        population.runtimes.iter().map(of_runtime).collect()
    }

    /// Blocking tasks that run or are queued.
    fn blocking_tasks(
        &self,
        walker: &mut Walker<'_>,
        population: &Population,
        threads: &[RawThread],
        stacks: &HashMap<u32, Vec<StackFrame>>,
    ) -> Vec<BlockingTask> {
        let mut found = Vec::new();
        let mut queued: HashMap<u64, RuntimeId> = HashMap::new();
        for (number, pool) in population.pools.iter().enumerate() {
            let id = RuntimeId(u32::try_from(number).unwrap_or(u32::MAX));
            for task in pool.iter().flat_map(|pool| &pool.queued).flatten() {
                queued.insert(*task, id);
            }
        }
        let running: HashMap<u64, &RawTask> = population
            .closures
            .iter()
            .filter(|task| {
                task.has(state::RUNNING) && !task.has(state::COMPLETE) && plausible(task)
            })
            .map(|task| (task.address, task))
            .collect();
        let running_on = if running.is_empty() {
            HashMap::new()
        } else {
            self.running_on(&running, stacks)
        };
        // A thread that runs has a stack that can't be searched: what it runs is not known.
        let all_asleep = threads.iter().all(|thread| stacks.contains_key(&thread.id));
        for task in &population.closures {
            let (state, runtime) = if let Some(runtime) = queued.get(&task.address) {
                (BlockingState::Queued, Some(*runtime))
            } else if let Some(thread) = running_on.get(&task.address) {
                (
                    BlockingState::Running {
                        thread: Some(*thread),
                    },
                    None,
                )
            } else if running.contains_key(&task.address) && !all_asleep {
                (BlockingState::Running { thread: None }, None)
            } else {
                continue;
            };
            let mut futures = match state {
                BlockingState::Queued => self.captured(walker, task),
                BlockingState::Running { thread } => {
                    let frames = thread.and_then(|thread| stacks.get(&thread));
                    self.was_captured(walker, task, frames.map_or(&[][..], |frames| frames))
                }
            };
            found.push(BlockingTask {
                id: task.id,
                address: Address(task.address),
                size: task.ty.cell.as_ref().map_or(0, |cell| cell.size),
                closure: self.closure_of(task),
                state,
                runtime,
                handles: std::mem::take(&mut futures.handles),
                futures,
            });
        }
        found.sort_unstable_by_key(|task| (task.id, task.address));
        found
    }

    /// What the closure of a queued task holds.
    fn captured(&self, walker: &mut Walker<'_>, task: &RawTask) -> AwaitTree {
        let closure = || {
            let cell = task.ty.cell.as_ref()?;
            let stage = cell.stage(self.context.memory, task.address)?;
            let future = self.context.debug.ty(cell.future);
            let future = Value::new(future, cell.future_address(task.address));
            names::BLOCKING_CLOSURE
                .at(self.context, &future)
                .filter(|_| stage == Stage::Running)
        };
        closure().map_or_else(AwaitTree::default, |closure| {
            walker.contents(closure.ty.id, closure.address)
        })
    }

    /// What the closure of a running task held when it began. It was moved to the stack of its thread.
    fn was_captured(
        &self,
        walker: &mut Walker<'_>,
        task: &RawTask,
        frames: &[StackFrame],
    ) -> AwaitTree {
        let Some(closure) = self.closure_type(task) else {
            return AwaitTree::default();
        };
        let found = threads::variable(self.context, frames, |ty| ty.name == closure.name);
        let Some(value) = found else {
            return AwaitTree::default();
        };
        let mut held = walker.contents(value.ty.id, value.address);
        for handle in &mut held.handles {
            handle.maybe_dropped = true;
        }
        let frames = held.frames.iter_mut().map(|frame| &mut frame.held_in);
        let leaves = held.leaves.iter_mut().map(|leaf| &mut leaf.held_in);
        for held_in in frames.chain(leaves).flatten() {
            held_in.maybe_dropped = true;
        }
        held
    }

    fn closure_type(&self, task: &RawTask) -> Option<Arc<Type>> {
        let debug = self.context.debug;
        let future = debug.ty(task.ty.cell.as_ref()?.future);
        Some(debug.ty(*future.arguments.first()?))
    }

    /// The closure that a blocking task runs.
    fn closure_of(&self, task: &RawTask) -> NameId {
        match self.closure_type(task) {
            Some(closure) => self.inspector.plans.closure_name(&closure),
            None => self.inspector.plans.name(&task.ty.arguments),
        }
    }

    /// Which thread runs each of these tasks: the one with the task's `poll` function on its stack, and the task's
    /// address near it.
    fn running_on(
        &self,
        tasks: &HashMap<u64, &RawTask>,
        stacks: &HashMap<u32, Vec<StackFrame>>,
    ) -> HashMap<u64, u32> {
        let debug = self.context.debug;
        let mut found = HashMap::new();
        for (thread, frames) in stacks {
            for (number, frame) in frames.iter().enumerate() {
                let Some(function) = debug.index.function_at(debug.file_address(frame.address))
                else {
                    continue;
                };
                if !self.tasks.is_poll(debug.memory_address(function.low)) {
                    continue;
                }
                // An argument of `poll`, and of what it calls.
                let start = frames[number.saturating_sub(POLL_FRAMES)].stack_pointer() & !7;
                let end = frames[(number + 1).min(frames.len() - 1)].cfa;
                let mut bytes = vec![
                    0;
                    usize::try_from(end.saturating_sub(start))
                        .unwrap_or(0)
                        .min(POLL_STACK)
                ];
                let read = self.context.memory.read_uncached(start, &mut bytes);
                let words = bytes[..read]
                    .as_chunks()
                    .0
                    .iter()
                    .map(|word| u64::from_le_bytes(*word));
                let polled = words.filter(|word| {
                    tasks.get(word).is_some_and(|task| {
                        self.tasks.polls(debug.memory_address(function.low), task)
                    })
                });
                found.extend(polled.map(|task| (task, *thread)));
            }
        }
        found
    }
}

fn listed(population: &Population, registrations: Vec<Vec<Registration>>) -> Vec<Runtime> {
    let runtimes = population.runtimes.iter().zip(&population.pools);
    runtimes
        .zip(registrations)
        .map(|(((runtime, owned), pool), registrations)| Runtime {
            address: Address(runtime.value.address),
            kind: runtime.kind,
            id: owned.id,
            owned: owned.counted,
            registrations,
            blocking_pool: pool.as_ref().map(|pool| pool.pool),
        })
        .collect()
}

/// Finds the wakers that are part of a shared value.
fn in_objects(tasks: &mut [Task], objects: &[Object]) {
    let shared = objects
        .iter()
        .enumerate()
        .filter(|(_, object)| object.counts.strong.is_some_and(|strong| strong > 0));
    let mut sorted: Vec<(u64, u64, ObjectId)> = shared
        .map(|(number, object)| {
            let start = object.address.0;
            let id = ObjectId(u32::try_from(number).unwrap_or(u32::MAX));
            (start, start.saturating_add(object.size), id)
        })
        .collect();
    sorted.sort_unstable();
    let wakers = tasks.iter_mut().filter_map(|task| task.wakers.as_mut());
    for waker in wakers.flat_map(|wakers| &mut wakers.located) {
        let address = waker.address.0;
        let after = sorted.partition_point(|(start, ..)| *start <= address);
        let inside = sorted[..after].last().filter(|(_, end, _)| address < *end);
        if let (WakerPlace::Elsewhere, Some((.., object))) = (waker.place, inside) {
            waker.place = WakerPlace::Object { object: *object };
        }
    }
}

/// Places in memory where wakers are known to be.
#[derive(Default)]
struct Places(Vec<(u64, u64, WakerPlace)>);

impl Places {
    fn add(&mut self, start: u64, size: u64, place: WakerPlace) {
        self.0.push((start, start.saturating_add(size), place));
    }

    /// Notes the wakers of each task. Those that were found are sorted by task.
    fn locate(mut self, tasks: &mut [Task], found: &[FoundWaker]) {
        self.0
            .sort_unstable_by_key(|(start, end, _)| (*start, *end));
        for task in tasks {
            let address = task.address.0;
            let Some(wakers) = &mut task.wakers else {
                continue;
            };
            let first = found.partition_point(|waker| waker.task < address);
            let own = found[first..].iter().take_while(|it| it.task == address);
            // As many as there are, without room for more that would have to be given back.
            wakers.located = found[first..first + own.count()]
                .iter()
                .map(|waker| LocatedWaker {
                    address: Address(waker.address),
                    place: self.place_of(waker.address),
                })
                .collect();
        }
    }

    fn place_of(&self, waker: u64) -> WakerPlace {
        let after = self.0.partition_point(|(start, ..)| *start <= waker);
        let place = self.0[..after].last();
        place
            .filter(|(_, end, _)| waker < *end)
            .map_or(WakerPlace::Elsewhere, |(.., place)| *place)
    }
}

/// How many descriptors are described.
const DESCRIPTORS: usize = 100;
/// How many functions below `poll` are searched for the task that it polls.
const POLL_FRAMES: usize = 3;
/// How much of a stack is searched for it, in bytes.
const POLL_STACK: usize = 1 << 20;

/// Whether a task that is in no list is likely one: a freed one has other values where its references were.
fn plausible(task: &RawTask) -> bool {
    (1..state::ABSURD_REFERENCES).contains(&task.references())
}
