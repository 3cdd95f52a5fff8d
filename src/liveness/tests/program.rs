//! Snapshots that are built by hand: each task has one function, in which it holds and awaits.

use unstuck_inspect::snapshot::{
    Address, AwaitTree, BlockOn, BlockingPool, BlockingState, BlockingTask, Channel, ChannelKind,
    Counts, Frame, FrameIndex, Handle, HandleKind, HeldIn, Leaf, Lifecycle, Local, LocalId, NameId,
    NativeFrame, NotifyKind, Object, ObjectId, Origin, Outcome, PermitKind, Place, PlaceId,
    Pointer, Process, Runtime, RuntimeId, RuntimeKind, SCHEMA, Snapshot, Static, Suspension,
    SystemCall, Task, TaskState, Thread, ThreadActivity, ThreadState, WaitsFor,
};

/// A task of a [`Program`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct TaskId(pub(super) usize);

/// Something that tasks hold and wait for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Thing {
    pub(super) object: ObjectId,
    address: Address,
}

impl Thing {
    pub(super) fn message(self) -> WaitsFor {
        WaitsFor::Message {
            channel: self.address,
        }
    }

    pub(super) fn value(self) -> WaitsFor {
        WaitsFor::Oneshot {
            channel: self.address,
        }
    }

    pub(super) fn place(self) -> WaitsFor {
        WaitsFor::Room {
            channel: self.address,
        }
    }

    pub(super) fn bytes(self) -> WaitsFor {
        WaitsFor::Bytes { pipe: self.address }
    }

    pub(super) fn notification(self) -> WaitsFor {
        WaitsFor::Notify {
            notify: self.address,
            of: NotifyKind::Notify,
        }
    }

    pub(super) fn lock(self) -> WaitsFor {
        self.permits(PermitKind::Mutex, 1, 1)
    }

    pub(super) fn room(self) -> WaitsFor {
        self.permits(PermitKind::ChannelRoom, 1, 1)
    }

    /// It was granted its permit, and has not been polled since.
    pub(super) fn granted(self, of: PermitKind) -> WaitsFor {
        self.permits(of, 1, 0)
    }

    fn permits(self, of: PermitKind, wanted: u64, missing: u64) -> WaitsFor {
        WaitsFor::Permits {
            of,
            semaphore: Address(self.address.0 + 8),
            wanted,
            missing: Some(missing),
            queued: true,
            available: 0,
        }
    }
}

pub(super) fn timer() -> WaitsFor {
    WaitsFor::Timer {
        deadline_ns: 5_000_000_000,
        of_timeout: false,
    }
}

pub(super) fn address(number: u64) -> Address {
    Address(0x70_0000 + number)
}

pub(super) struct Program(pub(super) Snapshot);

impl Program {
    /// A main that waits for `main`, on the only thread, which is parked.
    pub(super) fn new() -> Self {
        let mut program = Self(Snapshot {
            schema: SCHEMA,
            process: Process {
                id: 1,
                executable: "app".to_owned(),
                tokio_version: None,
                folder: None,
            },
            taken_at_ns: Some(1_000_000_000),
            runtimes: vec![Runtime {
                address: Address(0x10),
                kind: RuntimeKind::MultiThread,
                id: None,
                owned: None,
                registrations: Vec::new(),
                blocking_pool: Some(BlockingPool {
                    address: Address(0x20),
                    threads: Some(2),
                    idle: Some(0),
                    limit: Some(2),
                }),
            }],
            tasks: Vec::new(),
            blocking_tasks: Vec::new(),
            threads: Vec::new(),
            block_ons: Vec::new(),
            names: vec!["app::task".to_owned()],
            places: Vec::new(),
            locals: Vec::new(),
            objects: Vec::new(),
            statics: Vec::new(),
            pointers: Vec::new(),
            descriptors: Vec::new(),
            gaps: Vec::new(),
        });
        program.thread(1, ThreadActivity::BlockOn);
        program.block_on(1);
        program
    }

    pub(super) fn thread(&mut self, id: u32, activity: ThreadActivity) {
        self.0.threads.push(Thread {
            id,
            name: String::new(),
            state: ThreadState::Sleeping,
            system_call: Some(SystemCall {
                number: 202,
                first_argument: 0,
            }),
            stack: Vec::new(),
            activity,
        });
    }

