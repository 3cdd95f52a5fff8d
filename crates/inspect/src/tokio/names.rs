//! The names of Tokio's types and fields, and what each is needed for.

use crate::context::Context;
use crate::debug_info::{DebugInfo, Spot, Value, Wanted, WantedKind};
use crate::memory::Memory;

const fn ty(namespace: &'static str, name: &'static str) -> Wanted {
    Wanted {
        namespace,
        name,
        kind: WantedKind::Type,
    }
}

pub(crate) const CELL: Wanted = ty("tokio::runtime::task::core", "Cell<");
pub(crate) const HEADER: Wanted = ty("tokio::runtime::task::core", "Header");
pub(crate) const TRAILER: Wanted = ty("tokio::runtime::task::core", "Trailer");
pub(crate) const VTABLE: Wanted = ty("tokio::runtime::task::raw", "Vtable");
pub(crate) const POLL: Wanted = Wanted {
    namespace: "tokio::runtime::task::raw",
    name: "poll<",
    kind: WantedKind::Function,
};

pub(crate) const RAW_WAKER: Wanted = ty("core::task::wake", "RawWaker");
/// What the waker of a thread that runs `block_on` is made of.
pub(crate) const UNPARK: Wanted = ty("tokio::runtime::park", "UnparkThread");

/// `tokio::runtime::Handle`.
pub(crate) const USERS_HANDLE: Wanted = ty("tokio::runtime::handle", "Handle");

/// What the pass over the debug info looks for.
pub(crate) const WANTED: &[Wanted] = &[
    CELL,
    HEADER,
    TRAILER,
    VTABLE,
    POLL,
    RAW_WAKER,
    UNPARK,
    USERS_HANDLE,
];

/// The vtable of all wakers of tasks.
pub(crate) const WAKER_VTABLE: (&str, &str) = ("tokio::runtime::task::waker", "WAKER_VTABLE");
/// The locals of `block_on`: what parks the thread, and its waker.
pub(crate) const PARKER: &str = "&mut tokio::runtime::park::CachedParkThread";
pub(crate) const WAKER: &str = "core::task::wake::Waker";
/// The waker of a `block_on` that shares it with its runtime.
pub(crate) const WAKER_REF: &str = "tokio::util::wake::WakerRef";

/// Where a waker is kept.
pub(super) const WAKER_OPTION: &str = "core::option::Option<core::task::wake::Waker>";

pub(crate) const MULTI_THREAD: &str = "tokio::runtime::scheduler::multi_thread::handle::Handle";
pub(crate) const CURRENT_THREAD: &str = "tokio::runtime::scheduler::current_thread::Handle";
pub(crate) const LOCAL_SET: &str = "tokio::task::local::Shared";
/// The closure that a worker thread of a runtime runs.
pub(crate) const WORKER_CLOSURE: &str = "tokio::runtime::scheduler::multi_thread::worker::";
pub(crate) const WORKER: &str = "tokio::runtime::scheduler::multi_thread::worker::Worker";
/// A handle of either scheduler.
pub(crate) const ANY_HANDLE: &str = "tokio::runtime::scheduler::Handle";
pub(crate) const RUNTIME: &str = "tokio::runtime::runtime::Runtime";
/// The future of a task that runs a closure.
pub(crate) const BLOCKING_TASK: &str = "tokio::runtime::blocking::task::BlockingTask<";
/// A `JoinHandle` of a task that returns a result.
pub(crate) const HANDLE_OF_RESULT: &str =
    "tokio::runtime::task::join::JoinHandle<core::result::Result<";
/// What a handle tells of a task that panicked or was cancelled.
pub(crate) const JOIN_ERROR: &str = "tokio::runtime::task::error::JoinError";
/// A part of the mangled names of Tokio's functions.
pub(crate) const SYMBOL: &str = "5tokio7runtime";
/// The start of the folder that Cargo keeps Tokio's source in. The version follows.
pub(crate) const FOLDER: &str = "/tokio-";
/// Tokio's own async functions, such as `LocalSet::run_until`. A task is named after the function inside.
pub(crate) const FUNCTIONS: &str = "tokio::";
/// Async functions in these modules wait for what the I/O driver tells of when a signal comes.
pub(crate) const SIGNAL_DRIVEN: &[&str] = &["tokio::signal::", "tokio::process::"];
/// Statics in which the I/O driver finds whom to tell of a signal.
pub(crate) const SIGNAL_STATICS: &str = "tokio::signal::";
/// The static that has the table in which threads wait for locks: its namespace and its name.
pub(crate) const PARKING_TABLE: (&str, &str) = ("parking_lot_core::parking_lot", "HASHTABLE");
/// A future that gives up on another one.
pub(crate) const TIMEOUT: &str = "tokio::time::timeout::Timeout<";
/// Functions that run a future on the current thread.
pub(crate) const BLOCK_ON: &str = "block_on";

