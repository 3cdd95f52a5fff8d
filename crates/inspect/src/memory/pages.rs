//! A cache of memory pages.

use std::cell::RefCell;

use super::Unreadable;

const PAGE: usize = 4096;
const PAGE_SIZE: u64 = PAGE as u64;
/// 16 MiB of pages. Tasks are read in the order of their addresses, so a larger cache would not be hit more often.
const CACHED_PAGES: usize = 4096;

/// A direct-mapped cache: page N is in slot N modulo the number of slots, or not at all.
#[derive(Default)]
pub(super) struct Pages(RefCell<Cache>);

#[derive(Default)]
struct Cache {
    slots: Vec<Slot>,
    /// The bytes of all slots that were filled: one allocation, which goes back to the system as a whole.
    bytes: Vec<u8>,
}

#[derive(Clone, Copy, Default)]
struct Slot {
    content: Content,
    /// Where its bytes start, once it was filled.
    start: Option<usize>,
}

#[derive(Clone, Copy, Default)]
enum Content {
    #[default]
    Empty,
    /// The page with this number.
    Filled(u64),
    /// The page with this number can't be read.
    Unreadable(u64),
}

impl Pages {
    /// Fills the buffer. `fill` reads a whole page from an address, and says whether it could.
    pub(super) fn read(
        &self,
        address: u64,
        buffer: &mut [u8],
        fill: impl Fn(u64, &mut [u8]) -> bool,
    ) -> Result<(), Unreadable> {
        let mut cache = self.0.borrow_mut();
        let mut done = 0;
        while done < buffer.len() {
            let at = address.checked_add(done as u64).ok_or(Unreadable)?;
            let page = cache.page(at / PAGE_SIZE, &fill).ok_or(Unreadable)?;
            let skip = usize::try_from(at % PAGE_SIZE).map_err(|_| Unreadable)?;
            let length = (buffer.len() - done).min(page.len() - skip);
            buffer[done..done + length].copy_from_slice(&page[skip..skip + length]);
            done += length;
        }
        Ok(())
    }

    /// Drops all pages.
    pub(super) fn forget(&self) {
        for slot in &mut self.0.borrow_mut().slots {
            slot.content = Content::Empty;
        }
    }
}

impl Cache {
    fn page(&mut self, number: u64, fill: impl Fn(u64, &mut [u8]) -> bool) -> Option<&[u8]> {
        if self.slots.is_empty() {
            self.slots = vec![Slot::default(); CACHED_PAGES];
        }
        let index = usize::try_from(number % CACHED_PAGES as u64).ok()?;
        let slot = self.slots.get_mut(index)?;
        let start = *slot.start.get_or_insert(self.bytes.len());
        if start == self.bytes.len() {
            self.bytes.resize(start + PAGE, 0);
        }
        let bytes = self.bytes.get_mut(start..start + PAGE)?;
        match slot.content {
            Content::Filled(cached) if cached == number => {}
            Content::Unreadable(cached) if cached == number => return None,
            _ => {
                let address = number.checked_mul(PAGE_SIZE);
                if !address.is_some_and(|address| fill(address, bytes)) {
                    slot.content = Content::Unreadable(number);
                    return None;
                }
                slot.content = Content::Filled(number);
            }
        }
        Some(bytes)
    }
}
