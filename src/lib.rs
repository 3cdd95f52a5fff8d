//! Why an async Rust program hangs, and which errors it swallowed.
//!
//! What is useful by itself, on stable Tokio and without any feature:
//!
//! - [`TaskGroup`] runs tasks in a scope that ends after them, and loses nothing that they end with;
//! - [`ErrorGroup`] is what it loses nothing in: a tree of errors and panics, each with its task; the
//!   feature `serde` can write it as data;
//! - [`Event`] is a flag to wait for that knows who could still set it.
//!
//! ```
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() {
//! use unstuck::TaskGroup;
//!
//! let sum = TaskGroup::new("sums")
//!     .scope(async |group| {
//!         let two = group.spawn("two", async { "2".parse::<i32>() })?;
//!         let three = group.spawn("three", async { "3".parse::<i32>() })?;
//!         Ok(two.value().await? + three.value().await?)
//!     })
//!     .await;
//! assert_eq!(sum.unwrap(), 5);
//! # }
//! ```
//!
//! What reads the memory of a process works on stable Tokio, too. With the feature `guard`, `explain` reads a process,
//! `liveness` says why it hangs, and `report::process` lays that out; with `demo`, which is on by default, `cli` is
//! the command line. `watch` is one line in a program of your own: it reads its own memory, and reports once it, or a
//! part of it, is stuck. `run` stands beside a program in the same way, and reports when it is asked, too; `check` does
//! so for a test.
//!
//! What hooks tell needs `--cfg tokio_unstable`, as Tokio keeps its hooks behind it: `observe` hears how tasks end, and
//! `outcomes` says what is amiss with that. With `demo`, `demo` plays scenarios.

mod error_group;
mod event;
mod group;
mod place;
mod registry;
mod sync;

// What reads the memory of a process, and the command line.
#[cfg(feature = "guard")]
mod asking;
#[cfg(feature = "guard")]
mod check;
#[cfg(feature = "explain")]
pub mod cli;
#[cfg(feature = "guard")]
pub mod exit;
#[cfg(feature = "guard")]
pub mod explain;
#[cfg(feature = "guard")]
mod fingerprint;
#[cfg(feature = "guard")]
mod guard;
#[cfg(feature = "guard")]
mod health;
#[cfg(feature = "guard")]
pub mod liveness;
#[cfg(feature = "guard")]
pub mod outcomes;
#[cfg(feature = "guard")]
mod own_process;
#[cfg(feature = "guard")]
mod own_threads;
#[cfg(feature = "guard")]
pub mod report;
#[cfg(feature = "guard")]
mod report_dir;
#[cfg(feature = "guard")]
mod signals;
#[cfg(feature = "guard")]
pub mod verdict;
#[cfg(feature = "guard")]
mod watcher;

// What watches a runtime from within.
#[cfg(all(tokio_unstable, feature = "demo"))]
pub mod demo;
#[cfg(feature = "guard")]
mod fold;
#[cfg(all(tokio_unstable, feature = "guard"))]
pub mod observe;
#[cfg(all(not(tokio_unstable), feature = "guard"))]
mod unhooked;

#[cfg(feature = "guard")]
pub use check::{Check, check};
pub use error_group::{BoxError, ErrorGroup, Failure, Panic, Refused, TaskFailure, Tree};
pub use event::Event;
#[cfg(feature = "guard")]
pub use fingerprint::Fingerprint;
pub use group::{Child, Children, NeverStarted, NoValue, OnFailure, Scope, Started, TaskGroup};
#[cfg(feature = "guard")]
pub use guard::{Guard, GuardError, run};
#[cfg(feature = "guard")]
pub use health::{Health, Status};
pub use place::Place;
#[cfg(feature = "guard")]
pub use report::Finding;
#[cfg(all(not(tokio_unstable), feature = "guard"))]
pub use unhooked::observe;
#[cfg(feature = "guard")]
pub use watcher::{Watcher, watch};

/// What README shows has to build, with `--cfg tokio_unstable` and without it.
#[cfg(all(doctest, feature = "guard"))]
#[doc = include_str!("../README.md")]
struct Readme;

/// The programs in Rust that the page shows have to run.
#[cfg(doctest)]
#[doc = include_str!("../docs/task-groups.md")]
struct TaskGroups;
