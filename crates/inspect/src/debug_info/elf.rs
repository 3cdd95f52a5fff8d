//! The program's file, and the separate one with its debug info, if there is one.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::ops::Range;
use std::os::unix::fs::{FileExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock, PoisonError, Weak};

use foldhash::HashMap;
use gimli::{LittleEndian, SectionId};
use object::read::{ReadCache, ReadRef};
use object::{
    CompressedData, CompressionFormat, Object as _, ObjectSection as _, ObjectSymbol as _,
    SymbolIndex, SymbolKind,
};

use super::Slice;
use super::index::{Index, Wanted};
use super::lines::FunctionCache;
use super::parallel::in_parallel;
use super::separate::{self, MissingDebugFile};
use crate::error::Error;

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

/// How much of what follows a text is of interest, in bytes.
const FOLLOWING_TEXT: usize = 64;
/// No section of a program is larger: offsets in debug info are read as 32 bits.
const LARGEST_SECTION: u64 = u32::MAX as u64;

/// A program, with its debug sections in memory.
pub(crate) struct Executable {
    pub(crate) path: PathBuf,
    /// Where it starts, in the file's addresses.
    pub(crate) entry: u64,
    /// Where constants are, in the file's addresses.
    pub(crate) constants: Vec<Range<u64>>,
    /// The file with its debug info: itself, or a separate one.
    debug: Elf,
    /// The separate file that it names, if that was not found.
    pub(crate) missing: Option<MissingDebugFile>,
    index: OnceLock<gimli::Result<Arc<Index>>>,
    pub(crate) functions: FunctionCache,
}

/// Tells a file from all others, and from what it was before it was written to.
#[derive(Debug, Clone, PartialEq, Eq)]
struct FileIdentity {
    path: PathBuf,
    device: u64,
    inode: u64,
    size: u64,
    modified_ns: (i64, i64),
}

impl FileIdentity {
    fn of(file: &File, path: &Path) -> io::Result<Self> {
        let metadata = file.metadata()?;
        Ok(Self {
            path: path.to_owned(),
            device: metadata.dev(),
            inode: metadata.ino(),
            size: metadata.size(),
            modified_ns: (metadata.mtime(), metadata.mtime_nsec()),
        })
    }
}

/// The programs that are in use. Processes of the same program share its debug info.
static IN_USE: Mutex<Vec<(FileIdentity, Weak<Executable>)>> = Mutex::new(Vec::new());

impl Executable {
    /// Reads the program, and a separate file with its debug info if it has none itself, unless it is in use already.
    /// `path` is what it is called in messages. `root` is the root folder that the process sees.
    pub(crate) fn open(file: File, path: &Path, root: &Path) -> Result<Arc<Self>, Error> {
        let identity = FileIdentity::of(&file, path).map_err(|source| Error::Io {
            path: path.to_owned(),
            source,
        })?;
        // Whoever needs the same program waits until it is read. Reading another one keeps all processors busy, too.
        let mut in_use = IN_USE.lock().unwrap_or_else(PoisonError::into_inner);
        in_use.retain(|(_, executable)| executable.strong_count() > 0);
        let mut same = in_use.iter().filter(|(it, _)| *it == identity);
        if let Some(executable) = same.find_map(|(_, executable)| executable.upgrade()) {
            return Ok(executable);
        }
        let executable = Arc::new(Self::read(file, path, root)?);
        in_use.push((identity, Arc::downgrade(&executable)));
        Ok(executable)
    }

    fn read(file: File, path: &Path, root: &Path) -> Result<Self, Error> {
        let program = Elf::read(file, path)?;
        let (entry, constants) = (program.entry, program.constants.clone());
        let (debug, missing) = if program.has_debug_info() {
            (program, None)
        } else {
            match separate::find(&program, path, root)? {
                Ok(debug) => (debug, None),
                Err(missing) => (program, missing),
            }
        };
        Ok(Self {
            path: path.to_owned(),
            entry,
            constants,
            debug,
            missing,
            index: OnceLock::new(),
            functions: FunctionCache::default(),
        })
    }

    /// Where in its debug info things are. It is indexed once, for the names that are wanted first.
    pub(crate) fn index(&self, wanted: &'static [Wanted]) -> gimli::Result<Arc<Index>> {
        let index = || Index::build(self, wanted).map(Arc::new);
        self.index.get_or_init(index).clone()
    }

