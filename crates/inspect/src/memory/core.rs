//! The memory of a process that ended, from its core file.

use std::fs::File;
use std::os::unix::fs::FileExt as _;

use super::pages::Pages;
use super::{Memory, Region, Unreadable};

/// How much of a mapping the core file has.
pub(crate) struct Segment {
    /// Where its bytes are in the core file.
    pub(crate) offset: u64,
    /// How many of its bytes are in the core file: from the start on.
    pub(crate) saved: u64,
}

/// The mappings of a core file.
///
/// The kernel leaves out what is still in files: code and constants. These come from the mapped file.
pub(crate) struct CoreMemory<'c, F> {
    core: &'c File,
    /// In ascending order. Each belongs to the region with the same number.
    segments: &'c [Segment],
    regions: &'c [Region],
    /// The file that was mapped, if it is known to be the same still.
    mapped: F,
    pages: Pages,
}

impl<'c, F: Fn(&str) -> Option<&'c File>> CoreMemory<'c, F> {
    pub(crate) fn new(
        core: &'c File,
        segments: &'c [Segment],
        regions: &'c [Region],
        mapped: F,
    ) -> Self {
        Self {
            core,
            segments,
            regions,
            mapped,
            pages: Pages::default(),
        }
    }

    /// Reads from one place, at most to the end of what is there. `None` if nothing is.
    fn read_some(&self, address: u64, buffer: &mut [u8]) -> Option<usize> {
        let number = self
            .regions
            .partition_point(|region| region.start <= address)
            .checked_sub(1)?;
        let (segment, region) = (self.segments.get(number)?, &self.regions[number]);
        let within = address - region.start;
        let (file, at, left) = if within < segment.saved {
            let at = segment.offset.checked_add(within)?;
            (self.core, at, segment.saved - within)
        } else if region.writable {
            // What the process wrote is nowhere else.
            return None;
        } else {
            let at = region.offset.checked_add(within)?;
            let left = region.end.checked_sub(address)?;
            ((self.mapped)(&region.path)?, at, left)
        };
        let length = usize::try_from(left)
            .unwrap_or(usize::MAX)
            .min(buffer.len());
        let read = file.read_at(&mut buffer[..length], at).ok()?;
        (read > 0).then_some(read)
    }
}

impl<'c, F: Fn(&str) -> Option<&'c File>> Memory for CoreMemory<'c, F> {
    fn read(&self, address: u64, buffer: &mut [u8]) -> Result<(), Unreadable> {
        self.pages.read(address, buffer, |at, page| {
            self.read_uncached(at, page) == page.len()
        })
    }

    fn read_uncached(&self, address: u64, buffer: &mut [u8]) -> usize {
        let mut done = 0;
        while done < buffer.len() {
            let read = address
                .checked_add(done as u64)
                .and_then(|at| self.read_some(at, &mut buffer[done..]));
            match read {
                Some(read) => done += read,
                None => break,
            }
        }
        done
    }

    fn regions(&self) -> &[Region] {
        self.regions
    }
}
