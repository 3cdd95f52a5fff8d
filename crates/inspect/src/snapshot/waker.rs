//! Who can wake a task.

use serde::{Deserialize, Serialize};

use super::{Address, ObjectId};

/// The wakers of a task or of a `block_on` future, as far as they are counted and found.
///
/// Memory that was freed or moved from may still have the bytes of a waker, so one in a place that is
/// [`WakerPlace::Elsewhere`] may not exist. If as many as `count` are in other places, all of them are known.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Wakers {
    /// How many exist, by the references to the task. `AbortHandle`s are among them.
    pub count: u64,
    /// Those that were found in memory.
    pub located: Vec<LocatedWaker>,
}

/// A waker that was found in memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct LocatedWaker {
    /// Where it is.
    pub address: Address,
    /// What it is part of.
    pub place: WakerPlace,
}

/// What a waker is part of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
#[non_exhaustive]
pub enum WakerPlace {
    /// A future that waits in a queue: for permits, a notification, a message of a broadcast channel, I/O or a timer.
    Leaf {
        /// The address of the [`Leaf`](super::Leaf).
        leaf: Address,
    },
    /// A channel: it waits for a message.
    Channel {
        /// The channel.
        channel: Address,
    },
    /// A task whose end is awaited.
    Task {
        /// The task.
        task: Address,
    },
    /// A `JoinSet` or `FuturesUnordered` that wakes the task once one of its members was woken.
    Set {
        /// Its shared part.
        set: Address,
    },
    /// A registration with the I/O driver.
    Io {
        /// The registration.
        registration: Address,
    },
    /// A value that is shared, of the program's own or of a library. Who else shares it may wake the task.
    Object {
        /// The value.
        object: ObjectId,
    },
    /// Somewhere else: a future or a type of the program's own, or memory that is not in use any more.
    Elsewhere,
}

/// A socket, pipe or other descriptor that is registered with a runtime's I/O driver, and that somebody waits for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Registration {
    /// Where it is.
    pub address: Address,
    /// What the I/O driver wakes when the descriptor is ready.
    pub wakes: Vec<Wakes>,
}

/// What a waker wakes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
#[non_exhaustive]
pub enum Wakes {
    /// A task.
    Task {
        /// The task.
        task: Address,
    },
    /// A `block_on` future, a member of a set of futures, or something that is not known.
    Other {
        /// What the waker refers to.
        data: Address,
    },
}
