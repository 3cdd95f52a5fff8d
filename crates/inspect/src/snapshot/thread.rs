//! Threads.

use serde::{Deserialize, Serialize};

use super::{Address, AwaitTree, NameId, Origin};

/// A thread of the process.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Thread {
    /// The system's id of the thread.
    pub id: u32,
    /// Its name, cut to 15 bytes by the system. A core file has the main thread's alone: others are empty.
    pub name: String,
    /// What the scheduler of the system says.
    pub state: ThreadState,
    /// The system call in which it sleeps, or slept when a core file was written. `None` if it is in none, or runs.
    pub system_call: Option<SystemCall>,
    /// Its functions, innermost first. Empty if they can't be read: a live thread must be asleep for it.
    pub stack: Vec<NativeFrame>,
    /// What it does for a runtime, by those functions.
    #[serde(default)]
    pub activity: ThreadActivity,
}

/// What a thread does for a runtime.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum ThreadActivity {
    /// A worker that waits for a task to run.
    ParkedWorker,
    /// A thread of a blocking pool that waits for a closure to run.
    IdlePoolThread,
    /// It waits in a `block_on` until its future, or a task of its runtime, is woken.
    BlockOn,
    /// It is inside the `poll` function of a task or of a `block_on` future.
    Polls,
    /// It runs a closure of a blocking pool.
    RunsClosure,
    /// It drops a runtime, and waits for the threads of its blocking pool to end.
    DropsRuntime,
    /// Nothing of these, or its stack can't be read to its end.
    #[default]
    Other,
}

/// What the system says of a thread.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum ThreadState {
    /// Runs, or is ready to.
    Running,
    /// Sleeps until it is woken.
    Sleeping,
    /// Sleeps and can't be interrupted, mostly for a disk.
    DiskSleep,
    /// Stopped by a signal or a debugger.
    Stopped,
    /// Has ended.
    Dead,
    /// Something else, or not known.
    Other,
}

/// A system call in progress.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct SystemCall {
    /// Its number on x86-64.
    pub number: u64,
    /// Its first argument, which is the descriptor for calls that take one.
    pub first_argument: u64,
}

impl Thread {
    /// The program's own functions on its stack, the innermost first.
    pub fn own_frames(&self) -> impl Iterator<Item = &NativeFrame> {
        let is_own = |frame: &&NativeFrame| frame.origin == Some(Origin::Program);
        self.stack.iter().filter(is_own)
    }
}

/// A function on a thread's stack.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct NativeFrame {
    /// Its name. `None` if no debug info or symbol has it.
    pub function: Option<String>,
    /// The source file.
    pub file: Option<String>,
    /// The line in the file, starting from 1.
    pub line: Option<u32>,
    /// Whose code it is. `None` without a file.
    pub origin: Option<Origin>,
    /// The compiler put this function into the next one of the list.
    pub inlined: bool,
}

/// A future that a thread runs by itself: `Runtime::block_on`, `Handle::block_on`, `LocalSet::block_on`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct BlockOn {
    /// The thread.
    pub thread: u32,
    /// Where the future is.
    pub address: Address,
    /// The outermost async function, or the type of the future if that is no async function.
    pub name: NameId,
    /// The full type of the future.
    pub future: NameId,
    /// Whose code the future is. `None` if it is no async function.
    pub origin: Option<Origin>,
    /// What it awaits. While `polled`, this is what it awaited before.
    pub futures: AwaitTree,
    /// How many wakers of it exist. `None` if they can't be counted: the runtime of one thread shares them.
    #[serde(default)]
    pub wakers: Option<u64>,
    /// The thread is inside the future's `poll` function now, and its stack tells where.
    pub polled: bool,
    /// The thread moved while it was read, so `futures` may mix two moments.
    pub changed: bool,
}
