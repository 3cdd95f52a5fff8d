//! What a task awaits.

use serde::{Deserialize, Serialize};

use super::{Address, Handle, HeldResults, LocalId, NameId, PlaceId};

/// The futures of a task, from the outermost async function to what it waits for.
///
/// A task that awaits one thing has one path. `join!`, `select!`, `FuturesUnordered` and the like branch. Futures
/// that a local holds and that are not awaited now are there as well, with [`Frame::held_in`] or [`Leaf::held_in`].
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct AwaitTree {
    /// Suspended async functions and blocks. A parent comes before its children.
    pub frames: Vec<Frame>,
    /// What is waited for.
    pub leaves: Vec<Leaf>,
    /// What the future holds outside of async functions: the fields of a future that is written by hand.
    #[serde(default)]
    pub handles: Vec<Handle>,
}

impl AwaitTree {
    /// The frames above a frame, and itself, innermost first.
    pub fn ancestors(&self, frame: Option<FrameIndex>) -> impl Iterator<Item = &Frame> {
        let mut next = frame;
        std::iter::from_fn(move || {
            let index = next?;
            let frame = self.frames.get(index.0 as usize)?;
            // A parent comes before its children, so this ends.
            next = frame.parent.filter(|parent| *parent < index);
            Some(frame)
        })
    }

    /// Whether a leaf or frame with these fields is held in a local that may have been dropped or moved, or is part of
    /// a future that is.
    pub fn maybe_dropped(&self, held_in: Option<HeldIn>, parent: Option<FrameIndex>) -> bool {
        let around = self.ancestors(parent).map(|frame| frame.held_in);
        let mut holders = std::iter::once(held_in).chain(around).flatten();
        holders.any(|held| held.maybe_dropped)
    }
}

/// An index into [`AwaitTree::frames`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct FrameIndex(pub u32);

/// An async function or block.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Frame {
    /// Where it is suspended.
    pub place: PlaceId,
    /// Its progress.
    pub suspension: Suspension,
    /// The function that awaits or holds it. `None` for the outermost one.
    pub parent: Option<FrameIndex>,
    /// The parent's local that holds it, if the parent does not await it now.
    pub held_in: Option<HeldIn>,
    /// Where its state is in memory.
    pub address: Address,
    /// The size of its state, in bytes.
    #[serde(default)]
    pub size: u64,
    /// The type of what it awaits.
    pub awaits: Option<NameId>,
    /// What its locals hold.
    pub handles: Vec<Handle>,
    /// Its locals that hold errors, of the program's own functions.
    #[serde(default)]
    pub results: Vec<HeldResults>,
    /// Of a function of the program: the earlier `.await`s in it on tasks that return a `Result`, if no local holds
    /// such results now. Whether it executed them is not known.
    #[serde(default)]
    pub joined: Vec<PlaceId>,
}

/// A local that holds a future.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct HeldIn {
    /// The local.
    pub local: LocalId,
    /// The function has dropped, moved or not yet set some of its locals, and this may be one of them. Then the
    /// future, and all that it holds, may be a copy that is not used any more.
    pub maybe_dropped: bool,
}

/// How far an async function has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Suspension {
    /// It was never polled.
    Unresumed,
    /// It awaits something. The number of the suspend point counts from 0 in the order of the source.
    Suspended(u32),
}

/// What one branch of a task waits for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Leaf {
    /// The function that awaits or holds it. `None` if the task's future is the leaf itself.
    pub frame: Option<FrameIndex>,
    /// The frame's local that holds it, if the frame does not await it now.
    pub held_in: Option<HeldIn>,
    /// Where the future is in memory.
    pub address: Address,
    /// The size of the future, in bytes.
    pub size: u64,
    /// What it waits for.
    pub waits_for: WaitsFor,
    /// Whether a waker of this task, or of a set of futures that the task polls, waits where this future leaves it.
    /// `None` if that is not known: where a future leaves its waker is known for those of Tokio alone, and only of
    /// futures that a task or `block_on` has.
    #[serde(default)]
    pub registered: Option<bool>,
}

