//! Memory that lies, for tests.

use std::cell::{Cell, RefCell};

use super::{Memory, Region, Unreadable};

/// Another memory, with 4 % of its small values replaced.
///
/// A process that runs while it is read gives values that belong to no single moment. This makes that happen often and
/// reproducibly: a replaced value is random, near the end of the address space, a little off, or one seen elsewhere.
pub struct Torn<M> {
    inner: M,
    random: Cell<u64>,
    seen: RefCell<Vec<u64>>,
}

/// How many values are remembered to be handed out in place of others.
const REMEMBERED: usize = 4096;

impl<M: Memory> Torn<M> {
    /// Tears this memory. The same seed and the same reads give the same values.
    pub fn new(inner: M, seed: u64) -> Self {
        let random = Cell::new(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
        Self {
            inner,
            random,
            seen: RefCell::default(),
        }
    }

    /// Xorshift.
    fn next(&self) -> u64 {
        let mut x = self.random.get();
        x ^= x << 13;
        x ^= x >> 7;
        x ^= x << 17;
        self.random.set(x);
        x
    }

    fn replace(&self, value: u64) -> u64 {
        let mut seen = self.seen.borrow_mut();
        if seen.len() < REMEMBERED {
            seen.push(value);
        }
        match self.next() % 100 {
            0 => self.next(),
            1 => seen[usize::try_from(self.next() % seen.len() as u64).unwrap_or(0)],
            2 => u64::MAX - self.next() % 64,
            3 => value.wrapping_add(8),
            _ => value,
        }
    }
}

impl<M: Memory> Memory for Torn<M> {
    fn read(&self, address: u64, buffer: &mut [u8]) -> Result<(), Unreadable> {
        self.inner.read(address, buffer)?;
        if buffer.len() <= 8 {
            let mut bytes = [0; 8];
            bytes[..buffer.len()].copy_from_slice(buffer);
            let value = self.replace(u64::from_le_bytes(bytes));
            buffer.copy_from_slice(&value.to_le_bytes()[..buffer.len()]);
        }
        Ok(())
    }

    fn read_uncached(&self, address: u64, buffer: &mut [u8]) -> usize {
        self.inner.read_uncached(address, buffer)
    }

    fn regions(&self) -> &[Region] {
        self.inner.regions()
    }

    fn forget(&self) {
        self.inner.forget();
    }
}
