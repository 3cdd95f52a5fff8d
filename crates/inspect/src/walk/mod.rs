//! From a future to what it waits for, and to what its locals hold.
//!
//! What a type needs is compiled once into a [`Plan`](plan::Plan): the offsets of what matters in it, and nothing
//! of the rest. Tasks of the same type share plans, so a walk reads a few words for each frame.
//!
//! Two things are looked for. To see what a future *awaits*, everything is followed that it would poll: parts,
//! boxes and mutable references. To see what a local *holds*, everything is followed that it owns.

mod containers;
mod objects;
pub(crate) mod plan;
mod reach;
mod walker;

pub(crate) use plan::Plans;
pub(crate) use walker::{Root, WakerSlots, Walker};
