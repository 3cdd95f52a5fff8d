//! What a snapshot lacks.

use serde::{Deserialize, Serialize};

use super::{Address, NameId, RuntimeId};

/// Something that could not be read. What is in the snapshot is right all the same; this is missing from it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
#[non_exhaustive]
pub enum Gap {
    /// Tokio has no such name in the program's debug info, so this feature is off.
    MissingName {
        /// What is missing from the snapshot because of it.
        feature: String,
        /// The name, for example `tokio::sync::batch_semaphore::Acquire.node`.
        name: String,
    },
    /// The list of a runtime's tasks changed at each attempt to read it. Tasks may be missing, or listed after
    /// their end.
    TasksChanged {
        /// The runtime.
        runtime: RuntimeId,
        /// How many tasks were read.
        read: u64,
        /// How many tasks the runtime counted.
        counted: Option<u64>,
    },
    /// A task's state changed or was not readable.
    UnreadableTask {
        /// The task.
        task: Address,
    },
    /// Several futures share one `poll` function, because the linker merged equal code. The task's type is unknown.
    AmbiguousFuture {
        /// How many tasks that is.
        tasks: u64,
        /// The types that it could be.
        candidates: Vec<String>,
    },
    /// The debug info does not describe this future.
    UndescribedFuture {
        /// How many tasks that is.
        tasks: u64,
        /// The type of the future.
        type_name: String,
    },
    /// A trait object's type is unknown: no debug info describes its vtable.
    UnknownTraitObject {
        /// The type of the pointer.
        type_name: NameId,
    },
    /// The program contains more than one version of Tokio. Tasks of one of them may be missing.
    SeveralTokioVersions {
        /// The versions.
        versions: Vec<String>,
    },
    /// A limit was reached. See [`Limits`](crate::Limits).
    LimitReached {
        /// What was not read to its end.
        what: String,
        /// The limit.
        limit: u64,
    },
    /// A thread's stack can't be read to its end, so a `block_on` on it may be missing.
    UnreadableStack {
        /// The thread's id.
        thread: u32,
        /// Why.
        why: StackGap,
    },
    /// The core file ends early, so a part of the memory is missing.
    TruncatedCore {
        /// How many bytes it has.
        bytes: u64,
        /// How many it would have if it were whole.
        whole: u64,
    },
    /// The core file does not tell whether the executable is the one that ran.
    UncheckedExecutable,
    /// The program's debug info does not describe its types, so nothing is known but its threads. The snapshot has no
    /// tasks, runtimes and `block_on` futures, whether or not the program does.
    NoTasks {
        /// What the program lacks, and what to set when it is built.
        reason: String,
    },
    /// Threads can't be examined at all.
    NoThreads {
        /// What the system says.
        reason: String,
    },
}

/// Why a thread's stack can't be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum StackGap {
    /// It runs, so where its stack ends is not known.
    NotAsleep,
    /// A function's caller was not found.
    LostTrail,
}
