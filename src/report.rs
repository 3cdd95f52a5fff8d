//! Reports: the only code that writes for a person, or for a program, to read.
//!
//! Everything is in the [`Document`] first. [`json`] prints it as it is, [`text`] lays it out.

mod document;
pub mod json;
mod layout;
pub mod text;

pub use document::{Document, PostsDocument, SideDocument, TaskDocument};
