//! Names and lines of functions on a stack.

use std::cell::OnceCell;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use foldhash::HashMap;
use gimli::LittleEndian;

use super::elf::Symbols;
use super::{Executable, Slice, without_detours};
use crate::snapshot::{NativeFrame, Origin};

/// The functions at the addresses of the file that were on a stack. Idle threads share theirs, and keep them.
#[derive(Default)]
pub(crate) struct FunctionCache(Mutex<HashMap<u64, Arc<[NativeFrame]>>>);

impl FunctionCache {
    pub(crate) fn lock(&self) -> MutexGuard<'_, HashMap<u64, Arc<[NativeFrame]>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Looks up addresses of the program's file. Units are parsed as they are needed.
pub(crate) struct Lines<'d> {
    debug_info: Option<addr2line::Context<gimli::EndianSlice<'d, LittleEndian>>>,
    executable: &'d Executable,
    /// The program's symbols, which are read when there is no debug info for an address.
    symbols: OnceCell<Symbols<'d>>,
}

impl<'d> Lines<'d> {
    pub(crate) fn new(executable: &'d Executable) -> Self {
        let dwarf: gimli::Dwarf<Slice<'d>> = executable.dwarf();
        Self {
            debug_info: addr2line::Context::from_dwarf(dwarf).ok(),
            executable,
            symbols: OnceCell::new(),
        }
    }

    /// The function at an address of the file, after those that are inlined into it there.
    pub(crate) fn functions_at(&self, address: u64) -> Vec<NativeFrame> {
        let mut found = Vec::new();
        let frames = self
            .debug_info
            .as_ref()
            .and_then(|context| context.find_frames(address).skip_all_loads().ok());
        if let Some(mut frames) = frames {
            while let Ok(Some(frame)) = frames.next() {
                let name = frame
                    .function
                    .as_ref()
                    .and_then(|function| function.raw_name().ok());
                let location = frame.location.as_ref();
                let file = location.and_then(|location| location.file);
                found.push(NativeFrame {
                    function: name.map(|name| demangled(&name)),
                    file: file.map(|file| without_detours(file.to_owned())),
                    line: location.and_then(|location| location.line),
                    origin: file.map(Origin::of_file),
                    inlined: true,
                });
            }
        }
        match found.last_mut() {
            Some(last) => {
                last.inlined = false;
                if last.function.is_none() {
                    last.function = self.symbol_at(address);
                }
            }
            None => found.extend(self.symbol_at(address).map(|function| NativeFrame {
                function: Some(function),
                file: None,
                line: None,
                origin: None,
                inlined: false,
            })),
        }
        found
    }

    /// The name of the function at an address of the file, as its symbol has it.
    fn symbol_at(&self, address: u64) -> Option<String> {
        let symbols = self.symbols.get_or_init(|| self.executable.symbols());
        symbols.name_at(address).map(|name| demangled(&name))
    }
}

fn demangled(name: &str) -> String {
    format!("{:#}", rustc_demangle::demangle(name))
}