    /// Where its debug sections are in the memory of this process, sorted.
    pub(crate) fn own_memory(&self) -> Vec<Range<u64>> {
        let sections = self.debug.sections.values();
        let mut ranges: Vec<_> = sections
            .map(|bytes| bytes.as_ptr_range())
            .map(|range| range.start.addr() as u64..range.end.addr() as u64)
            .collect();
        ranges.sort_unstable_by_key(|range| range.start);
        ranges
    }

    /// Its debug sections.
    pub(crate) fn dwarf(&self) -> gimli::Dwarf<Slice<'_>> {
        let section = |id| Ok::<_, gimli::Error>(Slice::new(self.section(id), LittleEndian));
        gimli::Dwarf::load(section).unwrap_or_default()
    }

    /// A debug section. Empty if there is none.
    pub(crate) fn section(&self, id: SectionId) -> &[u8] {
        self.debug.sections.get(&id).map_or(&[], |bytes| bytes)
    }

    /// Searches the program's constants for a text, and returns what follows each occurrence, up to the next byte that
    /// is no printable character.
    pub(crate) fn texts_after(&self, text: &str) -> Vec<String> {
        let cache = ReadCache::new(Reader::of(&self.debug.file));
        let object = object::File::parse(&cache).ok();
        let section = object
            .as_ref()
            .and_then(|object| object.section_by_name(".rodata"));
        let bytes = section
            .and_then(|section| section.data().ok())
            .unwrap_or_default();
        let following = |at| {
            let rest = bytes[at + text.len()..].iter().take(FOLLOWING_TEXT);
            rest.take_while(|byte| byte.is_ascii_graphic())
                .map(|byte| char::from(*byte))
                .collect()
        };
        memchr::memmem::find_iter(bytes, text)
            .map(following)
            .collect()
    }

    /// The functions among its symbols.
    pub(super) fn symbols(&self) -> Symbols<'_> {
        Symbols::of(&self.debug.file)
    }

    /// Whether a symbol's name contains this text. `None` if the program has no symbols.
    pub(crate) fn has_symbol(&self, text: &str) -> Option<bool> {
        let cache = ReadCache::new(Reader::of(&self.debug.file));
        let object = object::File::parse(&cache).ok()?;
        let mut symbols = object.symbols().peekable();
        symbols.peek()?;
        Some(symbols.any(|symbol| symbol.name().is_ok_and(|name| name.contains(text))))
    }

    /// Whether a symbol for this address has a name that contains a text.
    pub(crate) fn names(&self, address: u64, text: &str) -> bool {
        let cache = ReadCache::new(Reader::of(&self.debug.file));
        let Ok(object) = object::File::parse(&cache) else {
            return false;
        };
        let mut symbols = object.symbols().filter(|it| it.address() == address);
        symbols.any(|symbol| symbol.name().is_ok_and(|name| name.contains(text)))
    }
}

/// Reads a file from a position of its own: the file may be shared, and has only one.
struct Reader<'f> {
    file: &'f File,
    position: u64,
}

impl<'f> Reader<'f> {
    fn of(file: &'f File) -> Self {
        Self { file, position: 0 }
    }
}

impl Read for Reader<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.file.read_at(buffer, self.position)?;
        self.position += read as u64;
        Ok(read)
    }
}

impl Seek for Reader<'_> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let moved = match to {
            SeekFrom::Start(position) => Some(position),
            SeekFrom::Current(by) => self.position.checked_add_signed(by),
            SeekFrom::End(by) => self.file.metadata()?.len().checked_add_signed(by),
        };
        self.position = moved.ok_or(io::ErrorKind::InvalidInput)?;
        Ok(self.position)
    }
}

/// The functions that the linker knows.
pub(super) struct Symbols<'d> {
    file: ReadCache<Reader<'d>>,
    /// In the order of their addresses. There are many, and few are asked for: a name is read when it is.
    functions: Vec<(Range<u64>, SymbolIndex)>,
}

impl<'d> Symbols<'d> {
    fn of(file: &'d File) -> Self {
        let file = ReadCache::new(Reader::of(file));
        let functions = object::File::parse(&file).map_or_else(|_| Vec::new(), |it| functions(&it));
        Self { file, functions }
    }

    /// The name of the function at an address, as the compiler mangled it.
    pub(super) fn name_at(&self, address: u64) -> Option<String> {
        let after = self
            .functions
            .partition_point(|(range, _)| range.start <= address);
        let (range, index) = self.functions.get(after.checked_sub(1)?)?;
        if !range.contains(&address) {
            return None;
        }
        let object = object::File::parse(&self.file).ok()?;
        let symbol = object.symbol_by_index(*index).ok()?;
        symbol.name().ok().map(ToOwned::to_owned)
    }
}

