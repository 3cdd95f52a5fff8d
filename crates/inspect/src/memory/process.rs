//! The memory of a live process, through `/proc`.

use std::cell::RefCell;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;

use super::{Memory, Region, Unreadable};

const PAGE: usize = 4096;
const PAGE_SIZE: u64 = PAGE as u64;
/// 32 MiB of pages. Tasks are read in the order of their addresses, so a larger cache would not be hit more often.
const CACHED_PAGES: u64 = 8192;

/// `/proc/PID/mem`. The process runs on while it is read.
///
/// Pages are cached until [`Memory::forget`], so repeated reads of a page agree with each other and are cheap.
pub struct ProcessMemory {
    file: File,
    regions: Vec<Region>,
    pages: RefCell<PageCache>,
}

impl ProcessMemory {
    /// Opens the memory of a process: a process id, or `self`.
    pub fn open(process: &str) -> io::Result<Self> {
        let file = File::open(format!("/proc/{process}/mem"))?;
        let maps = std::fs::read_to_string(format!("/proc/{process}/maps"))?;
        Ok(Self {
            file,
            regions: maps.lines().filter_map(parse_region).collect(),
            pages: RefCell::default(),
        })
    }
}

impl Memory for ProcessMemory {
    fn read(&self, address: u64, buffer: &mut [u8]) -> Result<(), Unreadable> {
        let mut pages = self.pages.borrow_mut();
        let mut done = 0;
        while done < buffer.len() {
            let at = address.checked_add(done as u64).ok_or(Unreadable)?;
            let page = pages.get(&self.file, at / PAGE_SIZE).ok_or(Unreadable)?;
            let skip = usize::try_from(at % PAGE_SIZE).map_err(|_| Unreadable)?;
            let length = (buffer.len() - done).min(page.len() - skip);
            buffer[done..done + length].copy_from_slice(&page[skip..skip + length]);
            done += length;
        }
        Ok(())
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
        *self.pages.borrow_mut() = PageCache::default();
    }
}

/// A direct-mapped cache: page N is in slot N modulo the number of slots, or not at all.
#[derive(Default)]
struct PageCache {
    slots: Vec<Option<CachedPage>>,
}

struct CachedPage {
    number: u64,
    /// `None` for a page that can't be read.
    bytes: Option<Box<[u8; PAGE]>>,
}

impl PageCache {
    fn get(&mut self, file: &File, number: u64) -> Option<&[u8; PAGE]> {
        if self.slots.is_empty() {
            self.slots.extend((0..CACHED_PAGES).map(|_| None));
        }
        let slot = self
            .slots
            .get_mut(usize::try_from(number % CACHED_PAGES).ok()?)?;
        if slot.as_ref().is_none_or(|page| page.number != number) {
            let mut bytes = slot
                .take()
                .and_then(|page| page.bytes)
                .unwrap_or_else(|| Box::new([0; PAGE]));
            let read = number
                .checked_mul(PAGE_SIZE)
                .is_some_and(|at| file.read_exact_at(&mut bytes[..], at).is_ok());
            *slot = Some(CachedPage {
                number,
                bytes: read.then_some(bytes),
            });
        }
        slot.as_ref()?.bytes.as_deref()
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
