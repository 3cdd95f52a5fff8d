//! A core file that the kernel wrote.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use foldhash::HashMap;
use object::LittleEndian;
use object::elf::{ET_CORE, FileHeader64, PF_R, PF_W, PF_X, PT_LOAD};
use object::read::ReadCache;
use object::read::elf::{FileHeader as _, ProgramHeader as _};

use super::Target;
use super::notes::{MappedFile, Notes};
use crate::debug_info::{Executable, Header, check_processor};
use crate::error::Error;
use crate::memory::{CoreMemory, Memory, Region, Segment};
use crate::snapshot::Gap;
use crate::threads::RawThread;

/// A core file, and the files that were mapped into its process.
pub(crate) struct CoreFile {
    file: File,
    segments: Vec<Segment>,
    regions: Vec<Region>,
    /// The mapped files that are known to be the same still, by the path that they were mapped from.
    mapped: HashMap<String, (PathBuf, File)>,
    id: u32,
    entry: u64,
    threads: Vec<RawThread>,
    executable: PathBuf,
    gaps: Vec<Gap>,
}

/// What the headers of a core file tell.
struct Headers {
    segments: Vec<Segment>,
    regions: Vec<Region>,
    notes: Notes,
    /// How long the file would be if it were whole.
    whole: u64,
}

/// Whether a file is the one that was mapped.
#[derive(PartialEq, Eq)]
enum Same {
    Yes,
    No,
    /// The core file does not have the start of the mapped file.
    Unknown,
}

/// How much of the start of a file is compared: the kernel keeps one page of it.
const START: usize = 4096;

/// The start of a file, aligned as its headers are.
#[repr(align(8))]
struct Start([u8; START]);

impl CoreFile {
    /// Opens a core file and the program that it is of.
    pub(crate) fn open(
        core: &Path,
        executable: Option<&Path>,
    ) -> Result<(Self, Arc<Executable>), Error> {
        let io = |source| Error::Io {
            path: core.to_owned(),
            source,
        };
        let file = File::open(core).map_err(io)?;
        let bytes = file.metadata().map_err(io)?.len();
        let headers = Headers::read(&file, core, bytes)?;
        let Headers {
            segments,
            regions,
            notes,
            whole,
        } = headers;
        let damaged = |reason: &str| Error::Core {
            core: core.to_owned(),
            reason: reason.to_owned(),
        };
        let entry = notes
            .entry
            .ok_or_else(|| damaged("it does not tell where the program starts"))?;
        let process = notes
            .process
            .ok_or_else(|| damaged("it does not tell the process id"))?;
        let mut found = Self {
            file,
            segments,
            regions,
            mapped: HashMap::default(),
            id: process.id,
            entry,
            threads: notes.threads,
            executable: PathBuf::new(),
            gaps: Vec::new(),
        };
        if bytes < whole {
            found.gaps.push(Gap::TruncatedCore { bytes, whole });
        }

        let program = notes
            .files
            .iter()
            .find(|file| file.start <= entry && entry < file.end);
        let program = program.map(|file| file.path.clone());
        let first_argument = process.arguments.split(' ').next();
        let named = program
            .as_deref()
            .map(without_deleted)
            .or(first_argument.filter(|argument| !argument.is_empty()))
            .map(PathBuf::from);
        let path = executable.map(Path::to_owned).or(named);
        let path = path.ok_or_else(|| Error::NoExecutable {
            core: core.to_owned(),
            executable: None,
        })?;
        let opened = File::open(&path).and_then(|file| Ok((file.try_clone()?, file)));
        let (file, again) = opened.map_err(|source| Error::NoExecutable {
            core: core.to_owned(),
            executable: Some((path.clone(), source)),
        })?;
        let same = program.as_ref().map_or(Same::Unknown, |program| {
            found.same(program, &notes.files, &file)
        });
        match same {
            Same::Yes => {}
            Same::No => {
                return Err(Error::ReplacedExecutable {
                    core: core.to_owned(),
                    executable: path,
                });
            }
            Same::Unknown => found.gaps.push(Gap::UncheckedExecutable),
        }
        let opened = Executable::open(file, &path, Path::new("/"))?;
        if let Some(program) = program {
            found.mapped.insert(program, (path.clone(), again));
        }
        found.executable = path;
        found.open_libraries(&notes.files);
        Ok((found, opened))
    }

