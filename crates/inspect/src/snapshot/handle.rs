//! What locals hold that others can wait for.

use std::ops::Range;

use serde::{Deserialize, Serialize};

use super::{Address, AwaitTree, LocalId, NameId, ObjectId};

/// Something in a local that others may wait for, or that keeps something alive.
///
/// A saved local is a candidate, not a proof: the compiler keeps the bytes of a value that was moved or dropped. The
/// counts of the [`Object`] decide: as many candidates as the count says means that all of them are live.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Handle {
    /// The local that holds it, by value or in a container. In an [`Object`], the outermost field that has a name of
    /// the program's own.
    pub local: LocalId,
    /// What it is.
    pub kind: HandleKind,
    /// Where the handle itself is.
    pub address: Address,
    /// Its size, in bytes.
    #[serde(default)]
    pub size: u64,
    /// What it refers to.
    pub object: ObjectId,
    /// Whether it refers to the object by an `Arc`, `Rc` or `Weak` of its own. A guard or permit that does not borrows.
    pub owns: bool,
    /// The function has dropped, moved or not yet set some of its locals, and this may be one of them. Or it is in a
    /// future that is held in such a local.
    pub maybe_dropped: bool,
}

/// What a handle is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum HandleKind {
    /// `mpsc::Sender` or `UnboundedSender`, of Tokio or of `futures-channel`, as all that is called mpsc or oneshot.
    MpscSender,
    /// `mpsc::WeakSender` or `WeakUnboundedSender`.
    MpscWeakSender,
    /// `mpsc::Receiver` or `UnboundedReceiver`.
    MpscReceiver,
    /// `mpsc::Permit` or `OwnedPermit`: room for one message.
    MpscPermit,
    /// `oneshot::Sender`.
    OneshotSender,
    /// `oneshot::Receiver`.
    OneshotReceiver,
    /// `watch::Sender`.
    WatchSender,
    /// `watch::Receiver`.
    WatchReceiver,
    /// `broadcast::Sender`.
    BroadcastSender,
    /// `broadcast::WeakSender`.
    BroadcastWeakSender,
    /// `broadcast::Receiver`.
    BroadcastReceiver,
    /// A sender of a channel that several may receive from, of `flume` or `async-channel`.
    ChannelSender,
    /// A weak sender of such a channel.
    ChannelWeakSender,
    /// A receiver of such a channel.
    ChannelReceiver,
    /// The end of a pipe in memory that is read from: of a `DuplexStream`, or a `ReadHalf` of one or of a
    /// `SimplexStream`.
    PipeReader,
    /// The end that is written to.
    PipeWriter,
    /// `MutexGuard`, owned or mapped ones included.
    MutexGuard,
    /// `RwLockReadGuard`, owned ones included.
    RwLockReadGuard,
    /// `RwLockWriteGuard`, owned, mapped and downgradable ones included.
    RwLockWriteGuard,
    /// `SemaphorePermit` or `OwnedSemaphorePermit`, of this many permits.
    SemaphorePermit {
        /// How many permits it has.
        permits: u64,
    },
    /// A guard of a `std` or `parking_lot` `Mutex`, or of one that is made with `lock_api`.
    SyncMutexGuard,
    /// A guard to read of such a `RwLock`, upgradable and mapped ones included. The object of a mapped one is a part of
    /// the lock.
    SyncReadGuard,
    /// A guard to write of such a `RwLock`, mapped ones included.
    SyncWriteGuard,
    /// `JoinHandle`. The object is the task.
    JoinHandle,
    /// `AbortHandle`. The object is the task.
    AbortHandle,
    /// `Arc` of a value that is or contains a primitive, a waker, a handle or a future.
    Arc,
    /// `std::sync::Weak` of such a value.
    Weak,
    /// `Rc` of such a value.
    Rc,
    /// A handle of an event, which waits for it or sets it.
    Event,
    /// A `CancellationToken`. The object is its node: children hang below it, in its handles.
    CancellationToken,
    /// What a `TaskTracker` counts: a task, or a token of one.
    TrackedTask,
    /// A connection, or another object, that is borrowed from a pool. The object is the pool.
    Connection,
}