    /// The task has ended with this error, and its handle is still there.
    pub(super) fn ends_with(&mut self, TaskId(task): TaskId, error: &str) {
        let task = &mut self.0.tasks[task];
        task.state.lifecycle = Lifecycle::Complete;
        task.state.join_handle = true;
        task.futures = AwaitTree::default();
        task.outcome = Some(Outcome::Error {
            text: error.to_owned(),
        });
    }

    /// The main thread sleeps until something in this object changes.
    pub(super) fn main_sleeps_on(&mut self, thing: Thing) {
        self.0.threads[0].system_call = Some(SystemCall {
            number: 202,
            first_argument: thing.address.0 + 8,
        });
    }

    /// The functions that a thread is in, the innermost first.
    pub(super) fn is_in(&mut self, thread: u32, functions: &[&str]) {
        let mut threads = self.0.threads.iter_mut();
        let thread = threads.find(|it| it.id == thread).expect("it is there");
        let frame = |function: &&str| NativeFrame {
            function: Some((*function).to_owned()),
            file: None,
            line: None,
            origin: Some(Origin::Library),
            inlined: false,
        };
        thread.stack = functions.iter().map(frame).collect();
    }

    /// The innermost function of a thread is one of the program.
    pub(super) fn calls_back(&mut self, thread: u32) {
        let mut threads = self.0.threads.iter_mut();
        let thread = threads.find(|it| it.id == thread).expect("it is there");
        thread.stack[0].origin = Some(Origin::Program);
    }

    /// A task of a library that runs this function.
    pub(super) fn is_of_library(&mut self, task: TaskId, function: &str) {
        self.0.names.push(function.to_owned());
        let name = NameId(u32::try_from(self.0.names.len() - 1).unwrap());
        let library = Some(Origin::Library);
        (self.0.tasks[task.0].name, self.0.tasks[task.0].origin) = (name, library);
        self.place_of(task).origin = Origin::Library;
    }

    /// The function of a task is one of the program, whoever spawned it.
    pub(super) fn calls_back_in(&mut self, task: TaskId) {
        self.place_of(task).origin = Origin::Program;
    }

    fn place_of(&mut self, TaskId(task): TaskId) -> &mut Place {
        let PlaceId(place) = self.0.tasks[task].futures.frames[0].place;
        &mut self.0.places[place as usize]
    }

    /// A thread that runs a future by itself. It has to be made to wait.
    pub(super) fn block_on(&mut self, thread: u32) -> usize {
        let futures = self.function();
        self.0.block_ons.push(BlockOn {
            thread,
            address: Address(0x30),
            name: NameId(0),
            future: NameId(0),
            origin: Some(Origin::Program),
            futures,
            wakers: None,
            polled: false,
            changed: false,
        });
        self.0.block_ons.len() - 1
    }

    fn function(&mut self) -> AwaitTree {
        let line = u32::try_from(self.0.places.len()).unwrap() + 1;
        self.0.places.push(Place {
            function: "app::task".to_owned(),
            file: "main.rs".to_owned(),
            line,
            function_file: "main.rs".to_owned(),
            first_line: line,
            last_line: line,
            in_macro: false,
            origin: Origin::Program,
        });
        AwaitTree {
            frames: vec![Frame {
                place: PlaceId(line - 1),
                suspension: Suspension::Suspended(0),
                parent: None,
                held_in: None,
                address: Address(0x4000_0000 + 0x1000 * u64::from(line)),
                size: 0x1000,
                awaits: None,
                results: Vec::new(),
                joined: Vec::new(),
                handles: Vec::new(),
            }],
            leaves: Vec::new(),
            handles: Vec::new(),
        }
    }

    /// A task with a handle that nobody has any more.
    pub(super) fn task(&mut self) -> TaskId {
        let index = self.0.tasks.len();
        let futures = self.function();
        self.0.tasks.push(Task {
            id: index as u64,
            address: Address(0x10_0000 + 0x100 * index as u64),
            size: 0x80,
            runtime: Some(RuntimeId(0)),
            name: NameId(0),
            given_name: None,
            future: NameId(0),
            origin: Some(Origin::Program),
            spawned_at: None,
            state: TaskState {
                lifecycle: Lifecycle::Idle,
                notified: false,
                cancelled: false,
                join_handle: false,
                join_waker: false,
                references: 1,
            },
            futures,
            outcome: None,
            wakers: None,
            changed: false,
        });
        TaskId(index)
    }

