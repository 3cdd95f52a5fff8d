//! Address spaces: where bytes come from.
//!
//! Everything above this module reads through [`Memory`], so a live process, the own process and a core file look the
//! same. All multi-byte values are little-endian, as on x86-64.

#[cfg(target_os = "linux")]
mod core;
#[cfg(target_os = "linux")]
mod pages;
#[cfg(target_os = "linux")]
mod process;
mod torn;

#[cfg(target_os = "linux")]
pub(crate) use self::core::{CoreMemory, Segment};

#[cfg(target_os = "linux")]
pub use process::ProcessMemory;
pub use torn::Torn;

/// A mapping of an address space.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Region {
    /// The first address.
    pub start: u64,
    /// The address after the last.
    pub end: u64,
    /// Can be written by the program.
    pub writable: bool,
    /// Can be executed by the program.
    pub executable: bool,
    /// The offset in the mapped file, in bytes.
    pub offset: u64,
    /// The mapped file, a name in brackets such as `[heap]`, or empty for anonymous memory.
    pub path: String,
}

impl Region {
    /// The length in bytes.
    pub fn len(&self) -> u64 {
        self.end.saturating_sub(self.start)
    }

    /// Whether the region has no bytes.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether the address is in the region.
    pub fn contains(&self, address: u64) -> bool {
        self.start <= address && address < self.end
    }

    /// Whether a program's values can be here: writable, and neither a file nor a mapping of the kernel.
    pub fn holds_values(&self) -> bool {
        self.writable && !self.path.starts_with('/') && !self.path.starts_with("[v")
    }
}

/// An address could not be read: it is not mapped, or the process is gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unreadable;

/// An address space.
///
/// The program may run while its memory is read. So two reads need not agree with each other, and no value can be
/// trusted to be an address, a length, or the end of a list.
pub trait Memory {
    /// Fills the buffer with the bytes at the address.
    fn read(&self, address: u64, buffer: &mut [u8]) -> Result<(), Unreadable>;

    /// Fills as much of the buffer as is readable without a gap, past any cache, and returns how many bytes that is.
    fn read_uncached(&self, address: u64, buffer: &mut [u8]) -> usize;

    /// What is mapped and readable, in ascending order.
    fn regions(&self) -> &[Region];

    /// Drops what is cached, so that the next reads see the memory as it then is.
    fn forget(&self) {}

    /// The 8-byte value at the address.
    fn word(&self, address: u64) -> Option<u64> {
        self.uint(address, 8)
    }

    /// The unsigned value of `size` bytes at the address. `None` if `size` is more than 8.
    fn uint(&self, address: u64, size: u64) -> Option<u64> {
        let mut bytes = [0; 8];
        let size = usize::try_from(size)
            .ok()
            .filter(|size| *size <= bytes.len())?;
        self.read(address, &mut bytes[..size]).ok()?;
        Some(u64::from_le_bytes(bytes))
    }
}
