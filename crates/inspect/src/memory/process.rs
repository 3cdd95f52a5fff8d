//! The memory of a live process, through `/proc`.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;

use super::pages::Pages;
use super::{Memory, Region, Unreadable};

/// `/proc/PID/mem`. The process runs on while it is read.
///
/// Pages are cached until [`Memory::forget`], so repeated reads of a page agree with each other and are cheap.
pub struct ProcessMemory {
    file: File,
    regions: Vec<Region>,
    pages: Pages,
}

impl ProcessMemory {
    /// Opens the memory of a process: a process id, or `self`.
    pub fn open(process: &str) -> io::Result<Self> {
        let file = File::open(format!("/proc/{process}/mem"))?;
        let maps = std::fs::read_to_string(format!("/proc/{process}/maps"))?;
        Ok(Self {
            file,
            regions: maps.lines().filter_map(parse_region).collect(),
            pages: Pages::default(),
        })
    }
}

impl Memory for ProcessMemory {
    fn read(&self, address: u64, buffer: &mut [u8]) -> Result<(), Unreadable> {
        self.pages.read(address, buffer, |at, page| {
            self.file.read_exact_at(page, at).is_ok()
        })
    }

    fn read_uncached(&self, address: u64, buffer: &mut [u8]) -> usize {
        let mut done = 0;
        while done < buffer.len() {
            let Some(at) = address.checked_add(done as u64) else {
                break;
            };
            match self.file.read_at(&mut buffer[done..], at) {
                Ok(0) | Err(_) => break,
                Ok(length) => done += length,
            }
        }
        done
    }

    fn regions(&self) -> &[Region] {
        &self.regions
    }

    fn forget(&self) {
        self.pages.forget();
    }
}

/// A line of `/proc/PID/maps`, if what it describes is readable.
fn parse_region(line: &str) -> Option<Region> {
    let mut fields = line.splitn(6, ' ');
    let (start, end) = fields.next()?.split_once('-')?;
    let permissions = fields.next()?.as_bytes();
    let offset = fields.next()?;
    let path = fields.nth(2).unwrap_or("").trim_start();
    if permissions.first() != Some(&b'r') {
        return None;
    }
    let hex = |digits| u64::from_str_radix(digits, 16).ok();
    Some(Region {
        start: hex(start)?,
        end: hex(end)?,
        writable: permissions.get(1) == Some(&b'w'),
        executable: permissions.get(2) == Some(&b'x'),
        offset: hex(offset)?,
        path: path.to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_with_spaces_is_kept_whole() {
        let line = "55d0c000-55d0d000 r-xp 00002000 fe:01 4711                       /tmp/my program (deleted)";
        let region = parse_region(line).expect("a region");
        assert_eq!(
            (region.start, region.end, region.offset),
            (0x55d0_c000, 0x55d0_d000, 0x2000)
        );
        assert_eq!(region.path, "/tmp/my program (deleted)");
        assert!(region.executable && !region.writable);
    }

    #[test]
    fn own_memory_is_readable_and_a_null_pointer_is_not() {
        let memory = ProcessMemory::open("self").expect("own memory");
        let value = 0x1234_5678_9abc_def0_u64;
        assert_eq!(memory.word(&raw const value as u64), Some(value));
        assert_eq!(memory.word(0), None);
        assert_eq!(memory.word(u64::MAX), None);
        assert_eq!(memory.word(u64::MAX - 3), None);
    }

    #[test]
    fn memory_is_seen_as_it_is_after_forget() {
        let memory = ProcessMemory::open("self").expect("own memory");
        let value = std::sync::atomic::AtomicU64::new(1);
        let address = &raw const value as u64;
        assert_eq!(memory.word(address), Some(1));
        value.store(2, std::sync::atomic::Ordering::SeqCst);
        memory.forget();
        assert_eq!(memory.word(address), Some(2));
    }
}
