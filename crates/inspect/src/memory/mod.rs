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

use std::ops::Range;

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

    /// The parts of it that are in none of these ranges, which are sorted and do not overlap. They begin and end at
    /// multiples of a word's size.
    pub fn without(&self, ranges: &[Range<u64>]) -> Vec<Range<u64>> {
        let mut parts = Vec::new();
        let mut start = self.start;
        for range in ranges {
            let end = self.end.min(range.start & !7);
            if start < end {
                parts.push(start..end);
            }
            start = start.max(range.end.next_multiple_of(8));
        }
        if start < self.end {
            parts.push(start..self.end);
        }
        parts
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_out_of_a_region_may_be_around_it_in_it_or_beside_it() {
        let region = Region {
            start: 0x1000,
            end: 0x2000,
            writable: true,
            executable: false,
            offset: 0,
            path: String::new(),
        };
        let parts = |ranges: &[Range<u64>]| -> Vec<(u64, u64)> {
            let parts = region.without(ranges).into_iter();
            parts.map(|part| (part.start, part.end)).collect()
        };
        assert_eq!(parts(&[]), [(0x1000, 0x2000)]);
        assert_eq!(parts(&[0..0x1000, 0x2000..0x3000]), [(0x1000, 0x2000)]);
        assert_eq!(parts(&[0..0x1800, 0x1800..0x3000]), []);
        assert_eq!(
            parts(&[0x800..0x1009, 0x1803..0x1900]),
            [(0x1010, 0x1800), (0x1900, 0x2000)]
        );
        assert_eq!(parts(&[0x800..0x1000, 0x1f00..0x2800]), [(0x1000, 0x1f00)]);
    }
}
