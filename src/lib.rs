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
//!         Ok(two.value().await.zip(three.value().await))
//!     })
//!     .await;
//! assert_eq!(sum.unwrap(), Some((2, 3)));
//! # }
//! ```
//!
//! The rest needs `--cfg tokio_unstable`. With the feature `observe`: `observe` collects what there is to
//! see of a runtime, `diagnosis` says what it means, and `watch` does both until a program has ended or
//! clearly will not. With `demo`, which is on by default: `demo` plays scenarios, `report` prints what
//! became of them, and `cli` is the command line.

mod error_group;
mod event;
#[cfg(all(tokio_unstable, feature = "observe"))]
mod fold;
mod group;
mod place;
mod registry;
mod sync;

#[cfg(feature = "demo")]
pub mod cli;
#[cfg(all(tokio_unstable, feature = "demo"))]
pub mod demo;
#[cfg(all(tokio_unstable, feature = "observe"))]
pub mod diagnosis;
#[cfg(feature = "demo")]
pub mod exit;
#[cfg(all(tokio_unstable, feature = "observe"))]
pub mod observe;
#[cfg(all(tokio_unstable, feature = "demo"))]
pub mod report;
#[cfg(all(tokio_unstable, feature = "observe"))]
pub mod watch;

pub use error_group::{BoxError, ErrorGroup, Failure, Panic, TaskFailure, Tree};
pub use event::Event;
pub use group::{Child, NeverStarted, OnFailure, Refused, Scope, Started, TaskGroup};
pub use place::Place;