    /// An object of its own, of this size.
    pub(super) fn thing(&mut self, type_name: &str, counts: Counts) -> Thing {
        let index = self.0.objects.len();
        let address = Address(0x20_0000 + 0x100 * index as u64);
        self.0.names.push(type_name.to_owned());
        self.0.objects.push(Object {
            address,
            size: 64,
            align: 8,
            type_name: NameId(u32::try_from(self.0.names.len() - 1).unwrap()),
            label: None,
            is_buffer: false,
            counts,
            channel: None,
            handles: Vec::new(),
            futures: AwaitTree::default(),
        });
        Thing {
            object: ObjectId(u32::try_from(index).unwrap()),
            address,
        }
    }

    pub(super) fn mutex(&mut self) -> Thing {
        self.thing("tokio::sync::mutex::Mutex<()>", Counts::default())
    }

    /// One that so many `Arc`s share.
    pub(super) fn shared_mutex(&mut self, arcs: u64) -> Thing {
        let counts = Counts {
            strong: Some(arcs),
            weak: Some(0),
            ..Counts::default()
        };
        self.thing("tokio::sync::mutex::Mutex<()>", counts)
    }

    pub(super) fn channel(&mut self, senders: u64) -> Thing {
        let counts = Counts {
            senders: Some(senders),
            weak_senders: Some(0),
            ..Counts::default()
        };
        self.thing("tokio::sync::mpsc::chan::Chan<u32, Semaphore>", counts)
    }

    /// A channel that several may receive from.
    pub(super) fn shared_channel(&mut self, receivers: u64, weak_senders: u64) -> Thing {
        let counts = Counts {
            senders: Some(1),
            weak_senders: Some(weak_senders),
            receivers: Some(receivers),
            ..Counts::default()
        };
        let thing = self.thing("library::Channel<u32>", counts);
        self.is_channel(thing, ChannelKind::Mpmc, false);
        thing
    }

    /// A pipe of which so many ends are left.
    pub(super) fn pipe(&mut self, ends: u64, closed: bool) -> Thing {
        let counts = Counts {
            strong: Some(ends),
            ..Counts::default()
        };
        let thing = self.thing("Mutex<tokio::io::util::mem::SimplexStream>", counts);
        self.is_channel(thing, ChannelKind::Pipe, closed);
        thing
    }

    fn is_channel(&mut self, thing: Thing, kind: ChannelKind, closed: bool) {
        self.0.objects[thing.object.0 as usize].channel = Some(Channel {
            kind,
            queued: None,
            capacity: None,
            closed: Some(closed),
            receiver_waits: None,
        });
    }

    /// Its receiver is there, and so is its sender.
    pub(super) fn oneshot(&mut self) -> Thing {
        let counts = Counts {
            strong: Some(2),
            ..Counts::default()
        };
        self.thing("tokio::sync::oneshot::Inner<u32>", counts)
    }

    pub(super) fn notify(&mut self, arcs: u64) -> Thing {
        let counts = Counts {
            strong: Some(arcs),
            weak: Some(0),
            ..Counts::default()
        };
        self.thing("tokio::sync::notify::Notify", counts)
    }

    fn local(&mut self, type_name: &str) -> LocalId {
        self.0.names.push(type_name.to_owned());
        self.0.locals.push(Local {
            name: Some("local".to_owned()),
            type_name: NameId(u32::try_from(self.0.names.len() - 1).unwrap()),
        });
        LocalId(u32::try_from(self.0.locals.len() - 1).unwrap())
    }

    fn handle(&mut self, kind: HandleKind, thing: Thing, maybe_dropped: bool) -> Handle {
        let local = self.local("Handle");
        Handle {
            local,
            kind,
            // Each handle is somewhere else.
            address: Address(0x30_0000 + 8 * u64::from(local.0)),
            size: 8,
            object: thing.object,
            owns: kind != HandleKind::MutexGuard,
            maybe_dropped,
        }
    }

    pub(super) fn holds(&mut self, task: TaskId, kind: HandleKind, thing: Thing) {
        let handle = self.handle(kind, thing, false);
        put(handle, &mut self.0.tasks[task.0].futures.frames[0]);
    }

