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
//! The rest needs `--cfg tokio_unstable`; without it a program that uses it builds and runs, but nothing is
//! seen of it. With the feature `guard`, `run` stands beside a program of your
//! own and says why it hangs, `check` does so for a test, and `report` is what they say. They are made of
//! what the feature `observe` gives: `observe` collects what there is to see of a runtime, `diagnosis` says
//! what it means, and `watch` tells when to look. With `demo`, which is on by default, `demo` plays
//! scenarios, and `cli` is the command line.

mod error_group;
mod event;
#[cfg(all(tokio_unstable, feature = "observe"))]
mod fold;
mod group;
mod place;
mod registry;
#[cfg(all(tokio_unstable, feature = "guard"))]
mod signals;
mod sync;
#[cfg(all(not(tokio_unstable), feature = "guard"))]
mod unguarded;

#[cfg(all(tokio_unstable, feature = "guard"))]
mod check;
#[cfg(feature = "demo")]
pub mod cli;
#[cfg(all(tokio_unstable, feature = "demo"))]
pub mod demo;
#[cfg(all(tokio_unstable, feature = "observe"))]
pub mod diagnosis;
#[cfg(feature = "guard")]
pub mod exit;
#[cfg(all(tokio_unstable, feature = "demo"))]
pub mod explain;
#[cfg(all(tokio_unstable, feature = "guard"))]
mod guard;
#[cfg(all(tokio_unstable, feature = "observe"))]
pub mod observe;
#[cfg(all(tokio_unstable, feature = "guard"))]
mod observed;
#[cfg(all(tokio_unstable, feature = "guard"))]
pub mod report;
#[cfg(all(tokio_unstable, feature = "observe"))]
pub mod watch;

#[cfg(all(tokio_unstable, feature = "guard"))]
pub use check::{Check, check};
pub use error_group::{BoxError, ErrorGroup, Failure, Panic, Refused, TaskFailure, Tree};
pub use event::Event;
pub use group::{Child, Children, NeverStarted, NoValue, OnFailure, Scope, Started, TaskGroup};
#[cfg(all(tokio_unstable, feature = "guard"))]
pub use guard::{Guard, GuardError, run};
pub use place::Place;
#[cfg(all(not(tokio_unstable), feature = "guard"))]
pub use unguarded::{Check, Guard, GuardError, check, observe, run};

/// What README shows has to build, with `--cfg tokio_unstable` and without it.
#[cfg(all(doctest, feature = "guard"))]
#[doc = include_str!("../README.md")]
struct Readme;

/// The programs in Rust that the page shows have to run.
#[cfg(doctest)]
#[doc = include_str!("../docs/task-groups.md")]
struct TaskGroups;