fn functions<'d, R: ReadRef<'d>>(object: &object::File<'d, R>) -> Vec<(Range<u64>, SymbolIndex)> {
    let symbols = object
        .symbols()
        .filter(|symbol| symbol.kind() == SymbolKind::Text && symbol.size() > 0);
    let range = |start: u64, size| start..start.saturating_add(size);
    let mut functions: Vec<_> = symbols
        .map(|symbol| (range(symbol.address(), symbol.size()), symbol.index()))
        .collect();
    functions.sort_unstable_by_key(|(range, index)| (range.start, index.0));
    functions
}

/// An ELF file.
pub(super) struct Elf {
    file: File,
    entry: u64,
    constants: Vec<Range<u64>>,
    sections: HashMap<SectionId, Vec<u8>>,
    /// What the linker made to tell this build from all others.
    pub(super) build_id: Option<Vec<u8>>,
    /// The name of the separate file with the debug info, and its checksum.
    pub(super) link: Option<(String, u32)>,
}

impl Elf {
    pub(super) fn read(file: File, path: &Path) -> Result<Self, Error> {
        let invalid = |reason: String| Error::Executable {
            executable: path.to_owned(),
            reason,
        };
        let io = |source| Error::Io {
            path: path.to_owned(),
            source,
        };
        check_header(&read_header(&file).map_err(io)?, path)?;
        let length = file.metadata().map_err(io)?.len();
        let damaged = |error: object::Error| invalid(error.to_string());
        let cache = ReadCache::new(Reader::of(&file));
        let object = object::File::parse(&cache).map_err(damaged)?;
        let mut ranges = Vec::new();
        for id in DEBUG_SECTIONS {
            let Some(section) = object.section_by_name(id.name()) else {
                continue;
            };
            let range = section.compressed_file_range().map_err(damaged)?;
            let end = range.offset.checked_add(range.compressed_size);
            if end.is_none_or(|end| end > length) {
                return Err(invalid(format!(
                    "the section {} is beyond the end of the file",
                    id.name()
                )));
            }
            if range.uncompressed_size > LARGEST_SECTION {
                return Err(invalid(format!(
                    "the section {} is larger than 4 GiB",
                    id.name()
                )));
            }
            ranges.push((id, range));
        }
        let read = in_parallel(&ranges, |(id, range)| {
            // Past the cache, which would keep a copy.
            let size = usize::try_from(range.compressed_size)
                .map_err(|error| invalid(error.to_string()))?;
            let mut bytes = vec![0; size];
            file.read_exact_at(&mut bytes, range.offset).map_err(io)?;
            if range.format != CompressionFormat::None {
                let compressed = CompressedData {
                    format: range.format,
                    data: &bytes,
                    uncompressed_size: range.uncompressed_size,
                };
                bytes = compressed.decompress().map_err(damaged)?.into_owned();
            }
            Ok((id, bytes))
        });
        let sections = read.into_iter().collect::<Result<_, Error>>()?;
        let constants = object.sections().filter(|section| {
            matches!(
                section.name(),
                Ok(".data.rel.ro" | ".rodata" | ".data" | ".ldata" | ".lrodata")
            )
        });
        let constants = constants
            .map(|section| section.address()..section.address().saturating_add(section.size()))
            .collect();
        let entry = object.entry();
        let build_id = object.build_id().ok().flatten().map(ToOwned::to_owned);
        let link = object.gnu_debuglink().ok().flatten();
        let link = link.map(|(name, sum)| (String::from_utf8_lossy(name).into_owned(), sum));
        drop(object);
        drop(cache);
        Ok(Self {
            file,
            entry,
            constants,
            sections,
            build_id,
            link,
        })
    }

    #[cfg(test)]
    pub(super) fn without_debug_info(mut self) -> Self {
        self.sections.clear();
        self
    }

    pub(super) fn has_debug_info(&self) -> bool {
        self.sections
            .get(&SectionId::DebugInfo)
            .is_some_and(|bytes| !bytes.is_empty())
    }
}

/// The start of an ELF file, up to the processor that it is for.
pub(crate) type Header = [u8; 20];

fn read_header(file: &File) -> io::Result<Header> {
    let mut header = Header::default();
    file.read_exact_at(&mut header, 0)?;
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
