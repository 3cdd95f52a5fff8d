//! Walks the entries of a unit, most of which are skipped.

use gimli::constants as form;
use gimli::{
    AttributeSpecification, AttributeValue, Encoding, ReaderOffsetId, Section as _, UnitOffset,
};

use super::Slice;

/// The entries of a unit with certain tags.
///
/// A program has millions of entries and few abbreviations, and most abbreviations fix the length of their entries. So
/// the length is computed once for each abbreviation.
pub(super) struct Entries<'u, 'd> {
    unit: &'u gimli::Unit<Slice<'d>>,
    /// The unit, with its header.
    bytes: &'d [u8],
    wanted: &'static [gimli::DwTag],
    /// Where the next entry starts, or the attributes of the current one.
    at: usize,
    depth: isize,
    /// Indexed by abbreviation code.
    shapes: Vec<Option<Shape>>,
    current: Option<(Entry, Shape)>,
    /// How many entries there were, of all tags.
    pub(super) count: u64,
}

/// An entry, before its attributes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Entry {
    /// From the start of the unit.
    pub(super) offset: usize,
    pub(super) tag: gimli::DwTag,
    pub(super) depth: isize,
    /// The lowest depth since the previous entry.
    pub(super) lowest: isize,
}

/// What an abbreviation says about its entries.
#[derive(Debug, Clone, Copy)]
struct Shape {
    tag: gimli::DwTag,
    is_wanted: bool,
    has_children: bool,
    /// The length of the attributes, in bytes. `None` if it varies.
    length: Option<usize>,
}

impl<'u, 'd> Entries<'u, 'd> {
    pub(super) fn of(
        dwarf: &gimli::Dwarf<Slice<'d>>,
        unit: &'u gimli::Unit<Slice<'d>>,
        wanted: &'static [gimli::DwTag],
    ) -> Self {
        let start = unit.header.offset().0;
        let rest = dwarf.debug_info.reader().slice().get(start..);
        let rest = rest.unwrap_or_default();
        let length = unit.header.length_including_self().min(rest.len());
        Self {
            unit,
            bytes: &rest[..length],
            wanted,
            at: unit.header.header_size(),
            depth: 0,
            shapes: Vec::new(),
            current: None,
            count: 0,
        }
    }

    /// Advances to the next entry with a wanted tag.
    pub(super) fn next(&mut self) -> gimli::Result<Option<Entry>> {
        if let Some((entry, shape)) = self.current.take() {
            self.skip(entry.offset, shape)?;
        }
        let mut lowest = self.depth;
        while self.at < self.bytes.len() {
            let offset = self.at;
            let code = self.code()?;
            if code == 0 {
                self.depth -= 1;
                continue;
            }
            let shape = self.shape(code)?;
            let depth = self.depth;
            lowest = lowest.min(depth);
            self.depth += isize::from(shape.has_children);
            self.count += 1;
            if shape.is_wanted {
                let entry = Entry {
                    offset,
                    tag: shape.tag,
                    depth,
                    lowest,
                };
                self.current = Some((entry, shape));
                return Ok(Some(entry));
            }
            self.skip(offset, shape)?;
        }
        Ok(None)
    }

    /// Skips the attributes of an entry.
    fn skip(&mut self, offset: usize, shape: Shape) -> gimli::Result<()> {
        if let Some(length) = shape.length {
            self.at = self.at.saturating_add(length);
        } else {
            let mut entries = self.unit.entries_raw(Some(UnitOffset(offset)))?;
            if let Some(abbreviation) = entries.read_abbreviation()? {
                entries.skip_attributes(abbreviation.attributes())?;
            }
            self.at = entries.next_offset().0;
        }
        Ok(())
    }

    /// Reads the attributes of the current entry. A second call for the same entry reads nothing.
    pub(super) fn attributes(
        &mut self,
        mut each: impl FnMut(gimli::DwAt, AttributeValue<Slice<'d>>),
    ) -> gimli::Result<()> {
        let Some((entry, _)) = self.current.take() else {
            return Ok(());
        };
        let mut entries = self.unit.entries_raw(Some(UnitOffset(entry.offset)))?;
        if let Some(abbreviation) = entries.read_abbreviation()? {
            for spec in abbreviation.attributes() {
                let attribute = entries.read_attribute(*spec)?;
                each(attribute.name(), attribute.value());
            }
        }
        self.at = entries.next_offset().0;
        Ok(())
    }

    /// The code of an abbreviation: a number with seven bits in each byte.
    #[inline]
    fn code(&mut self) -> gimli::Result<u64> {
        let mut code = 0;
        for shift in (0..u64::BITS).step_by(7) {
            let byte = self.bytes.get(self.at);
            let byte = byte.ok_or(gimli::Error::UnexpectedEof(ReaderOffsetId(self.at as u64)))?;
            self.at += 1;
            code |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Ok(code);
            }
        }
        Err(gimli::Error::BadUnsignedLeb128)
    }

