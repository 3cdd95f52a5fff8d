//! Where addresses of objects are in memory.

use serde::{Deserialize, Serialize};

use super::{Address, ObjectId};

/// All places in memory with an address within the [allocation](super::Object::allocation) of an object.
///
/// Who has no such address can't use the object. So if each place is part of something that is known, nothing else can,
/// whatever its type: a count can't tell a handle that is hidden from one that was dropped. A place may as well have an
/// address that is not used any more, or a number that looks like one.
///
/// Not searched are registers, what the program can't write to, the object itself, words that are not aligned, and what
/// is left of functions that have returned: the part of a stack below the stack pointer of a thread that sleeps.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pointers {
    /// The object.
    pub object: ObjectId,
    /// In ascending order of their addresses.
    pub places: Vec<Pointer>,
}

/// A place in memory with an address of an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Pointer {
    /// Where it is.
    pub address: Address,
    /// The id of the thread on whose stack it is. `None` if it is on none.
    pub stack_of: Option<u32>,
}