/// A primitive, a task, or a shared value. Handles refer to it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Object {
    /// Where it is. What a [`Leaf`](super::Leaf) waits for is the same object if its address is in this range.
    pub address: Address,
    /// Its size in bytes.
    pub size: u64,
    /// Its alignment in bytes. The counts of an `Arc` or `Rc` are before it, in as many bytes, and at least 16.
    #[serde(default)]
    pub align: u64,
    /// Its type.
    pub type_name: NameId,
    /// The name that the program gave it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label: Option<NameId>,
    /// It is no value, but the memory to which a local leads that may have been dropped or moved, and that has handles
    /// in it: what a `Box` or a container has allocated. No handle refers to it.
    #[serde(default)]
    pub is_buffer: bool,
    /// What its memory says about the handles that exist.
    pub counts: Counts,
    /// The state of the channel that it is. `None` if it is no channel.
    #[serde(default)]
    pub channel: Option<Channel>,
    /// What it holds itself, in its fields and in the containers that it owns. Read once, whoever shares it.
    ///
    /// Only what `Arc`s, `Rc`s and channels own is looked into. What another object owns, such as the lock of a guard,
    /// is looked into there.
    #[serde(default)]
    pub handles: Vec<Handle>,
    /// The futures that it holds. Nobody says whether one of them is polled.
    #[serde(default)]
    pub futures: AwaitTree,
}

impl Object {
    /// The addresses of what was allocated for it. If handles share it, their counts are part of that.
    pub fn allocation(&self) -> Range<u64> {
        let counts = match self.counts.strong {
            Some(_) => self.align.max(COUNTS_SIZE),
            None => 0,
        };
        let Address(start) = self.address;
        start.saturating_sub(counts)..start.saturating_add(self.size)
    }
}

/// The size of the two counts of an `Arc` or `Rc`.
const COUNTS_SIZE: u64 = 16;

/// The state of a channel, or of a pipe in memory, whose messages are its bytes. `None` where its kind has no such
/// thing, or it could not be read.
///
/// What the messages hold is in [`Object::handles`] and [`Object::futures`] of the channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Channel {
    /// What it is.
    pub kind: ChannelKind,
    /// How many messages were sent and not received yet. Receivers of a broadcast channel differ in that, and a watch
    /// channel has no queue.
    pub queued: Option<u64>,
    /// How many messages fit in. `None` for an unbounded one.
    pub capacity: Option<u64>,
    /// Nothing can be sent any more: the receivers closed it, or are gone. A watch or broadcast channel is closed by
    /// the end of its last sender instead.
    pub closed: Option<bool>,
    /// Somebody's waker waits in the receiver's place. Only mpsc and oneshot channels and pipes have that.
    pub receiver_waits: Option<bool>,
}

/// What a channel is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum ChannelKind {
    /// A queue with one receiver.
    Mpsc,
    /// A queue whose receivers share its messages.
    Mpmc,
    /// A place for one value.
    Oneshot,
    /// A value that is replaced.
    Watch,
    /// A queue that each receiver reads all of.
    Broadcast,
    /// A pipe in memory: a queue of bytes.
    Pipe,
}

#[cfg(target_os = "linux")]
impl Channel {
    /// One of which nothing else is known.
    pub(crate) fn of(kind: ChannelKind) -> Self {
        Self {
            kind,
            queued: None,
            capacity: None,
            closed: None,
            receiver_waits: None,
        }
    }
}

/// A static variable of the program or of a library, in which something is held. Statics of a thread are not read.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Static {
    /// Its full path, for example `server::CONNECTIONS`.
    pub name: String,
    /// Where it is.
    pub address: Address,
    /// Its type.
    pub type_name: NameId,
    /// The I/O driver of a runtime uses it when a signal comes.
    #[serde(default)]
    pub of_signal_driver: bool,
    /// What it holds.
    pub handles: Vec<Handle>,
    /// The futures that it holds.
    pub futures: AwaitTree,
}

/// How many handles an object has by its own count. `None` where it does not count.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Counts {
    /// `Arc`s or `Rc`s.
    pub strong: Option<u64>,
    /// `Weak`s.
    pub weak: Option<u64>,
    /// Senders of a channel.
    pub senders: Option<u64>,
    /// Weak senders of a channel.
    pub weak_senders: Option<u64>,
    /// Receivers of a channel.
    pub receivers: Option<u64>,
    /// Permits that a semaphore or lock has left.
    pub permits: Option<u64>,
    /// Handles of a `CancellationToken`, without those that are above and below it.
    #[serde(default)]
    pub tokens: Option<u64>,
    /// Connections that a pool has at most.
    #[serde(default)]
    pub connections: Option<u64>,
    /// Whether a `TaskTracker` was closed.
    #[serde(default)]
    pub closed: Option<bool>,
    /// Tasks of a group or `TaskTracker` that have not ended.
    #[serde(default)]
    pub members: Option<u64>,
    /// Guards of a lock that blocks its threads, by its own state: of `std`, `parking_lot` or `DashMap`.
    #[serde(default)]
    pub holders: Option<u64>,
    /// Whether a thread has panicked while it held a lock of `std`.
    #[serde(default)]
    pub poisoned: Option<bool>,
}