    /// It may have dropped or moved it.
    pub(super) fn may_hold(&mut self, task: TaskId, kind: HandleKind, thing: Thing) {
        let handle = self.handle(kind, thing, true);
        put(handle, &mut self.0.tasks[task.0].futures.frames[0]);
    }

    /// A value, in an `Arc` that so many have.
    pub(super) fn value(&mut self, arcs: u64) -> Thing {
        let counts = Counts {
            strong: Some(arcs),
            weak: Some(0),
            ..Counts::default()
        };
        self.thing("app::State", counts)
    }

    /// Puts a handle into a value, or into the queue of a channel.
    pub(super) fn keeps(&mut self, value: Thing, kind: HandleKind, thing: Thing) {
        let handle = self.handle(kind, thing, false);
        self.0.objects[value.object.0 as usize].handles.push(handle);
    }

    /// Puts the handle of a task into a value.
    pub(super) fn keeps_task(&mut self, value: Thing, task: TaskId) {
        let address = self.0.tasks[task.0].address;
        let thing = self.thing("tokio::runtime::task::core::Header", Counts::default());
        self.0.objects[thing.object.0 as usize].address = address;
        let state = &mut self.0.tasks[task.0].state;
        state.references += 1;
        state.join_handle = true;
        self.keeps(value, HandleKind::JoinHandle, thing);
    }

    /// Puts a future into a value.
    pub(super) fn keeps_future(&mut self, value: Thing, waits_for: WaitsFor) {
        let futures = &mut self.0.objects[value.object.0 as usize].futures;
        futures.leaves.push(Leaf {
            frame: None,
            ..leaf(waits_for, 0)
        });
    }

    /// A static in which there is a handle.
    pub(super) fn static_holds(&mut self, name: &str, kind: HandleKind, thing: Thing) {
        let handle = self.handle(kind, thing, false);
        self.0.statics.push(Static {
            name: name.to_owned(),
            of_signal_driver: name.starts_with("tokio::signal::"),
            address: Address(0x60_0000),
            type_name: NameId(0),
            handles: vec![handle],
            futures: AwaitTree::default(),
        });
    }

    /// A closure has captured it.
    pub(super) fn captures(&mut self, closure: usize, kind: HandleKind, thing: Thing) {
        let handle = self.handle(kind, thing, false);
        self.0.blocking_tasks[closure].handles.push(handle);
    }

    /// Holds it in the fields of a future that is written by hand.
    pub(super) fn has_field(&mut self, task: TaskId, kind: HandleKind, thing: Thing) {
        let handle = self.handle(kind, thing, false);
        self.0.tasks[task.0].futures.handles.push(handle);
    }

    /// A handle to abort a task, or to wait for it.
    pub(super) fn holds_task(&mut self, holder: TaskId, kind: HandleKind, task: TaskId) {
        let address = self.0.tasks[task.0].address;
        let thing = self.thing("tokio::runtime::task::core::Header", Counts::default());
        self.0.objects[thing.object.0 as usize].address = address;
        let state = &mut self.0.tasks[task.0].state;
        state.references += 1;
        state.join_handle |= kind == HandleKind::JoinHandle;
        self.holds(holder, kind, thing);
    }

    /// Awaits something in its function, with a waker for it.
    pub(super) fn waits(&mut self, task: TaskId, waits_for: WaitsFor) {
        let task = &mut self.0.tasks[task.0];
        task.state.references += 1;
        let leaf = leaf(waits_for, task.futures.leaves.len());
        task.futures.leaves.push(leaf);
    }

    pub(super) fn thread_waits(&mut self, block_on: usize, waits_for: WaitsFor) {
        let futures = &mut self.0.block_ons[block_on].futures;
        let leaf = leaf(waits_for, futures.leaves.len());
        futures.leaves.push(leaf);
    }

    pub(super) fn main_waits(&mut self, waits_for: WaitsFor) {
        self.thread_waits(0, waits_for);
    }

    pub(super) fn end_of(&self, task: TaskId) -> WaitsFor {
        WaitsFor::Task {
            task: self.0.tasks[task.0].address,
        }
    }

    /// Has a future in a local, and does not poll it.
    pub(super) fn left_off(&mut self, task: TaskId, waits_for: WaitsFor) {
        let local = self.local("impl Future");
        self.waits(task, waits_for);
        let leaves = &mut self.0.tasks[task.0].futures.leaves;
        leaves.last_mut().unwrap().held_in = Some(HeldIn {
            local,
            maybe_dropped: false,
        });
    }