/// What becomes unknown if a name is missing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Feature {
    Tasks,
    TaskLists,
    BlockingPool,
    Semaphores,
    Notifications,
    Channels,
    Pipes,
    FuturesChannels,
    Flume,
    AsyncChannels,
    Joins,
    JoinSets,
    Groups,
    /// The names of events.
    EventNames,
    CancellationTokens,
    TaskTrackers,
    Connections,
    FuturesUnordered,
    Timers,
    Wakers,
    Io,
    LocalSets,
    Guards,
    Arcs,
    Containers,
    Parking,
}

impl Feature {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Tasks => "tasks",
            Self::TaskLists => "lists of tasks",
            Self::BlockingPool => "blocking pools",
            Self::Semaphores => "locks and semaphores",
            Self::Notifications => "notifications",
            Self::Channels => "channels",
            Self::Pipes => "pipes in memory",
            Self::FuturesChannels => "channels of futures-channel",
            Self::Flume => "channels of flume",
            Self::AsyncChannels => "channels of async-channel",
            Self::Joins => "join handles",
            Self::JoinSets => "members of a JoinSet",
            Self::Groups => "task groups",
            Self::EventNames => "the names of events",
            Self::CancellationTokens => "cancellation tokens",
            Self::TaskTrackers => "task trackers",
            Self::Connections => "connections of pools",
            Self::FuturesUnordered => "members of a FuturesUnordered",
            Self::Timers => "timers",
            Self::Wakers => "wakers",
            Self::Io => "I/O",
            Self::LocalSets => "LocalSets",
            Self::Guards => "guards and permits",
            Self::Arcs => "reference counts",
            Self::Containers => "elements of containers",
            Self::Parking => "threads that wait for locks",
        }
    }
}

/// A part of a type that a feature needs.
pub(crate) struct Need {
    pub(super) feature: Feature,
    /// Where the way starts, for messages.
    pub(super) of: &'static str,
    pub(super) way: &'static [Step],
}

