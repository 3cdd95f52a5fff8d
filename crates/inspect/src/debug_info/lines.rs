//! Names and lines of functions on a stack.

use gimli::LittleEndian;

use super::{Executable, Slice};
use crate::snapshot::{NativeFrame, Origin};

/// Looks up addresses of the program's file. Units are parsed as they are needed.
pub(crate) struct Lines<'d>(Option<addr2line::Context<gimli::EndianSlice<'d, LittleEndian>>>);

impl<'d> Lines<'d> {
    pub(crate) fn new(executable: &'d Executable) -> Self {
        let dwarf: gimli::Dwarf<Slice<'d>> = executable.dwarf();
        Self(addr2line::Context::from_dwarf(dwarf).ok())
    }

    /// The function at an address of the file, after those that are inlined into it there.
    pub(crate) fn functions_at(&self, address: u64) -> Vec<NativeFrame> {
        let mut found = Vec::new();
        let frames = self
            .0
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
                    function: name.map(|name| format!("{:#}", rustc_demangle::demangle(&name))),
                    file: file.map(ToOwned::to_owned),
                    line: location.and_then(|location| location.line),
                    origin: file.map(Origin::of_file),
                    inlined: true,
                });
            }
        }
        if let Some(last) = found.last_mut() {
            last.inlined = false;
        }
        found
    }
}
