//! Threads: what they are doing, and the futures that they run with `block_on`.

mod block_on;
mod system;
mod unwind;

pub(crate) use block_on::{BlockOns, find};
pub(crate) use system::threads;
pub(crate) use unwind::{Modules, StackFrame, Unwinder};

use crate::snapshot::{SystemCall, ThreadState};

/// A thread, as the system sees it.
#[derive(Debug, Clone)]
pub(crate) struct RawThread {
    pub(crate) id: u32,
    pub(crate) name: String,
    pub(crate) state: ThreadState,
    pub(crate) system_call: Option<SystemCall>,
    /// Where it sleeps. `None` if it runs.
    pub(crate) registers: Option<Registers>,
}

/// The registers that the system tells of a sleeping thread.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Registers {
    pub(crate) program_counter: u64,
    pub(crate) stack_pointer: u64,
}