    /// Opens the mapped files that are the same still.
    fn open_libraries(&mut self, files: &[MappedFile]) {
        for mapped in files {
            if mapped.offset != 0 || self.mapped.contains_key(&mapped.path) {
                continue;
            }
            let path = PathBuf::from(without_deleted(&mapped.path));
            if let Ok(file) = File::open(&path)
                && self.same(&mapped.path, files, &file) == Same::Yes
            {
                self.mapped.insert(mapped.path.clone(), (path, file));
            }
        }
    }

    /// Compares a file with the start of the one that was mapped, which is in the core file. Build ids decide where
    /// both have one: a stripped file and the one with its debug info are the same program.
    fn same(&self, path: &str, files: &[MappedFile], file: &File) -> Same {
        let start = files
            .iter()
            .find(|mapped| mapped.path == path && mapped.offset == 0);
        let Some(start) = start else {
            return Same::Unknown;
        };
        let mut then = Start([0; START]);
        // Without any file to read what is missing from.
        let memory = CoreMemory::new(&self.file, &self.segments, &self.regions, |_| None);
        if memory.read(start.start, &mut then.0).is_err() {
            return Same::Unknown;
        }
        let mut now = Start([0; START]);
        if file.read_exact_at(&mut now.0, 0).is_err() {
            return Same::No;
        }
        let same = match (build_id(&then), build_id(&now)) {
            (Some(then), Some(now)) => then == now,
            _ => then.0 == now.0,
        };
        if same { Same::Yes } else { Same::No }
    }
}

impl Target for CoreFile {
    fn id(&self) -> u32 {
        self.id
    }

    fn memory(&self) -> Result<Box<dyn Memory + '_>, Error> {
        let mapped = |path: &str| self.mapped.get(path).map(|(_, file)| file);
        Ok(Box::new(CoreMemory::new(
            &self.file,
            &self.segments,
            &self.regions,
            mapped,
        )))
    }

    fn entry(&self) -> Result<u64, Error> {
        Ok(self.entry)
    }

    fn threads(&self) -> io::Result<Vec<RawThread>> {
        Ok(self.threads.clone())
    }

    fn executable(&self) -> PathBuf {
        self.executable.clone()
    }

    fn mapped_file(&self, path: &str) -> Option<PathBuf> {
        self.mapped.get(path).map(|(path, _)| path.clone())
    }

    fn now_ns(&self) -> Option<u64> {
        None
    }

    fn check_same(&self) -> Result<(), Error> {
        Ok(())
    }

    fn gaps(&self) -> Vec<Gap> {
        self.gaps.clone()
    }
}

