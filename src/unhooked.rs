//! A guard, and what stands in for a check and for layers, in a build without Tokio's hooks.

mod check;
mod guard;
pub mod observe;

pub use check::{Check, check};
pub use guard::{Guard, GuardError, run};
