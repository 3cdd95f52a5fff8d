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
//! A core file gives the same tasks, on a machine that has the program's executable:
//!
//! ```no_run
//! # use std::path::Path;
//! let snapshot = unstuck_inspect::Inspector::open_core(Path::new("core.4242"), None)?.snapshot()?;
//! # Ok::<(), unstuck_inspect::Error>(())
//! ```
//!
//! # What it reads
//!
//! Linux on x86-64. Tests read programs with the newest patch releases of Tokio 1.43, 1.47 and 1.54, dev builds of
//! each, and release builds with `debug = true` of 1.54. The compiler that builds the tests builds them too:
//! rustc 1.95. A dev build of the program for Tokio 1.54 by rustc 1.97 (nightly) was compared with it by hand: the same
//! tasks, lines and waits. No layout is assumed: types and fields are looked up by name. A name that a program's
//! Tokio does not have is reported as a gap, and what needs it is left out.
//!
//! Debug info may be compressed, or in a separate file that the program names by its build id or by its debug link. It
//! is looked for where GDB looks: below `/usr/lib/debug`, next to the program, and in `.debug` there. Split debug info
//! (`split-debuginfo`) is not read.
//!
//! # The map
//!
//! Each row knows only those below it, and `snapshot`.
//!
//! | module | what belongs there |
//! |---|---|
//! | `inspector` | from a process, or a core file of one, to a snapshot |
//! | `search` | who has an object's address |
//! | `threads` | threads, their stacks, and the futures that they run with `block_on` |
//! | `walk` | await stacks, and what locals hold |
//! | `tokio` | Tokio's names and bit meanings: runtimes, tasks, primitives; and those of other libraries' channels |
//! | `values` | errors as text, also those that hide their type |
//! | `debug_info` | types, functions and lines from DWARF |
//! | `target` | a live process and a core file behind one trait: memory, threads, mapped files |
//! | [`memory`] | address spaces behind one trait |
//! | [`snapshot`] | what was read: plain data |
//!
//! # What a snapshot is worth
//!
//! A value is in a snapshot if it was read, and what could not be read is in [`Snapshot::gaps`]. The program runs
//! while it is read, so a snapshot of a busy program mixes moments. Two snapshots that agree on a task, its state
//! and its suspend point show a task that did not move between them.
//!
//! [`Snapshot::gaps`]: snapshot::Snapshot::gaps

#[cfg(target_os = "linux")]
mod context;
#[cfg(target_os = "linux")]
mod debug_info;
mod error;
#[cfg(target_os = "linux")]
mod inspector;
mod limits;
pub mod memory;
#[cfg(target_os = "linux")]
mod search;
pub mod snapshot;
#[cfg(target_os = "linux")]
mod target;
#[cfg(target_os = "linux")]
mod threads;
#[cfg(target_os = "linux")]
mod tokio;
#[cfg(not(target_os = "linux"))]
mod unsupported;
#[cfg(target_os = "linux")]
mod values;
#[cfg(target_os = "linux")]
mod walk;

pub use error::{DebugInfoLevel, Error, Permission};
#[cfg(target_os = "linux")]
pub use inspector::Inspector;
pub use limits::Limits;
#[cfg(not(target_os = "linux"))]
pub use unsupported::Inspector;
