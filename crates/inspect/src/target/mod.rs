//! What is read: a live process, or a core file.
//!
//! [`Target`] is all that differs between them. Everything above reads both in the same way.

mod core;
mod descriptors;
mod notes;
mod process;

use std::collections::BTreeSet;
use std::io;
use std::path::PathBuf;

pub(crate) use self::core::CoreFile;
pub(crate) use self::process::LiveProcess;
use crate::error::Error;
use crate::memory::Memory;
use crate::snapshot::{Descriptor, Gap};
use crate::threads::RawThread;

/// A process, as far as the system tells.
pub(crate) trait Target {
    /// The process id.
    fn id(&self) -> u32;

    /// The memory as it is now.
    fn memory(&self) -> Result<Box<dyn Memory + '_>, Error>;

    /// Where the program starts in memory.
    fn entry(&self) -> Result<u64, Error>;

    /// The threads, in ascending order of their ids.
    fn threads(&self) -> io::Result<Vec<RawThread>>;

    /// The path to open the program by.
    fn executable(&self) -> PathBuf;

    /// The path to open a mapped file by. `None` if that file is not known to be what was mapped.
    fn mapped_file(&self, path: &str) -> Option<PathBuf>;

    /// The system's monotonic clock now, in nanoseconds. `None` if that is not known.
    fn now_ns(&self) -> Option<u64>;

    /// Fails if this is no longer the process that was opened.
    fn check_same(&self) -> Result<(), Error>;

    /// What these descriptors refer to, as far as that is known.
    fn descriptors(&self, _numbers: &BTreeSet<i32>) -> Vec<Descriptor> {
        Vec::new()
    }

    /// What can't be read of it at all.
    fn gaps(&self) -> Vec<Gap> {
        Vec::new()
    }
}

/// The key of the program's entry point among what the kernel tells a program's loader.
const AT_ENTRY: u64 = 9;

/// A value of the auxiliary vector: pairs of a key and a value.
fn value_of(key: u64, auxiliary: &[u8]) -> Option<u64> {
    let word = |word: &[u8; 8]| u64::from_le_bytes(*word);
    let words: Vec<u64> = auxiliary.as_chunks().0.iter().map(word).collect();
    let pairs = words.as_chunks().0;
    pairs
        .iter()
        .find_map(|[found, value]| (*found == key).then_some(*value))
}
