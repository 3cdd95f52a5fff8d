//! Reads what the tasks of a Tokio program wait for from the program's memory.
//!
//! The program runs on: it is not stopped, nothing in it is polled, and it needs no preparation but debug info
//! (`debug = true`, Cargo's default for dev builds).
//!
//! ```no_run
//! let snapshot = unstuck_inspect::Inspector::attach(4242)?.snapshot()?;
//! for task in &snapshot.tasks {
//!     println!("task {} {}", task.id, snapshot[task.name]);
//! }
//! # Ok::<(), unstuck_inspect::Error>(())
//! ```
//!
//! # The map
//!
//! Each row knows only those below it, and `snapshot`.
//!
//! | module | what belongs there |
//! |---|---|
//! | `inspector` | from a process to a snapshot |
//! | `threads` | threads, their stacks, and the futures that they run with `block_on` |
//! | `walk` | await stacks, and what locals hold |
//! | `tokio` | Tokio's names and bit meanings: runtimes, tasks, primitives |
//! | `debug_info` | types, functions and lines from DWARF |
//! | [`memory`] | address spaces behind one trait |
//! | [`snapshot`] | what was read: plain data |
//!
//! # What a snapshot is worth
//!
//! A value is in a snapshot if it was read, and what could not be read is in [`Snapshot::gaps`]. The program runs while it
//! is read, so a snapshot of a busy program mixes moments. Two snapshots that agree on a task, its state and its suspend
//! point show a task that did not move between them.
//!
//! [`Snapshot::gaps`]: snapshot::Snapshot::gaps

mod context;
mod debug_info;
mod error;
mod inspector;
pub mod memory;
pub mod snapshot;
mod threads;
mod tokio;
mod walk;

pub use context::Limits;
pub use error::{DebugInfoLevel, Error, Permission};
pub use inspector::Inspector;