/// What a future that is no async function waits for.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
#[non_exhaustive]
pub enum WaitsFor {
    /// A value from an mpsc channel, or from another one with a queue.
    Message {
        /// The channel.
        channel: Address,
    },
    /// A message of a broadcast channel.
    Broadcast {
        /// The channel.
        channel: Address,
    },
    /// The value of a oneshot channel.
    Oneshot {
        /// The channel.
        channel: Address,
    },
    /// Room in a bounded channel of `futures`, `flume` or `async-channel`. One of Tokio's has a semaphore instead.
    Room {
        /// The channel.
        channel: Address,
    },
    /// Bytes from a pipe in memory, of `tokio::io::duplex` or `simplex`.
    Bytes {
        /// The pipe.
        pipe: Address,
    },
    /// Room for bytes in such a pipe.
    PipeRoom {
        /// The pipe.
        pipe: Address,
    },
    /// Permits of a semaphore: a lock, room in a channel, or a semaphore of the program.
    Permits {
        /// What the semaphore is part of.
        of: PermitKind,
        /// The semaphore itself. It is inside the `Mutex`, `RwLock`, `Semaphore` or channel.
        semaphore: Address,
        /// How many permits are asked for.
        wanted: u64,
        /// How many of those are still missing. `Some(0)` while `queued`: all were granted, and the future was not
        /// polled since. `None` if it has not asked yet.
        missing: Option<u64>,
        /// Whether the future is in the semaphore's queue.
        queued: bool,
        /// How many permits the semaphore has left.
        available: u64,
    },
    /// A notification.
    Notify {
        /// The `Notify`. It may be inside a watch channel.
        notify: Address,
        /// What the `Notify` is part of.
        #[serde(default)]
        of: NotifyKind,
    },
    /// A signal, or the end of a child process, which the runtime learns of by a signal.
    Signal,
    /// The end of a task.
    Task {
        /// The task's address. [`Snapshot::task_at`](super::Snapshot::task_at) finds it, or
        /// [`blocking_task_at`](super::Snapshot::blocking_task_at) if it is one of a blocking pool.
        task: Address,
    },
    /// A timer.
    Timer {
        /// When it fires: nanoseconds of the system's monotonic clock.
        deadline_ns: u64,
        /// It is there to give up on something else: it is part of a `Timeout`.
        #[serde(default)]
        of_timeout: bool,
    },
    /// A socket, pipe or other descriptor that is registered with the I/O driver.
    Io {
        /// The registration.
        registration: Address,
        /// The descriptor, if the future owns it or borrows its owner.
        descriptor: Option<i32>,
        /// What it is ready for when the future is woken. `None` if nobody waits on this registration through a `poll`
        /// function, or it is not known.
        interest: Option<Interest>,
    },
    /// A `JoinSet` or `FuturesUnordered` without members.
    EmptySet {
        /// The type of the set.
        type_name: NameId,
    },
    /// The tasks of a task group, which are the objects of the `AbortHandle`s in it. What the scope of the group awaits
    /// itself is a leaf of its own.
    Group {
        /// The group. It is one of the objects of the snapshot.
        group: Address,
        /// Whether the body of the scope has returned, so that it waits for the end of all tasks. Before that, their
        /// failures can only cancel it.
        drains: bool,
    },
    /// The tasks of a `LocalSet`.
    LocalSet {
        /// The set. It is one of the runtimes of the snapshot.
        set: Address,
    },
    /// Nothing: `std::future::pending`.
    Never,
    /// A future that is not understood.
    Unknown {
        /// Its type.
        type_name: NameId,
    },
}

/// What a semaphore is part of.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum PermitKind {
    /// A `Mutex`.
    Mutex,
    /// A `RwLock`, to read.
    RwLockRead,
    /// A `RwLock`, to write.
    RwLockWrite,
    /// A bounded mpsc channel: room for a message.
    ChannelRoom,
    /// A `OnceCell`: who initializes it has the only permit.
    OnceCell,
    /// A pool of connections, or of other objects: who has one has a permit.
    Connection,
    /// A `Semaphore`.
    Semaphore,
    /// Something else, by the functions that await it.
    #[default]
    Other,
}

/// What a `Notify` is part of.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum NotifyKind {
    /// A `Notify` of the program or of a library.
    #[default]
    Notify,
    /// A watch channel: a new value, or the end of the senders.
    Watch,
    /// A watch channel: the end of its receivers.
    WatchClosed,
    /// A `Barrier`: the last of those that it is for.
    Barrier,
    /// An event that is set once, by one of its handles. One that waits can't set it.
    Event,
    /// A `SetOnce`: its value.
    SetOnce,
    /// A `CancellationToken`: whoever has a handle of it, or of one above it, can cancel it.
    Cancellation,
    /// A `TaskTracker`: that it is closed, and that its last task ends.
    TaskTracker,
    /// The closing of a pool, by a task that waits for a connection of it and gives up then.
    PoolClosed,
}

/// A direction of I/O.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Interest {
    /// To read.
    Read,
    /// To write.
    Write,
    /// Both.
    ReadWrite,
}