    #[inline]
    fn shape(&mut self, code: u64) -> gimli::Result<Shape> {
        let slot = usize::try_from(code).ok();
        let known = slot.and_then(|slot| *self.shapes.get(slot)?);
        if let Some(shape) = known {
            return Ok(shape);
        }
        let abbreviation = self.unit.abbreviations.get(code);
        let abbreviation = abbreviation.ok_or(gimli::Error::InvalidAbbreviationCode(code))?;
        let shape = Shape {
            tag: abbreviation.tag(),
            is_wanted: self.wanted.contains(&abbreviation.tag()),
            has_children: abbreviation.has_children(),
            length: length(abbreviation.attributes(), self.unit.encoding()),
        };
        // Compilers number them from 1. One with a huge number is computed each time.
        if let Some(slot) = slot.filter(|slot| *slot < self.bytes.len()) {
            if self.shapes.len() <= slot {
                self.shapes.resize(slot + 1, None);
            }
            self.shapes[slot] = Some(shape);
        }
        Ok(shape)
    }
}

/// The length of these attributes, in bytes. `None` if it varies.
fn length(attributes: &[AttributeSpecification], encoding: Encoding) -> Option<usize> {
    let word = usize::from(encoding.format.word_size());
    let lengths = attributes.iter().map(|attribute| match attribute.form() {
        form::DW_FORM_flag_present | form::DW_FORM_implicit_const => Some(0),
        form::DW_FORM_data1
        | form::DW_FORM_flag
        | form::DW_FORM_ref1
        | form::DW_FORM_strx1
        | form::DW_FORM_addrx1 => Some(1),
        form::DW_FORM_data2 | form::DW_FORM_ref2 | form::DW_FORM_strx2 | form::DW_FORM_addrx2 => {
            Some(2)
        }
        form::DW_FORM_data4 | form::DW_FORM_ref4 => Some(4),
        form::DW_FORM_data8 | form::DW_FORM_ref8 => Some(8),
        form::DW_FORM_data16 => Some(16),
        form::DW_FORM_addr => Some(usize::from(encoding.address_size)),
        form::DW_FORM_sec_offset | form::DW_FORM_strp | form::DW_FORM_line_strp => Some(word),
        _ => None,
    });
    lengths.sum()
}

#[cfg(test)]
mod tests {
    use std::fs::File;
    use std::path::Path;

    use super::super::Executable;
    use super::*;

    const WANTED: [gimli::DwTag; 3] = [
        gimli::DW_TAG_namespace,
        gimli::DW_TAG_structure_type,
        gimli::DW_TAG_variable,
    ];

    /// The offset, tag and depth of each entry with a wanted tag.
    type Found = Vec<(usize, gimli::DwTag, isize)>;

    fn by_gimli(unit: &gimli::Unit<Slice<'_>>) -> gimli::Result<Found> {
        let mut found = Found::new();
        let mut entries = unit.entries_raw(None)?;
        while !entries.is_empty() {
            let (offset, depth) = (entries.next_offset().0, entries.next_depth());
            let Some(abbreviation) = entries.read_abbreviation()? else {
                continue;
            };
            entries.skip_attributes(abbreviation.attributes())?;
            if WANTED.contains(&abbreviation.tag()) {
                found.push((offset, abbreviation.tag(), depth));
            }
        }
        Ok(found)
    }

    /// Reads the attributes of every third entry, too.
    fn by_entries(
        dwarf: &gimli::Dwarf<Slice<'_>>,
        unit: &gimli::Unit<Slice<'_>>,
    ) -> gimli::Result<Found> {
        let mut found = Found::new();
        let mut entries = Entries::of(dwarf, unit, &WANTED);
        while let Some(entry) = entries.next()? {
            found.push((entry.offset, entry.tag, entry.depth));
            assert!(entry.lowest <= entry.depth, "{entry:?}");
            if found.len().is_multiple_of(3) {
                entries.attributes(|_, _| {})?;
            }
        }
        Ok(found)
    }

    #[test]
    fn a_real_program_has_the_entries_that_gimli_finds() {
        let path = std::env::current_exe().expect("this program");
        let file = File::open(&path).expect("its file");
        let executable = Executable::open(file, &path, Path::new("/")).expect("a program");
        let dwarf = executable.dwarf();
        let mut headers = dwarf.units();
        let mut all = 0;
        while let Some(header) = headers.next().expect("a unit") {
            let unit = dwarf.unit(header).expect("a unit");
            let found = by_entries(&dwarf, &unit).expect("entries");
            assert_eq!(found, by_gimli(&unit).expect("entries"));
            all += found.len();
        }
        assert!(all > 10_000, "{all} entries");
    }
}
