//! A cache of memory pages.

use std::cell::RefCell;

use super::Unreadable;

const PAGE: usize = 4096;
const PAGE_SIZE: u64 = PAGE as u64;
/// 32 MiB of pages. Tasks are read in the order of their addresses, so a larger cache would not be hit more often.
const CACHED_PAGES: u64 = 8192;

/// A direct-mapped cache: page N is in slot N modulo the number of slots, or not at all.
#[derive(Default)]
pub(super) struct Pages(RefCell<Vec<Option<Page>>>);

struct Page {
    number: u64,
    /// `None` for a page that can't be read.
    bytes: Option<Box<[u8; PAGE]>>,
}

impl Pages {
    /// Fills the buffer. `fill` reads a whole page from an address, and says whether it could.
    pub(super) fn read(
        &self,
        address: u64,
        buffer: &mut [u8],
        fill: impl Fn(u64, &mut [u8]) -> bool,
    ) -> Result<(), Unreadable> {
        let mut slots = self.0.borrow_mut();
        let mut done = 0;
        while done < buffer.len() {
            let at = address.checked_add(done as u64).ok_or(Unreadable)?;
            let page = page(&mut slots, at / PAGE_SIZE, &fill).ok_or(Unreadable)?;
            let skip = usize::try_from(at % PAGE_SIZE).map_err(|_| Unreadable)?;
            let length = (buffer.len() - done).min(page.len() - skip);
            buffer[done..done + length].copy_from_slice(&page[skip..skip + length]);
            done += length;
        }
        Ok(())
    }

    /// Drops all pages.
    pub(super) fn forget(&self) {
        self.0.borrow_mut().clear();
    }
}

fn page(
    slots: &mut Vec<Option<Page>>,
    number: u64,
    fill: impl Fn(u64, &mut [u8]) -> bool,
) -> Option<&[u8; PAGE]> {
    if slots.is_empty() {
        slots.extend((0..CACHED_PAGES).map(|_| None));
    }
    let slot = slots.get_mut(usize::try_from(number % CACHED_PAGES).ok()?)?;
    if slot.as_ref().is_none_or(|page| page.number != number) {
        let mut bytes = slot
            .take()
            .and_then(|page| page.bytes)
            .unwrap_or_else(|| Box::new([0; PAGE]));
        let read = number
            .checked_mul(PAGE_SIZE)
            .is_some_and(|at| fill(at, &mut bytes[..]));
        *slot = Some(Page {
            number,
            bytes: read.then_some(bytes),
        });
    }
    slot.as_ref()?.bytes.as_deref()
}