/// A step on the way to a part.
pub(crate) enum Step {
    /// The field with this name.
    Field(&'static str),
    /// The nearest field with this name. It may be inside wrappers, such as a mutex.
    Named(&'static str),
    /// The nearest part of a type whose name starts so.
    Typed(&'static str),
    /// What the nearest pointer points to.
    Target,
    /// What an `Arc` or `Rc` shares.
    Shared,
    /// The contents of a variant, if the value is that variant.
    Variant(&'static str),
    /// The nearest pointer to a trait object.
    Trait,
    /// The field with the highest offset.
    Last,
}

/// A name that this program's Tokio does not have.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Missing {
    pub(crate) feature: Feature,
    pub(crate) name: String,
}

impl Need {
    /// Where the part is in any value of the type.
    pub(crate) fn locate(&self, debug: &DebugInfo<'_>, whole: &Spot) -> Result<Spot, Missing> {
        let mut spot = whole.clone();
        for (taken, step) in self.way.iter().enumerate() {
            let next = match step {
                Step::Field(name) => spot.field(debug, name),
                Step::Named(name) => spot.named(debug, name),
                Step::Typed(prefix) => spot.typed(debug, prefix),
                Step::Target => spot.target(debug),
                Step::Shared => spot.shared(debug),
                Step::Variant(name) => spot.variant(debug, name),
                Step::Trait => spot.trait_object(debug),
                Step::Last => spot.last(debug),
            };
            spot = next.ok_or_else(|| self.missing(taken))?;
        }
        Ok(spot)
    }

    /// The part of this value. A missing name is reported. `None` also if a pointer on the way is null or can't be
    /// read.
    pub(crate) fn at(&self, context: &Context<'_>, whole: &Value) -> Option<Value> {
        let spot = context.found(self.locate(context.debug, &Spot::whole(whole.ty.clone())))?;
        let address = spot.path().address(context.memory, whole.address)?;
        Some(Value::new(spot.ty, address))
    }

    /// The part of this value, if its variants lead there. `None` also if the memory can't be read, or a pointer on
    /// the way is null.
    pub(crate) fn find(
        &self,
        debug: &DebugInfo<'_>,
        memory: &dyn Memory,
        whole: &Value,
    ) -> Option<Value> {
        self.way
            .iter()
            .try_fold(whole.clone(), |value, step| match step {
                Step::Field(name) => value.field(debug, name),
                Step::Named(name) => value.named(debug, memory, name),
                Step::Typed(prefix) => value.typed(debug, memory, prefix),
                Step::Target => value.target(debug, memory),
                Step::Shared => value.shared(debug, memory),
                Step::Variant(name) => value.variant(debug, memory, name),
                // They are for layouts.
                Step::Trait | Step::Last => None,
            })
    }

    fn missing(&self, taken: usize) -> Missing {
        let mut name = self.of.to_owned();
        for step in &self.way[..=taken] {
            match step {
                Step::Field(field) | Step::Named(field) => {
                    name.push('.');
                    name.push_str(field);
                }
                Step::Typed(prefix) => {
                    name.push_str(" with a ");
                    name.push_str(prefix.trim_end_matches('<'));
                }
                Step::Variant(variant) => {
                    name.push_str("::");
                    name.push_str(variant);
                }
                Step::Target | Step::Shared => name.push_str(".*"),
                Step::Trait => name.push_str(" with a pointer and a vtable"),
                Step::Last => name.push_str(" with a field"),
            }
        }
        Missing {
            feature: self.feature,
            name,
        }
    }
}

use Step::{Field, Last, Named, Shared, Target, Trait, Typed, Variant};

macro_rules! needs {
    ($($name:ident: $feature:ident, $of:literal, [$($step:expr),*];)*) => {
        $(pub(crate) const $name: Need = Need { feature: Feature::$feature, of: $of, way: &[$($step),*] };)*
    };
}

pub(super) use needs;

// What each feature needs, and where it is.
needs! {
    HEADER_STATE: Tasks, "Header", [Field("state")];
    HEADER_VTABLE: Tasks, "Header", [Field("vtable")];
    VTABLE_POLL: Tasks, "Vtable", [Field("poll")];
    VTABLE_ID_OFFSET: Tasks, "Vtable", [Field("id_offset")];
    CELL_STAGE: Tasks, "Cell", [Field("core"), Field("stage"), Typed("tokio::runtime::task::core::Stage<")];
    CELL_SCHEDULER: Tasks, "Cell", [Field("core"), Field("scheduler")];
    // In builds with `--cfg tokio_unstable`.
    SPAWNED_AT_FILE: Tasks, "Cell", [Field("core"), Field("spawned_at"), Target, Named("data_ptr")];
    SPAWNED_AT_LENGTH: Tasks, "Cell", [Field("core"), Field("spawned_at"), Target, Named("length")];
    SPAWNED_AT_LINE: Tasks, "Cell", [Field("core"), Field("spawned_at"), Target, Field("line")];

    VTABLE_TRAILER_OFFSET: TaskLists, "Vtable", [Field("trailer_offset")];
    TRAILER_NEXT: TaskLists, "Trailer", [Field("owned"), Typed("tokio::util::linked_list::PointersInner<"), Field("next")];
    HANDLE_OWNED: TaskLists, "Handle", [Typed("tokio::runtime::task::list::OwnedTasks<")];
    OWNED_LISTS: TaskLists, "OwnedTasks", [Field("list"), Field("lists")];
    OWNED_ID: TaskLists, "OwnedTasks", [Field("id")];
    OWNED_COUNT: TaskLists, "OwnedTasks", [Field("list"), Field("count")];
    LOCAL_OWNED: TaskLists, "Shared", [Typed("tokio::runtime::task::list::LocalOwnedTasks<")];
    LIST_HEAD: TaskLists, "LinkedList", [Typed("tokio::util::linked_list::LinkedList<"), Field("head")];

    HANDLE_POOL: BlockingPool, "Handle", [Field("blocking_spawner"), Field("inner"), Shared];
    POOL_THREADS: BlockingPool, "Inner", [Field("metrics"), Field("num_threads")];
    POOL_IDLE: BlockingPool, "Inner", [Field("metrics"), Field("num_idle_threads")];
    POOL_LIMIT: BlockingPool, "Inner", [Field("thread_cap")];
    POOL_QUEUE: BlockingPool, "Inner", [Named("queue")];
    BLOCKING_CLOSURE: BlockingPool, "BlockingTask", [Field("func")];
    RUNTIME_HANDLE: TaskLists, "Runtime", [Field("handle"), Field("inner")];
    USERS_HANDLE_INNER: TaskLists, "Handle", [Field("inner")];
    ANY_HANDLE_CURRENT_THREAD: TaskLists, "scheduler::Handle", [Variant("CurrentThread"), Field("__0")];
    ANY_HANDLE_MULTI_THREAD: TaskLists, "scheduler::Handle", [Variant("MultiThread"), Field("__0")];
    WORKER_HANDLE: TaskLists, "Worker", [Field("handle")];

    ACQUIRE_SEMAPHORE: Semaphores, "Acquire", [Field("semaphore"), Target];
    ACQUIRE_PERMITS_LEFT: Semaphores, "Acquire", [Field("semaphore"), Target, Field("permits")];
    ACQUIRE_WANTED: Semaphores, "Acquire", [Field("num_permits")];
    ACQUIRE_MISSING: Semaphores, "Acquire", [Field("node"), Field("state")];
    ACQUIRE_QUEUED: Semaphores, "Acquire", [Field("queued")];

    NOTIFIED_NOTIFY: Notifications, "Notified", [Field("notify"), Target];
    OWNED_NOTIFIED_NOTIFY: Notifications, "OwnedNotified", [Field("notify"), Shared];

    MPSC_RX_CHANNEL: Channels, "Rx", [Field("inner"), Shared];
    ONESHOT_CHANNEL: Channels, "oneshot::Receiver", [Field("inner"), Shared];
    ONESHOT_RECEIVER_STATE: Channels, "oneshot::Receiver", [Field("inner"), Shared, Field("state")];
    BROADCAST_CHANNEL: Channels, "Recv", [Field("receiver"), Target, Field("shared"), Shared];

    CHANNEL_BOUND: Channels, "Chan", [Field("semaphore"), Field("bound")];
    CHANNEL_PERMITS: Channels, "Chan", [Field("semaphore"), Named("permits")];
    CHANNEL_COUNT: Channels, "Chan", [Field("semaphore"), Field("__0")];
    CHANNEL_RX_CLOSED: Channels, "Chan", [Named("rx_closed")];
    CHANNEL_WAKER: Channels, "Chan", [Named("rx_waker"), Typed(WAKER_OPTION)];
    CHANNEL_HEAD: Channels, "Chan", [Named("rx_fields"), Named("list"), Field("head")];
    CHANNEL_INDEX: Channels, "Chan", [Named("rx_fields"), Named("list"), Field("index")];
    CHANNEL_TAIL: Channels, "Chan", [Named("tail_position")];
    CHANNEL_BLOCK: Channels, "Chan.rx_fields.list.head", [Target];
    BLOCK_START: Channels, "Block", [Field("header"), Field("start_index")];
    BLOCK_READY: Channels, "Block", [Field("header"), Field("ready_slots")];
    BLOCK_NEXT: Channels, "Block", [Field("header"), Field("next")];
    BLOCK_VALUES: Channels, "Block", [Field("values"), Field("__0")];
    ONESHOT_STATE: Channels, "oneshot::Inner", [Field("state")];
    WATCH_STATE: Channels, "watch::Shared", [Field("state")];
    BROADCAST_LENGTH: Channels, "broadcast::Shared", [Field("buffer"), Field("length")];
    BROADCAST_CLOSED: Channels, "broadcast::Shared", [Field("tail"), Named("closed")];

    DUPLEX_READ: Pipes, "DuplexStream", [Field("read")];
    DUPLEX_WRITE: Pipes, "DuplexStream", [Field("write")];
    DUPLEX_HALF_READ: Pipes, "ReadHalf", [Field("inner"), Shared, Named("read")];
    DUPLEX_HALF_WRITE: Pipes, "WriteHalf", [Field("inner"), Shared, Named("write")];
    SIMPLEX_HALF: Pipes, "a half of a SimplexStream", [Field("inner")];
    DUPLEX_READ_PIPE: Pipes, "DuplexStream", [Field("read"), Shared];
    DUPLEX_READ_WAKER: Pipes, "DuplexStream", [Field("read"), Shared, Named("read_waker")];
    DUPLEX_WRITE_PIPE: Pipes, "DuplexStream", [Field("write"), Shared];
    DUPLEX_WRITE_WAKER: Pipes, "DuplexStream", [Field("write"), Shared, Named("write_waker")];
    DUPLEX_HALF_READ_PIPE: Pipes, "ReadHalf", [Field("inner"), Shared, Named("read"), Shared];
    DUPLEX_HALF_READ_WAKER: Pipes, "ReadHalf", [Field("inner"), Shared, Named("read"), Shared, Named("read_waker")];
    DUPLEX_HALF_WRITE_PIPE: Pipes, "WriteHalf", [Field("inner"), Shared, Named("write"), Shared];
    DUPLEX_HALF_WRITE_WAKER: Pipes, "WriteHalf", [Field("inner"), Shared, Named("write"), Shared, Named("write_waker")];
    SIMPLEX_HALF_PIPE: Pipes, "a half of a SimplexStream", [Field("inner"), Shared];
    SIMPLEX_READ_WAKER: Pipes, "ReadHalf", [Field("inner"), Shared, Named("read_waker")];
    SIMPLEX_WRITE_WAKER: Pipes, "WriteHalf", [Field("inner"), Shared, Named("write_waker")];
    PIPE_READER: Pipes, "SimplexStream", [Named("read_waker")];
    PIPE_LENGTH: Pipes, "SimplexStream", [Named("buffer"), Field("len")];
    PIPE_CAPACITY: Pipes, "SimplexStream", [Named("max_buf_size")];
    PIPE_CLOSED: Pipes, "SimplexStream", [Named("is_closed")];

    JOIN_TASK: Joins, "JoinHandle", [Field("raw"), Target];

    JOIN_SET_LISTS: JoinSets, "JoinSet", [Field("inner"), Field("lists"), Shared];
    JOIN_SET_IDLE: JoinSets, "ListsInner", [Named("idle"), Field("head")];
    JOIN_SET_NOTIFIED: JoinSets, "ListsInner", [Named("notified"), Field("head")];
    LIST_ENTRY_NEXT: JoinSets, "ListEntry", [Typed("tokio::util::linked_list::PointersInner<"), Field("next")];
    LIST_ENTRY_VALUE: JoinSets, "ListEntry", [Field("value")];

    GROUP_SHARED: Groups, "Owner", [Field("body"), Field("shared"), Shared];
    GROUP_BODY: Groups, "Owner", [Field("body"), Field("shared"), Shared, Named("body_is_open")];
    EVENT_NAME: EventNames, "event::Shared", [Field("name"), Named("pointer")];
    EVENT_NAME_LENGTH: EventNames, "event::Shared", [Field("name"), Named("len")];
    GROUP_MEMBERS: Groups, "Shared", [Named("open"), Field("len")];

    TOKEN_NOTIFY: CancellationTokens, "WaitForCancellationFuture", [Field("cancellation_token"), Target, Field("inner"), Shared, Field("waker")];
    OWNED_TOKEN_NOTIFY: CancellationTokens, "WaitForCancellationFutureOwned", [Field("cancellation_token"), Field("inner"), Shared, Field("waker")];
    TOKENS: CancellationTokens, "TreeNode", [Named("num_handles")];

    TRACKER_NOTIFY: TaskTrackers, "TaskTrackerWaitFuture", [Field("future"), Field("notify"), Target];
    TRACKER_STATE: TaskTrackers, "TaskTrackerInner", [Field("state")];

    CONNECTION_POOL: Connections, "a connection", [Field("pool")];
    SQLX_CONNECTION: Connections, "PoolConnection", [Field("live")];
    SQLX_CONNECTIONS: Connections, "PoolInner", [Field("options"), Field("max_connections")];
    SQLX_CLOSED: Connections, "CloseEvent", [Field("listener"), Target, Field("event"), Shared];
    DEADPOOL_OBJECT: Connections, "Object", [Field("inner")];
    DEADPOOL_SIZE: Connections, "PoolInner", [Field("slots"), Named("max_size")];

    UNORDERED_HEAD: FuturesUnordered, "FuturesUnordered", [Field("head_all")];
    UNORDERED_NEXT: FuturesUnordered, "FuturesUnordered task", [Field("next_all")];
    UNORDERED_FUTURE: FuturesUnordered, "FuturesUnordered task", [Field("future")];

    SLEEP_SECONDS: Timers, "Sleep", [Named("deadline"), Named("tv_sec")];
    SLEEP_NANOSECONDS: Timers, "Sleep", [Named("deadline"), Named("tv_nsec")];

    READINESS_IO: Io, "Readiness", [Field("scheduled_io"), Target];
    READINESS_INTEREST: Io, "Readiness", [Named("interest")];
    EVENTED_IO: Io, "PollEvented", [Field("registration"), Field("shared"), Shared];
    EVENTED_READER: Io, "ScheduledIo", [Field("registration"), Field("shared"), Shared, Named("reader")];
    EVENTED_WRITER: Io, "ScheduledIo", [Field("registration"), Field("shared"), Shared, Named("writer")];
    EVENTED_DESCRIPTOR: Io, "PollEvented", [Field("io"), Variant("Some"), Typed("std::os::fd::owned::OwnedFd")];

    LOCAL_SET_SHARED: LocalSets, "LocalSet", [Field("context"), Shared, Field("shared"), Shared];

    RAW_WAKER_DATA: Wakers, "RawWaker", [Named("data")];
    RAW_WAKER_VTABLE: Wakers, "RawWaker", [Named("vtable")];
    WAKER_RAW: Wakers, "a waker", [Typed("core::task::wake::RawWaker")];
    PARKER_SHARED: Wakers, "UnparkThread", [Field("inner"), Target];
    PARKER_STRONG: Wakers, "ArcInner", [Field("strong")];
    PARKER_DATA: Wakers, "ArcInner", [Field("data")];
    UNORDERED_QUEUE: FuturesUnordered, "FuturesUnordered", [Field("ready_to_run_queue"), Shared];

    HANDLE_IO: Io, "Handle", [Field("driver"), Field("io"), Variant("Enabled"), Field("__0")];
    IO_REGISTRATIONS: Io, "io::Handle", [Named("synced"), Named("registrations"), Field("head")];
    IO_NEXT: Io, "ScheduledIo", [Field("linked_list_pointers"), Typed("tokio::util::linked_list::PointersInner<"), Field("next")];
    IO_READER: Io, "ScheduledIo", [Named("waiters"), Named("reader")];
    IO_WRITER: Io, "ScheduledIo", [Named("waiters"), Named("writer")];
    IO_WAITERS: Io, "ScheduledIo", [Named("waiters"), Named("list"), Field("head")];
    IO_WAITER_NEXT: Io, "scheduled_io::Waiter", [Field("pointers"), Typed("tokio::util::linked_list::PointersInner<"), Field("next")];
    IO_WAITER_WAKER: Io, "scheduled_io::Waiter", [Field("waker")];
    OPTION_WAKER: Wakers, "Option<Waker>", [Variant("Some"), Field("__0"), Typed("core::task::wake::RawWaker")];

    PARKING_ENTRIES: Parking, "HashTable", [Field("entries")];
    PARKING_BEFORE: Parking, "HashTable", [Field("_prev"), Target];

    PERMIT_COUNT: Guards, "SemaphorePermit", [Field("permits")];
    POINTER: Guards, "handle", [Target];

    ARC_STRONG: Arcs, "Arc", [Target, Field("strong")];
    ARC_WEAK: Arcs, "Arc", [Target, Field("weak")];

    VEC_LENGTH: Containers, "Vec", [Field("len")];
    VEC_BUFFER: Containers, "Vec", [Field("buf")];
    DEQUE_HEAD: Containers, "VecDeque", [Field("head")];
    DEQUE_LENGTH: Containers, "VecDeque", [Field("len")];
    DEQUE_BUFFER: Containers, "VecDeque", [Field("buf")];
    DEQUE_CAPACITY: Containers, "VecDeque", [Field("buf"), Named("cap")];
    TABLE_MASK: Containers, "RawTable", [Named("bucket_mask")];
    TABLE_CONTROL: Containers, "RawTable", [Named("ctrl")];
    TABLE_ITEMS: Containers, "RawTable", [Named("items")];
    TREE_ROOT: Containers, "BTreeMap", [Field("root"), Variant("Some"), Field("__0")];
    TREE_LENGTH: Containers, "BTreeMap", [Field("length")];
    TREE_HEIGHT: Containers, "NodeRef", [Field("height")];
    TREE_NODE: Containers, "NodeRef", [Field("node")];
    NODE_LENGTH: Containers, "LeafNode", [Field("len")];
    NODE_KEYS: Containers, "LeafNode", [Field("keys")];
    NODE_VALUES: Containers, "LeafNode", [Field("vals")];
    NODE_PARENT: Containers, "LeafNode", [Field("parent"), Target];
    NODE_EDGES: Containers, "InternalNode", [Field("edges")];

    ONCE_CELL_SET: Containers, "OnceCell", [Named("value_set")];
    ONCE_CELL_VALUE: Containers, "OnceCell", [Field("value")];
    SET_ONCE_SET: Containers, "SetOnce", [Named("value_set")];
    SET_ONCE_VALUE: Containers, "SetOnce", [Field("value")];
    ONCE_LOCK_STATE: Containers, "OnceLock", [Named("state_and_queued")];
    ONCE_LOCK_VALUE: Containers, "OnceLock", [Field("value")];
    LAZY_LOCK_STATE: Containers, "LazyLock", [Named("state_and_queued")];
    LAZY_LOCK_VALUE: Containers, "LazyLock", [Field("data")];

    TRAIT_POINTER: Arcs, "Arc of a trait object", [Trait];
    WIDE_POINTER: Arcs, "a pointer to a trait object", [Field("pointer")];
    WIDE_VTABLE: Arcs, "a pointer to a trait object", [Field("vtable")];
    TRAIT_SHARED: Arcs, "a pointer to a trait object", [Field("pointer"), Target];
    TRAIT_STRONG: Arcs, "ArcInner of a trait object", [Field("strong")];
    TRAIT_WEAK: Arcs, "ArcInner of a trait object", [Field("weak")];
    TRAIT_VALUE: Arcs, "ArcInner of a trait object", [Last];
}

/// The bits of a task's state.
pub(crate) mod state {
    pub(crate) const RUNNING: u64 = 1;
    pub(crate) const COMPLETE: u64 = 1 << 1;
    pub(crate) const NOTIFIED: u64 = 1 << 2;
    pub(crate) const JOIN_INTEREST: u64 = 1 << 3;
    pub(crate) const JOIN_WAKER: u64 = 1 << 4;
    pub(crate) const CANCELLED: u64 = 1 << 5;
    pub(crate) const REFERENCES: u32 = 6;
    /// More references than any program has: the memory of a task that was freed.
    pub(crate) const ABSURD_REFERENCES: u64 = 1 << 20;
}

/// A cell that is set once: its type, its state, the state in which it is set, and the value, which has the type of the
/// first argument.
pub(crate) struct Once {
    pub(crate) ty: &'static str,
    pub(crate) state: Need,
    pub(crate) set: u64,
    pub(crate) value: Need,
}

pub(crate) const ONCE: &[Once] = &[
    Once {
        ty: "tokio::sync::once_cell::OnceCell<",
        state: ONCE_CELL_SET,
        set: 1,
        value: ONCE_CELL_VALUE,
    },
    Once {
        ty: "tokio::sync::set_once::SetOnce<",
        state: SET_ONCE_SET,
        set: 1,
        value: SET_ONCE_VALUE,
    },
    Once {
        ty: "std::sync::once_lock::OnceLock<",
        state: ONCE_LOCK_STATE,
        set: 0,
        value: ONCE_LOCK_VALUE,
    },
    Once {
        ty: "std::sync::lazy_lock::LazyLock<",
        state: LAZY_LOCK_STATE,
        set: 0,
        value: LAZY_LOCK_VALUE,
    },
];

/// The bits of a oneshot channel's state.
pub(crate) mod oneshot {
    pub(crate) const RX_TASK_SET: u64 = 1;
    pub(crate) const VALUE_SENT: u64 = 1 << 1;
    pub(crate) const CLOSED: u64 = 1 << 2;
}

/// The bit of a watch channel's state that says that it is closed. The others are the version of its value.
pub(crate) const WATCH_CLOSED: u64 = 1;

/// The bit of a semaphore's permits that says that it is closed.
pub(crate) const CLOSED_PERMITS: u64 = 1;

/// The permits of a semaphore are above its `closed` bit.
pub(crate) const PERMIT_SHIFT: u32 = 1;

/// The bit of a task tracker's state that says that it is closed. The others are the number of its tasks.
pub(crate) const TRACKER_CLOSED: u64 = 1;
pub(crate) const TRACKER_SHIFT: u32 = 1;

/// The bits of `Interest` that can be waited for.
pub(crate) mod interest {
    pub(crate) const READABLE: u64 = 0b001;
    pub(crate) const WRITABLE: u64 = 0b010;
}
