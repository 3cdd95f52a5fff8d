//! Searches memory for addresses of objects.

use std::collections::BTreeSet;
use std::ops::Range;

use foldhash::HashMap;

use crate::memory::Memory;
use crate::snapshot::{Address, ObjectId, Pointer, Pointers, Snapshot};
use crate::threads::{RawThread, StackFrame};

/// How much is read at once, in bytes.
const CHUNK: usize = 1 << 20;

/// The size of the smallest pages, in bytes.
const PAGE: u64 = 4096;

/// What functions that call no other ones use below the stack pointer, in bytes.
const RED_ZONE: u64 = 128;

/// The objects whose addresses are searched for.
pub(crate) struct Search {
    /// In ascending order. Those of different objects may overlap.
    ranges: Vec<Sought>,
    /// The lowest start and the highest end.
    bounds: Range<u64>,
    /// Parts of memory where an address means nothing.
    meaningless: Vec<Range<u64>>,
}

struct Sought {
    range: Range<u64>,
    object: ObjectId,
    /// The highest end of the ranges up to this one.
    reach: u64,
    /// In ascending order once memory was searched.
    found: Vec<Pointer>,
    /// How many of those the search has passed by.
    passed: usize,
}

impl Sought {
    /// Adds a place that is after all others of this search, unless a search before has found it.
    fn note(&mut self, address: Address, stack_of: impl Fn() -> Option<u32>) {
        let later = self.found[self.passed..].iter();
        self.passed += later.take_while(|it| it.address < address).count();
        let known = self.found.get(self.passed);
        if known.is_none_or(|known| known.address != address) {
            self.found.push(Pointer {
                address,
                stack_of: stack_of(),
            });
        }
    }

    fn end_search(&mut self) {
        self.passed = 0;
        self.found.sort_unstable();
    }
}

impl Search {
    pub(crate) fn of(
        snapshot: &Snapshot,
        objects: impl IntoIterator<Item = ObjectId>,
        meaningless: Vec<Range<u64>>,
    ) -> Self {
        let objects: BTreeSet<ObjectId> = objects.into_iter().collect();
        let sought = |object: ObjectId| Sought {
            range: snapshot[object].allocation(),
            object,
            reach: 0,
            found: Vec::new(),
            passed: 0,
        };
        let mut ranges: Vec<_> = objects.into_iter().map(sought).collect();
        ranges.sort_by_key(|it| (it.range.start, it.range.end));
        let mut end = 0;
        for it in &mut ranges {
            end = it.range.end.max(end);
            it.reach = end;
        }
        Self {
            bounds: ranges.first().map_or(0, |it| it.range.start)..end,
            ranges,
            meaningless,
        }
    }

    /// Searches all that the program can write to. `false` if that is more than `limit` bytes.
    pub(crate) fn search(&mut self, memory: &dyn Memory, stacks: &Stacks, limit: u64) -> bool {
        let mut left = limit;
        let mut buffer = vec![0; CHUNK];
        for region in memory.regions() {
            // Those of the kernel.
            if !region.writable || region.path.starts_with("[v") {
                continue;
            }
            let unused = stacks.unused_in(region.start..region.end);
            for part in [region.start..unused.start, unused.end..region.end] {
                let mut at = part.start;
                while at < part.end {
                    let length = usize::try_from(part.end - at).unwrap_or(CHUNK).min(CHUNK);
                    let read = memory.read_uncached(at, &mut buffer[..length]);
                    self.search_in(at, &buffer[..read], stacks);
                    let step = if read < length {
                        // One page can't be read: it may be of a file that is shorter than its mapping.
                        next_page(at + read as u64) - at
                    } else {
                        length as u64
                    };
                    let Some(rest) = left.checked_sub(step) else {
                        return false;
                    };
                    left = rest;
                    at += step;
                }
            }
        }
        for it in &mut self.ranges {
            it.end_search();
        }
        true
    }

    fn search_in(&mut self, start: u64, bytes: &[u8], stacks: &Stacks) {
        let words = bytes.as_chunks().0.iter();
        let words = words.map(|word| u64::from_le_bytes(*word));
        for (number, word) in words.enumerate() {
            if self.bounds.contains(&word) {
                self.note(start + 8 * number as u64, word, stacks);
            }
        }
    }

    fn note(&mut self, place: u64, word: u64, stacks: &Stacks) {
        if self.meaningless.iter().any(|part| part.contains(&place)) {
            return;
        }
        let before = self.ranges.partition_point(|it| it.range.start <= word);
        // An object that is in others begins after they do.
        let around = self.ranges[..before].iter_mut().rev();
        for it in around.take_while(|it| word < it.reach) {
            if it.range.contains(&word) && !it.range.contains(&place) {
                it.note(Address(place), || stacks.thread_at(place));
            }
        }
    }

    pub(crate) fn into_pointers(self) -> Vec<Pointers> {
        let pointers = self.ranges.into_iter().map(|it| Pointers {
            object: it.object,
            places: it.found,
        });
        pointers.collect()
    }
}

fn next_page(address: u64) -> u64 {
    (address / PAGE + 1) * PAGE
}

/// Which parts of memory are stacks.
pub(crate) struct Stacks(Vec<ThreadStack>);

struct ThreadStack {
    thread: u32,
    /// From the stack pointer to where the outermost function was called.
    used: Range<u64>,
}

impl Stacks {
    pub(crate) fn of(threads: &[RawThread], stacks: &HashMap<u32, Vec<StackFrame>>) -> Self {
        let stack = |thread: &RawThread| {
            let outermost = stacks.get(&thread.id)?.last()?;
            let start = thread.registers?.stack_pointer()?.saturating_sub(RED_ZONE);
            Some(ThreadStack {
                thread: thread.id,
                used: start..outermost.cfa.max(start),
            })
        };
        Self(threads.iter().filter_map(stack).collect())
    }

    /// The part of a mapping that no function of its stack uses, if it has one: below the stack pointer.
    fn unused_in(&self, mapping: Range<u64>) -> Range<u64> {
        let mut own = self.0.iter().map(|stack| stack.used.start);
        let stack = own.find(|start| mapping.contains(start));
        mapping.start..stack.unwrap_or(mapping.start) & !7
    }

    fn thread_at(&self, address: u64) -> Option<u32> {
        let mut stacks = self.0.iter();
        let stack = stacks.find(|stack| stack.used.contains(&address))?;
        Some(stack.thread)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_several_searches_find_is_noted_once_and_in_order() {
        let mut sought = Sought {
            range: 0..0,
            object: ObjectId(0),
            reach: 0,
            found: Vec::new(),
            passed: 0,
        };
        for places in [&[16, 48][..], &[8, 16, 32, 40, 56]] {
            for place in places {
                sought.note(Address(*place), || None);
            }
            sought.end_search();
        }
        let found: Vec<u64> = sought.found.iter().map(|it| it.address.0).collect();
        assert_eq!(found, [8, 16, 32, 40, 48, 56]);
    }
}
