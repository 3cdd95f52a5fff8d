//! Reports: the only code that lays out what a person, or a program, reads.
//!
//! [`process`] says what was read from the memory of a process, and a [`Report`] is that of a guard on its own. The
//! rest reports on a side of a scenario, or on a program that has ended, and needs `--cfg tokio_unstable` as the
//! observations do: a `ProgramReport` is the data, its `Display` is `text`, and [`json`] is the same for a program to
//! read.

mod finding;
mod guarded;
pub mod json;
mod layout;
#[cfg(feature = "explain")]
pub mod links;
mod lost;
pub mod page;
pub mod process;

#[cfg(all(tokio_unstable, feature = "demo"))]
mod document;
#[cfg(tokio_unstable)]
mod folder;
#[cfg(all(tokio_unstable, feature = "demo"))]
pub mod lesson;
#[cfg(tokio_unstable)]
mod program;
#[cfg(all(tokio_unstable, feature = "demo"))]
pub mod sides;
#[cfg(all(tokio_unstable, feature = "demo"))]
pub mod table;
#[cfg(tokio_unstable)]
mod task;
#[cfg(tokio_unstable)]
pub mod text;
#[cfg(tokio_unstable)]
mod tree;

#[cfg(all(tokio_unstable, feature = "demo"))]
pub use document::{Document, PostsDocument, SideDocument};
pub use finding::Finding;
pub use guarded::Report;
#[cfg(tokio_unstable)]
pub use program::Report as ProgramReport;
#[cfg(tokio_unstable)]
pub use task::TaskDocument;
