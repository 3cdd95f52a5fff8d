//! What was read: plain data that can be saved, sent and read again.
//!
//! A snapshot states what is in memory and decides nothing. What could not be read is in [`Snapshot::gaps`], and a
//! value that is not known is `None`. Text that many tasks share is in tables ([`Snapshot::names`],
//! [`Snapshot::places`], [`Snapshot::locals`], [`Snapshot::objects`]), and is looked up by indexing the snapshot
//! with an id:
//!
//! ```
//! # use unstuck_inspect::snapshot::Snapshot;
//! fn print(snapshot: &Snapshot) {
//!     for task in &snapshot.tasks {
//!         for frame in &task.futures.frames {
//!             let place = &snapshot[frame.place];
//!             println!("{} at {}:{}", place.function, place.file, place.line);
//!         }
//!     }
//! }
//! ```
//! Equal ids mean equal text, so tasks in the same place can be grouped by comparing ids.

mod await_tree;
mod descriptor;
mod gap;
mod handle;
mod outcome;
mod place;
mod pointer;
mod runtime;
mod task;
mod thread;
mod waker;

use std::fmt;
use std::ops::Index;

use serde::{Deserialize, Serialize};

pub use await_tree::{
    AwaitTree, Frame, FrameIndex, HeldIn, Interest, Leaf, NotifyKind, PermitKind, Suspension,
    WaitsFor,
};
pub use descriptor::{Child, Descriptor, OtherEnd, RefersTo, Transfer};
pub use gap::{Gap, StackGap};
pub use handle::{Channel, ChannelKind, Counts, Handle, HandleKind, Object, Static};
pub use outcome::{HeldResults, Outcome};
pub use place::{Local, Origin, Place};
pub use pointer::{Pointer, Pointers};
pub use runtime::{BlockingPool, Runtime, RuntimeKind};
pub use task::{BlockingState, BlockingTask, Lifecycle, SpawnedAt, Task, TaskState};
pub use thread::{BlockOn, NativeFrame, SystemCall, Thread, ThreadActivity, ThreadState};
pub use waker::{LocatedWaker, Registration, WakerPlace, Wakers, Wakes};

/// The version of the format. It changes whenever a reader of an older snapshot would misread a newer one.
pub const SCHEMA: u32 = 3;

/// What a process is doing at one moment, as far as its memory tells.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Snapshot {
    /// [`SCHEMA`] of the version that took the snapshot.
    pub schema: u32,
    /// The process that was read.
    pub process: Process,
    /// When it was read: nanoseconds of the system's monotonic clock, as in [`WaitsFor::Timer`]. `None` for a core
    /// file, which does not tell.
    pub taken_at_ns: Option<u64>,
    /// Runtimes and `LocalSet`s, in the order of their addresses.
    pub runtimes: Vec<Runtime>,
    /// Async tasks, in ascending order of their ids.
    pub tasks: Vec<Task>,
    /// Tasks of blocking pools that run or are queued, in ascending order of their ids. Workers are not among them.
    pub blocking_tasks: Vec<BlockingTask>,
    /// Threads, in ascending order of their ids.
    pub threads: Vec<Thread>,
    /// Futures that a thread runs with `block_on`, `#[tokio::main]`'s included.
    pub block_ons: Vec<BlockOn>,
    /// Names of types, of tasks, and of files in which tasks are spawned.
    pub names: Vec<String>,
    /// Places in source code.
    pub places: Vec<Place>,
    /// Local variables that hold something.
    pub locals: Vec<Local>,
    /// Primitives and shared values that handles refer to.
    pub objects: Vec<Object>,
    /// Static variables in which something is held.
    #[serde(default)]
    pub statics: Vec<Static>,
    /// Where the addresses of some of the objects are in memory. Empty if that was not asked for.
    #[serde(default)]
    pub pointers: Vec<Pointers>,
    /// What the descriptors refer to that something waits for. Empty of a core file.
    #[serde(default)]
    pub descriptors: Vec<Descriptor>,
    /// What is missing from this snapshot, and why. Empty if nothing is.
    pub gaps: Vec<Gap>,
}

impl Snapshot {
    /// The task with this address. Searches all tasks: for many look-ups, make a map.
    pub fn task_at(&self, address: Address) -> Option<&Task> {
        self.tasks.iter().find(|task| task.address == address)
    }

    /// Why nothing is known of any task, if that is so: then there are threads alone.
    pub fn no_tasks(&self) -> Option<&str> {
        self.gaps.iter().find_map(|gap| match gap {
            Gap::NoTasks { reason } => Some(reason.as_str()),
            _ => None,
        })
    }

    /// Whether these futures of a task or of a `block_on` may poll something that is not among their leaves, and is
    /// woken by something that is not known.
    ///
    /// For where nothing counts the wakers, so this goes by types. An async function polls what it awaits, and so do
    /// the futures of Tokio and of the standard library. Other types may do anything.
    pub fn may_poll_more(&self, futures: &AwaitTree) -> bool {
        crate::tokio::polls::may_poll_more(self, futures)
    }

    /// The blocking task with this address.
    pub fn blocking_task_at(&self, address: Address) -> Option<&BlockingTask> {
        self.blocking_tasks
            .iter()
            .find(|task| task.address == address)
    }
}

/// The process that was read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Process {
    /// The process id.
    pub id: u32,
    /// The program's file.
    pub executable: String,
    /// The version of Tokio that the program was built with, if its debug info tells.
    pub tokio_version: Option<String>,
    /// The folder that the program was compiled in: with Cargo, that of its workspace. `None` if it is not known.
    #[serde(default)]
    pub folder: Option<String>,
}

/// An address in the process.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Address(pub u64);

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:#x}", self.0)
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

macro_rules! table {
    ($(#[$doc:meta])* $id:ident: $field:ident -> $entry:ty) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $id(pub u32);

        impl Index<$id> for Snapshot {
            type Output = $entry;

            /// Looks the id up in the snapshot that it is from.
            ///
            /// # Panics
            ///
            /// If the id is from another snapshot, and is out of range in this one.
            fn index(&self, id: $id) -> &$entry {
                &self.$field[id.0 as usize]
            }
        }
    };
}

table! {
    /// An entry of [`Snapshot::names`].
    NameId: names -> String
}
table! {
    /// An entry of [`Snapshot::places`].
    PlaceId: places -> Place
}
table! {
    /// An entry of [`Snapshot::locals`].
    LocalId: locals -> Local
}
table! {
    /// An entry of [`Snapshot::objects`].
    ObjectId: objects -> Object
}
table! {
    /// An entry of [`Snapshot::runtimes`].
    RuntimeId: runtimes -> Runtime
}