    pub(super) fn main_holds(&mut self, kind: HandleKind, thing: Thing) {
        let handle = self.handle(kind, thing, false);
        put(handle, &mut self.0.block_ons[0].futures.frames[0]);
    }

    /// It may have dropped or moved it.
    pub(super) fn main_may_hold(&mut self, kind: HandleKind, thing: Thing) {
        let handle = self.handle(kind, thing, true);
        put(handle, &mut self.0.block_ons[0].futures.frames[0]);
    }

    /// It may have dropped or moved a container that has it in a buffer.
    pub(super) fn main_may_hold_in_buffer(&mut self, kind: HandleKind, thing: Thing) -> Thing {
        let buffer = self.thing("memory", Counts::default());
        self.0.objects[buffer.object.0 as usize].is_buffer = true;
        let mut handle = self.handle(kind, thing, true);
        handle.address = Address(buffer.address.0 + 8);
        self.0.block_ons[0].futures.frames[0].handles.push(handle);
        buffer
    }

    /// Somewhere in main's function.
    pub(super) fn in_main(&self) -> Address {
        Address(self.0.block_ons[0].futures.frames[0].address.0 + 0x800)
    }

    /// Where the address of something is that handles have.
    pub(super) fn handles_of(&self, thing: Thing) -> Vec<Pointer> {
        let tasks = self.0.tasks.iter().map(|task| &task.futures);
        let block_ons = self.0.block_ons.iter().map(|it| &it.futures);
        let frames = tasks.chain(block_ons).flat_map(|futures| &futures.frames);
        let objects = self.0.objects.iter().flat_map(|object| &object.handles);
        let handles = frames.flat_map(|frame| &frame.handles).chain(objects);
        let own = handles.filter(|handle| handle.object == thing.object);
        let pointers = own.map(|handle| Pointer {
            address: handle.address,
            stack_of: None,
        });
        pointers.collect()
    }

    /// The type of what main awaits, and whether a macro such as `select!` awaits it.
    pub(super) fn main_awaits(&mut self, type_name: &str, in_macro: bool) {
        self.0.names.push(type_name.to_owned());
        let name = NameId(u32::try_from(self.0.names.len() - 1).unwrap());
        let frame = &mut self.0.block_ons[0].futures.frames[0];
        frame.awaits = Some(name);
        self.0.places[frame.place.0 as usize].in_macro = in_macro;
    }

    /// Main has a future in a local, and awaits a reference of it if it awaits it at all.
    pub(super) fn main_left_off(&mut self, waits_for: WaitsFor) {
        let local = self.local("impl Future");
        self.main_waits(waits_for);
        let leaves = &mut self.0.block_ons[0].futures.leaves;
        leaves.last_mut().unwrap().held_in = Some(HeldIn {
            local,
            maybe_dropped: false,
        });
    }

    /// What it awaits is in a timeout.
    pub(super) fn has_timeout(&mut self, task: TaskId) {
        self.waits(
            task,
            WaitsFor::Timer {
                deadline_ns: 5_000_000_000,
                of_timeout: true,
            },
        );
    }

    /// A task that wakes up every now and then.
    pub(super) fn ticker(&mut self) -> TaskId {
        let ticker = self.task();
        self.waits(ticker, timer());
        ticker
    }

    pub(super) fn blocking(&mut self, state: BlockingState) -> Address {
        let index = self.0.blocking_tasks.len() as u64;
        let address = Address(0x40_0000 + 0x100 * index);
        self.0.blocking_tasks.push(BlockingTask {
            id: 100 + index,
            address,
            size: 0x80,
            closure: NameId(0),
            handles: Vec::new(),
            futures: AwaitTree::default(),
            state,
            runtime: Some(RuntimeId(0)),
        });
        address
    }
}

fn leaf(waits_for: WaitsFor, index: usize) -> Leaf {
    Leaf {
        frame: Some(FrameIndex(0)),
        held_in: None,
        address: Address(0x50_0000 + 8 * index as u64),
        size: 8,
        registered: None,
        waits_for,
    }
}

/// Puts a handle into a function's memory.
fn put(mut handle: Handle, frame: &mut Frame) {
    handle.address = Address(frame.address.0 + 8 * frame.handles.len() as u64);
    frame.handles.push(handle);
}
