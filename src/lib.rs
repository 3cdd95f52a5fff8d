//! Why an async Rust program hangs, and which errors it swallowed.

mod error_group;
mod event;
mod group;
mod place;
mod registry;

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
