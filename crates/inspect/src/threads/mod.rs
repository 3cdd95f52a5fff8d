//! Threads: what they are doing, and the futures that they run with `block_on`.

mod block_on;
mod system;
mod unwind;

pub(crate) use block_on::{BlockOns, RawBlockOn, find, stacks, variable};
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
    /// Where it is. `None` if that is not known, as the thread runs.
    pub(crate) registers: Option<Registers>,
}

/// The registers of a thread.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Registers {
    pub(crate) program_counter: u64,
    /// The others, by their DWARF numbers, as far as they are known. The system tells only the stack pointer of a
    /// live thread, and a core file tells all.
    pub(crate) general: [Option<u64>; 16],
}

/// The DWARF number of the stack pointer.
const RSP: u16 = 7;

impl Registers {
    /// The registers that the system tells of a thread that sleeps.
    fn sleeping(program_counter: u64, stack_pointer: u64) -> Self {
        let mut general = [None; 16];
        general[usize::from(RSP)] = Some(stack_pointer);
        Self {
            program_counter,
            general,
        }
    }

    pub(crate) fn stack_pointer(&self) -> Option<u64> {
        self.general[usize::from(RSP)]
    }
}
