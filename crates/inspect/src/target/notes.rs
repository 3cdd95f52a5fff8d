//! What the kernel notes in a core file about the process.

use object::LittleEndian;
use object::elf::{self, FileHeader64};
use object::read::elf::NoteIterator;

use super::{AT_ENTRY, value_of};
use crate::snapshot::{SystemCall, ThreadState};
use crate::threads::{RawThread, Registers};

/// The notes of a core file, as far as they are needed.
#[derive(Default)]
pub(super) struct Notes {
    pub(super) threads: Vec<RawThread>,
    pub(super) process: Option<ProcessNote>,
    pub(super) files: Vec<MappedFile>,
    /// Where the program starts in memory.
    pub(super) entry: Option<u64>,
}

pub(super) struct ProcessNote {
    pub(super) id: u32,
    /// The name of the main thread.
    name: String,
    /// The start of the command line.
    pub(super) arguments: String,
}

/// A part of a file that was mapped.
pub(super) struct MappedFile {
    pub(super) start: u64,
    pub(super) end: u64,
    /// In bytes.
    pub(super) offset: u64,
    pub(super) path: String,
}

impl Notes {
    /// Adds the notes of a segment.
    pub(super) fn add(
        &mut self,
        mut notes: NoteIterator<'_, FileHeader64<LittleEndian>>,
    ) -> object::read::Result<()> {
        while let Some(note) = notes.next()? {
            if note.name() != b"CORE" {
                continue;
            }
            let bytes = note.desc();
            match note.n_type(LittleEndian) {
                elf::NT_PRSTATUS => self.threads.extend(thread(bytes)),
                elf::NT_PRPSINFO => self.process = process(bytes),
                elf::NT_AUXV => self.entry = value_of(AT_ENTRY, bytes),
                elf::NT_FILE => self.files = files(bytes).unwrap_or_default(),
                _ => {}
            }
        }
        Ok(())
    }

    /// Completes what several notes tell together.
    pub(super) fn finish(&mut self) {
        if let Some(process) = &self.process {
            let main = self
                .threads
                .iter_mut()
                .find(|thread| thread.id == process.id);
            if let Some(main) = main {
                main.name.clone_from(&process.name);
            }
        }
        self.threads.sort_unstable_by_key(|thread| thread.id);
    }
}

fn word(bytes: &[u8], at: usize) -> Option<u64> {
    let bytes = bytes.get(at..at.checked_add(8)?)?;
    Some(u64::from_le_bytes(bytes.try_into().ok()?))
}

fn id(bytes: &[u8], at: usize) -> Option<u32> {
    let bytes = bytes.get(at..at + 4)?;
    Some(u32::from_le_bytes(bytes.try_into().ok()?))
}

/// Text up to a zero, or the end.
fn text(bytes: &[u8]) -> String {
    let end = bytes
        .iter()
        .position(|byte| *byte == 0)
        .unwrap_or(bytes.len());
    String::from_utf8_lossy(&bytes[..end]).into_owned()
}

/// `struct elf_prstatus`: the thread's id at 32, its registers from 112 on, in the order of `struct user_regs_struct`.
fn thread(bytes: &[u8]) -> Option<RawThread> {
    const ID: usize = 32;
    const REGISTERS: usize = 112;
    /// For each of DWARF's registers, up to the program counter, its number in the note.
    const ORDER: [usize; 17] = [10, 12, 11, 5, 13, 14, 4, 19, 9, 8, 7, 6, 3, 2, 1, 0, 16];
    /// The number of the system call by which the kernel was entered, or -1.
    const ORIG_RAX: usize = 15;
    const RAX: usize = 10;
    const RDI: usize = 14;
    let register = |number: usize| word(bytes, REGISTERS + 8 * number);
    let mut general = [None; 16];
    for (slot, number) in general.iter_mut().zip(ORDER) {
        *slot = Some(register(number)?);
    }
    let call = SystemCall {
        number: register(ORIG_RAX)?,
        first_argument: register(RDI)?,
    };
    let slept = call.number.cast_signed() >= 0 && was_interrupted(register(RAX)?.cast_signed());
    Some(RawThread {
        id: id(bytes, ID)?,
        name: String::new(),
        state: if slept {
            ThreadState::Sleeping
        } else {
            ThreadState::Running
        },
        system_call: slept.then_some(call),
        registers: Some(Registers {
            program_counter: register(ORDER[16])?,
            general,
        }),
    })
}

/// Whether a system call returned because a signal came: EINTR, or one of the kernel's codes for calls that it starts
/// again after a signal.
fn was_interrupted(result: i64) -> bool {
    matches!(result, -4 | -512 | -513 | -514 | -516)
}

/// `struct elf_prpsinfo`: the process id at 24, the name at 40, the arguments at 56.
fn process(bytes: &[u8]) -> Option<ProcessNote> {
    Some(ProcessNote {
        id: id(bytes, 24)?,
        name: text(bytes.get(40..56)?),
        arguments: text(bytes.get(56..136)?),
    })
}

/// A count, the size of a page, for each mapping its start, its end and its offset in pages, and then their paths.
fn files(bytes: &[u8]) -> Option<Vec<MappedFile>> {
    const HEADER: usize = 16;
    const ENTRY: usize = 24;
    let count = usize::try_from(word(bytes, 0)?).ok()?;
    let page = word(bytes, 8)?;
    let entries_end = count.checked_mul(ENTRY)?.checked_add(HEADER)?;
    let entries = bytes.get(HEADER..entries_end)?.chunks_exact(ENTRY);
    let paths = bytes[entries_end..].split(|byte| *byte == 0);
    let file = |(entry, path): (&[u8], &[u8])| {
        Some(MappedFile {
            start: word(entry, 0)?,
            end: word(entry, 8)?,
            offset: word(entry, 16)?.checked_mul(page)?,
            path: String::from_utf8_lossy(path).into_owned(),
        })
    };
    entries.zip(paths).map(file).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A `struct elf_prstatus` with these registers of the note.
    fn note(registers: &[(usize, i64)]) -> Vec<u8> {
        let mut bytes = vec![0; 336];
        bytes[32..36].copy_from_slice(&4242_u32.to_le_bytes());
        for (number, value) in registers {
            bytes[112 + 8 * number..][..8].copy_from_slice(&value.to_le_bytes());
        }
        bytes
    }

    #[test]
    fn a_thread_that_a_signal_interrupted_sleeps_in_its_system_call() {
        let thread = thread(&note(&[
            (15, 202),
            (10, -512),
            (14, 7),
            (16, 0x40),
            (19, 0x80),
        ]));
        let thread = thread.expect("a thread");
        assert_eq!((thread.id, thread.state), (4242, ThreadState::Sleeping));
        let call = thread.system_call.expect("a system call");
        assert_eq!((call.number, call.first_argument), (202, 7));
        let registers = thread.registers.expect("registers");
        assert_eq!(registers.program_counter, 0x40);
        assert_eq!(registers.stack_pointer(), Some(0x80));
    }

    #[test]
    fn a_thread_whose_system_call_returned_runs() {
        for registers in [[(15, 234), (10, 0)], [(15, -1), (10, -512)]] {
            let thread = thread(&note(&registers)).expect("a thread");
            assert_eq!(thread.state, ThreadState::Running);
            assert_eq!(thread.system_call, None);
        }
    }

    #[test]
    fn a_note_that_is_cut_off_has_no_thread_process_or_files() {
        assert!(thread(&[0; 264]).is_none());
        assert!(process(&[0; 100]).is_none());
        assert!(files(&[0xff; 40]).is_none());
    }
}
