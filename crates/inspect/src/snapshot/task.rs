//! Tasks.

use serde::{Deserialize, Serialize};

use super::{Address, AwaitTree, Handle, NameId, Origin, Outcome, RuntimeId, Wakers};

/// An async task.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Task {
    /// Tokio's id of the task, as `tokio::task::Id` prints it.
    pub id: u64,
    /// Where it is in memory.
    pub address: Address,
    /// The size of all that is there, its future included, in bytes. 0 if it is not known.
    #[serde(default)]
    pub size: u64,
    /// The runtime or `LocalSet` that owns it. `None` if it is owned by none any more, or that is not known.
    pub runtime: Option<RuntimeId>,
    /// The outermost async function of the task, or the type of its future if that is no async function.
    pub name: NameId,
    /// The name that the program gave it. The reader leaves it `None`: Tokio keeps the name in a tracing span.
    #[serde(default)]
    pub given_name: Option<NameId>,
    /// The full type of its future.
    pub future: NameId,
    /// Whose code the task's future is. `None` if it is no async function.
    ///
    /// A library that spawns a task runs its own future in it, so [`Origin::Library`] means that a library spawned it.
    pub origin: Option<Origin>,
    /// The line that spawned it. `None` in a build without `--cfg tokio_unstable`, where Tokio does not keep it.
    #[serde(default)]
    pub spawned_at: Option<SpawnedAt>,
    /// What the runtime says about it.
    pub state: TaskState,
    /// What it awaits. While the task is running, this is what it awaited before.
    pub futures: AwaitTree,
    /// How it ended. `None` if it has not, or its `JoinHandle` is gone, with which goes what it returned.
    #[serde(default)]
    pub outcome: Option<Outcome>,
    /// Its wakers. `None` if they can't be counted, as the task runs or has ended.
    #[serde(default)]
    pub wakers: Option<Wakers>,
    /// Its state changed while it was read, so `futures` may mix two moments.
    pub changed: bool,
}

/// The line that spawned a task.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct SpawnedAt {
    /// The path of the file, as the compiler was given it.
    pub file: NameId,
    /// The line, starting from 1.
    pub line: u32,
}

/// What the runtime says about a task.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[allow(clippy::struct_excessive_bools)] // each is a bit of its own in the task's state
pub struct TaskState {
    /// Whether the task is polled, is going to be polled, waits, or has ended.
    pub lifecycle: Lifecycle,
    /// It was woken while it runs, and will be polled again.
    pub notified: bool,
    /// It was aborted, and ends when it is polled next.
    pub cancelled: bool,
    /// Its `JoinHandle` exists.
    pub join_handle: bool,
    /// Somebody awaits its `JoinHandle`.
    pub join_waker: bool,
    /// How many references to the task exist: the runtime's, handles and wakers.
    pub references: u64,
}

/// The phases of a task.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Lifecycle {
    /// Waits to be woken.
    Idle,
    /// In a run queue.
    Scheduled,
    /// Polled now.
    Running,
    /// Ended.
    Complete,
}

/// A task of a blocking pool: a closure of `spawn_blocking`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct BlockingTask {
    /// Tokio's id of the task.
    pub id: u64,
    /// Where it is in memory.
    pub address: Address,
    /// The size of all that is there, in bytes. 0 if it is not known.
    #[serde(default)]
    pub size: u64,
    /// The type of the closure.
    pub closure: NameId,
    /// Whether it runs.
    pub state: BlockingState,
    /// The pool's runtime, if known.
    pub runtime: Option<RuntimeId>,
    /// What the closure has captured. Of one that runs, this is what it was given: it may have dropped or moved any of
    /// it, so all are [`maybe_dropped`](Handle::maybe_dropped). Empty if it is not known.
    #[serde(default)]
    pub handles: Vec<Handle>,
    /// The futures that the closure has captured.
    #[serde(default)]
    pub futures: AwaitTree,
}

/// Whether a blocking task runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BlockingState {
    /// On this thread.
    Running {
        /// The thread's id. `None` if the thread can't be told, because it is not asleep.
        thread: Option<u32>,
    },
    /// Waits for a thread.
    Queued,
}
