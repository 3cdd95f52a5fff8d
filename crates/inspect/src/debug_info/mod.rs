//! What the program's debug info says: types, where values are, functions.
//!
//! One quick pass over all debug info notes where the few things of interest are ([`index`]). Types are read when they
//! are asked for, and then kept ([`types`]). What is read often is compiled into offsets once ([`layout`]).
//!
//! Nothing in here knows a name of Tokio's.

mod elf;
mod entries;
mod functions;
mod index;
mod layout;
mod lines;
mod parallel;
mod separate;
mod types;
mod value;

use std::cell::{OnceCell, RefCell};
use std::sync::Arc;

use foldhash::HashMap;
use gimli::{AttributeValue, EndianSlice, LittleEndian};

pub(crate) use elf::{Executable, Header, check_processor};
pub(crate) use functions::{Base, Declaration, Declared, Kept, Location, Variable};
pub(crate) use index::{Index, Wanted, WantedKind};
pub(crate) use layout::{Path, Spot, Tag};
pub(crate) use lines::Lines;
pub(crate) use types::{Field, Kind, Type, Variant};
pub(crate) use value::Value;

/// A piece of a debug section.
pub(crate) type Slice<'d> = EndianSlice<'d, LittleEndian>;

/// A type: the offset of its entry in `.debug_info`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct TypeId(pub(crate) u32);

/// An entry of any kind: its offset in `.debug_info`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct EntryId(pub(crate) u32);

/// Types that were read. They outlive a [`DebugInfo`], which borrows the sections.
#[derive(Default)]
pub(crate) struct TypeCache(RefCell<HashMap<TypeId, Arc<Type>>>);

/// The debug info of a program.
pub(crate) struct DebugInfo<'d> {
    dwarf: gimli::Dwarf<Slice<'d>>,
    /// Parsed when first needed.
    units: Vec<OnceCell<Option<gimli::Unit<Slice<'d>>>>>,
    pub(crate) index: &'d Index,
    types: &'d TypeCache,
    /// An address in memory minus the address in the file.
    bias: u64,
}

impl<'d> DebugInfo<'d> {
    pub(crate) fn new(
        executable: &'d Executable,
        index: &'d Index,
        types: &'d TypeCache,
        bias: u64,
    ) -> Self {
        let units = index.units.iter().map(|_| OnceCell::new()).collect();
        Self {
            dwarf: executable.dwarf(),
            units,
            index,
            types,
            bias,
        }
    }

    pub(crate) fn dwarf(&self) -> &gimli::Dwarf<Slice<'d>> {
        &self.dwarf
    }

    /// The address in the file of an address in memory.
    pub(crate) fn file_address(&self, address: u64) -> u64 {
        address.wrapping_sub(self.bias)
    }

    /// The address in memory of an address in the file.
    pub(crate) fn memory_address(&self, address: u64) -> u64 {
        address.wrapping_add(self.bias)
    }

    /// The unit that an entry is in, and the unit's offset.
    fn unit_of(&self, entry: u32) -> Option<(&gimli::Unit<Slice<'d>>, u32)> {
        let number = self
            .index
            .units
            .partition_point(|start| *start <= entry)
            .checked_sub(1)?;
        let start = self.index.units[number];
        let unit = self.units[number].get_or_init(|| {
            let header = self
                .dwarf
                .unit_header(gimli::DebugInfoOffset(start as usize))
                .ok()?;
            self.dwarf.unit(header).ok()
        });
        Some((unit.as_ref()?, start))
    }

    /// The text of an attribute.
    fn text(&self, unit: &gimli::Unit<Slice<'d>>, value: AttributeValue<Slice<'d>>) -> &'d str {
        let text = self.dwarf.attr_string(unit, value).ok();
        text.and_then(|text| std::str::from_utf8(text.slice()).ok())
            .unwrap_or("")
    }

    /// A file of a unit's line table. Relative paths are completed by the folder that the unit was compiled in.
    pub(crate) fn file(&self, entry: u32, file: u64) -> String {
        let mut path = String::new();
        let Some((unit, _)) = self.unit_of(entry) else {
            return path;
        };
        let Some(program) = &unit.line_program else {
            return path;
        };
        let header = program.header();
        let Some(file) = header.file(file) else {
            return path;
        };
        let mut push = |part: &str| {
            if part.starts_with('/') {
                path.clear();
            } else if !path.is_empty() && !path.ends_with('/') {
                path.push('/');
            }
            path.push_str(part);
        };
        if let Some(folder) = unit.comp_dir {
            push(std::str::from_utf8(folder.slice()).unwrap_or(""));
        }
        if let Some(folder) = file.directory(header) {
            push(self.text(unit, folder));
        }
        push(self.text(unit, file.path_name()));
        // The name of a unit, which stands for a file that is not known, has that of its part of the crate at the end.
        if let Some(end) = path.find("/@/") {
            path.truncate(end);
        }
        without_detours(path)
    }
}

/// `src/../scenarios/a.rs` is what a `#[path]` attribute makes of `scenarios/a.rs`.
pub(crate) fn without_detours(path: String) -> String {
    if !path.contains("/../") {
        return path;
    }
    let mut kept: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match kept.last() {
            Some(last) if part == ".." && !last.is_empty() && *last != ".." => drop(kept.pop()),
            _ => kept.push(part),
        }
    }
    kept.join("/")
}

/// What an attribute refers to, as an offset in `.debug_info`.
fn reference(unit_start: u32, value: &AttributeValue<Slice<'_>>) -> Option<u32> {
    match value {
        AttributeValue::UnitRef(offset) => unit_start.checked_add(u32::try_from(offset.0).ok()?),
        AttributeValue::DebugInfoRef(offset) => u32::try_from(offset.0).ok(),
        _ => None,
    }
}
