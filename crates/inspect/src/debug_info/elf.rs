//! The program's file.

use std::fs::File;
use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::ops::Range;
use std::path::{Path, PathBuf};

use foldhash::HashMap;
use gimli::{LittleEndian, SectionId};
use object::read::ReadCache;
use object::{CompressionFormat, Object as _, ObjectSection as _, ObjectSymbol as _};

use super::Slice;
use crate::error::{DebugInfoLevel, Error};

/// The sections that types, functions and lines are read from.
const DEBUG_SECTIONS: [SectionId; 11] = [
    SectionId::DebugAbbrev,
    SectionId::DebugAddr,
    SectionId::DebugInfo,
    SectionId::DebugLine,
    SectionId::DebugLineStr,
    SectionId::DebugLoc,
    SectionId::DebugLocLists,
    SectionId::DebugRanges,
    SectionId::DebugRngLists,
    SectionId::DebugStr,
    SectionId::DebugStrOffsets,
];

/// A program, with its debug sections in memory.
pub(crate) struct Executable {
    pub(crate) path: PathBuf,
    /// Where it starts, in the file's addresses.
    pub(crate) entry: u64,
    /// Where constants are, in the file's addresses.
    pub(crate) constants: Vec<Range<u64>>,
    sections: HashMap<SectionId, Vec<u8>>,
    file: File,
}

impl Executable {
    /// Reads the program. `path` is what it is called in messages.
    pub(crate) fn open(mut file: File, path: &Path) -> Result<Self, Error> {
        let invalid = |reason: String| Error::Executable {
            executable: path.to_owned(),
            reason,
        };
        let io = |source| Error::Io {
            path: path.to_owned(),
            source,
        };
        check_header(&read_header(&mut file).map_err(io)?, path)?;
        let mut sections = HashMap::default();
        let (entry, constants, ranges) = {
            let cache = ReadCache::new(&file);
            let object = object::File::parse(&cache).map_err(|error| invalid(error.to_string()))?;
            let mut ranges = Vec::new();
            for id in DEBUG_SECTIONS {
                let Some(section) = object.section_by_name(id.name()) else {
                    continue;
                };
                let range = section
                    .compressed_file_range()
                    .map_err(|error| invalid(error.to_string()))?;
                if range.format != CompressionFormat::None {
                    return Err(Error::DebugInfo {
                        executable: path.to_owned(),
                        found: DebugInfoLevel::Compressed,
                    });
                }
                ranges.push((id, range.offset, range.uncompressed_size));
            }
            let constants = object.sections().filter(|section| {
                matches!(
                    section.name(),
                    Ok(".data.rel.ro" | ".rodata" | ".data" | ".ldata" | ".lrodata")
                )
            });
            let constants = constants
                .map(|section| section.address()..section.address().saturating_add(section.size()));
            (object.entry(), constants.collect(), ranges)
        };
        let length = file.metadata().map_err(io)?.len();
        for (id, offset, size) in ranges {
            if offset.checked_add(size).is_none_or(|end| end > length) {
                return Err(invalid(format!(
                    "the section {} is beyond the end of the file",
                    id.name()
                )));
            }
            let mut bytes =
                vec![0; usize::try_from(size).map_err(|error| invalid(error.to_string()))?];
            file.seek(SeekFrom::Start(offset))
                .and_then(|_| file.read_exact(&mut bytes))
                .map_err(io)?;
            sections.insert(id, bytes);
        }
        Ok(Self {
            path: path.to_owned(),
            entry,
            constants,
            sections,
            file,
        })
    }

    /// Its debug sections.
    pub(crate) fn dwarf(&self) -> gimli::Dwarf<Slice<'_>> {
        let section = |id| Ok::<_, gimli::Error>(Slice::new(self.section(id), LittleEndian));
        gimli::Dwarf::load(section).unwrap_or_default()
    }

    /// A debug section. Empty if there is none.
    pub(crate) fn section(&self, id: SectionId) -> &[u8] {
        self.sections.get(&id).map_or(&[], |bytes| bytes)
    }

    /// Whether a symbol's name contains this text. `None` if the program has no symbols.
    pub(crate) fn has_symbol(&self, text: &str) -> Option<bool> {
        let cache = ReadCache::new(&self.file);
        let object = object::File::parse(&cache).ok()?;
        let mut symbols = object.symbols().peekable();
        symbols.peek()?;
        Some(symbols.any(|symbol| symbol.name().is_ok_and(|name| name.contains(text))))
    }
}

/// The start of an ELF file, up to the processor that it is for.
pub(crate) type Header = [u8; 20];

fn read_header(file: &mut File) -> io::Result<Header> {
    let mut header = Header::default();
    file.seek(SeekFrom::Start(0))?;
    file.read_exact(&mut header)?;
    Ok(header)
}

/// Rejects what isn't a 64-bit x86 program.
fn check_header(header: &Header, path: &Path) -> Result<(), Error> {
    if header[..4] != object::elf::ELFMAG {
        return Err(Error::Executable {
            executable: path.to_owned(),
            reason: "it is not an ELF file".to_owned(),
        });
    }
    check_processor(header, path)
}

/// Rejects an ELF file of another processor.
pub(crate) fn check_processor(header: &Header, path: &Path) -> Result<(), Error> {
    let machine = u16::from_le_bytes([header[18], header[19]]);
    let found = match (header[4], header[5], machine) {
        (2, 1, 62) => return Ok(()),
        (1, 1, 3) => "32-bit x86".to_owned(),
        (1, 1, 62) => "32-bit x86-64 (x32)".to_owned(),
        (1, ..) => "32-bit".to_owned(),
        (_, 2, _) => "big-endian".to_owned(),
        (2, 1, 183) => "64-bit ARM".to_owned(),
        (2, 1, 243) => "64-bit RISC-V".to_owned(),
        (.., machine) => format!("foreign (ELF machine {machine})"),
    };
    Err(Error::Architecture {
        executable: path.to_owned(),
        found,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header(class: u8, order: u8, machine: u8) -> Header {
        let mut header = Header::default();
        header[..4].copy_from_slice(&object::elf::ELFMAG);
        (header[4], header[5], header[18]) = (class, order, machine);
        header
    }

    #[test]
    fn programs_of_other_processors_are_named() {
        let found = |header: &Header| match check_header(header, Path::new("app")) {
            Err(Error::Architecture { found, .. }) => found,
            other => panic!("another architecture: {other:?}"),
        };
        assert_eq!(found(&header(1, 1, 3)), "32-bit x86");
        assert_eq!(found(&header(1, 1, 40)), "32-bit");
        assert_eq!(found(&header(2, 1, 183)), "64-bit ARM");
        assert_eq!(found(&header(2, 1, 21)), "foreign (ELF machine 21)");
        assert!(check_header(&header(2, 1, 62), Path::new("app")).is_ok());
    }

    #[test]
    fn a_file_that_is_no_program_is_rejected() {
        let error = check_header(b"#!/bin/sh\necho hello", Path::new("app"));
        let error = error.expect_err("it is a script").to_string();
        assert_eq!(
            error,
            "app can't be read as a program: it is not an ELF file"
        );
    }
}