impl Headers {
    fn read(file: &File, core: &Path, bytes: u64) -> Result<Self, Error> {
        let damaged = |reason: String| Error::Core {
            core: core.to_owned(),
            reason,
        };
        let truncated = || Error::TruncatedCore {
            core: core.to_owned(),
            bytes,
        };
        let mut start = Header::default();
        let read = file.read_exact_at(&mut start, 0);
        if read.is_err() || start[..4] != object::elf::ELFMAG {
            return Err(damaged("it is not an ELF file".to_owned()));
        }
        check_processor(&start, core)?;
        if u16::from_le_bytes([start[16], start[17]]) != ET_CORE.0 {
            return Err(damaged("it is a program or a library".to_owned()));
        }

        let cache = ReadCache::new(file);
        let header = FileHeader64::<LittleEndian>::parse(&cache).map_err(|_| truncated())?;
        let headers = header
            .program_headers(LittleEndian, &cache)
            .map_err(|_| truncated())?;
        let mut notes = Notes::default();
        let mut whole = 0;
        let mut loaded = Vec::new();
        for header in headers {
            let (offset, size) = header.file_range(LittleEndian);
            let end = offset.saturating_add(size);
            whole = whole.max(end);
            if header.p_type(LittleEndian) == object::elf::PT_NOTE {
                if end > bytes {
                    return Err(truncated());
                }
                let found = header.notes(LittleEndian, &cache);
                found
                    .and_then(|found| found.map_or(Ok(()), |found| notes.add(found)))
                    .map_err(|error| damaged(error.to_string()))?;
            } else if header.p_type(LittleEndian) == PT_LOAD {
                loaded.push(header);
            }
        }
        notes.finish();
        let mut mappings = Vec::new();
        for header in loaded {
            let flags = header.p_flags(LittleEndian);
            if !flags.contains(PF_R) {
                continue;
            }
            let start = header.p_vaddr(LittleEndian);
            let (offset, saved) = header.file_range(LittleEndian);
            let file = notes
                .files
                .iter()
                .find(|file| file.start <= start && start < file.end);
            let segment = Segment { offset, saved };
            let region = Region {
                start,
                end: start.saturating_add(header.p_memsz(LittleEndian)),
                writable: flags.contains(PF_W),
                executable: flags.contains(PF_X),
                offset: file.map_or(0, |file| file.offset.saturating_add(start - file.start)),
                path: file.map_or_else(String::new, |file| file.path.clone()),
            };
            mappings.push((segment, region));
        }
        mappings.sort_by_key(|(_, region)| region.start);
        let (segments, regions) = mappings.into_iter().unzip();
        Ok(Self {
            segments,
            regions,
            notes,
            whole,
        })
    }
}

/// The path of a file that was deleted before the core file was written.
fn without_deleted(path: &str) -> &str {
    path.strip_suffix(" (deleted)").unwrap_or(path)
}

/// The build id in the start of a program's file.
fn build_id(start: &Start) -> Option<&[u8]> {
    let start = &start.0[..];
    let header = FileHeader64::<LittleEndian>::parse(start).ok()?;
    let headers = header.program_headers(LittleEndian, start).ok()?;
    headers.iter().find_map(|header| {
        let mut notes = header.notes(LittleEndian, start).ok()??;
        while let Some(note) = notes.next().ok()? {
            if note.name() == object::elf::ELF_NOTE_GNU
                && note.n_type(LittleEndian) == object::elf::NT_GNU_BUILD_ID
            {
                return Some(note.desc());
            }
        }
        None
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The start of a program with one note, which has this build id.
    fn start(id: [u8; 4]) -> Start {
        let mut start = Start([0; START]);
        let mut put =
            |at: usize, bytes: &[u8]| start.0[at..at + bytes.len()].copy_from_slice(bytes);
        put(0, b"\x7fELF\x02\x01\x01");
        put(16, &[3, 0, 62, 0, 1]);
        // One header, at 64, of 56 bytes.
        put(32, &[64]);
        put(52, &[64, 0, 56, 0, 1]);
        // A note of 20 bytes, at 128.
        put(64, &[4]);
        put(72, &[128]);
        put(96, &[20]);
        put(112, &[4]);
        put(128, &[4, 0, 0, 0, 4, 0, 0, 0, 3, 0, 0, 0]);
        put(140, b"GNU\0");
        put(144, &id);
        start
    }

    #[test]
    fn a_build_id_is_found_in_the_start_of_a_file() {
        assert_eq!(build_id(&start([1, 2, 3, 4])), Some(&[1, 2, 3, 4][..]));
        assert_eq!(build_id(&Start([0; START])), None);
        let mut far = start([1, 2, 3, 4]);
        far.0[73] = 0xff;
        assert_eq!(build_id(&far), None);
    }
}
