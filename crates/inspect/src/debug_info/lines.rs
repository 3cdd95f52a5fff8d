//! Names and lines of functions on a stack.

use std::cell::{OnceCell, RefCell};
use std::ops::Range;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use foldhash::HashMap;
use gimli::AttributeValue;

use super::elf::Symbols;
use super::{DebugInfo, Executable, Slice};
use crate::snapshot::NativeFrame;

/// The functions at the addresses of the file that were on a stack. Idle threads share theirs, and keep them.
#[derive(Default)]
pub(crate) struct FunctionCache(Mutex<HashMap<u64, Arc<[NativeFrame]>>>);

impl FunctionCache {
    pub(crate) fn lock(&self) -> MutexGuard<'_, HashMap<u64, Arc<[NativeFrame]>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Looks up addresses of the program's file.
pub(crate) struct Lines<'l, 'd> {
    debug: &'l DebugInfo<'d>,
    executable: &'d Executable,
    /// The line tables that were needed, by the offsets of their units.
    tables: RefCell<HashMap<u32, LineTable>>,
    /// The program's symbols, which are read when there is no debug info for an address.
    symbols: OnceCell<Symbols<'d>>,
}

/// Where code is in the source: the number of the file in the unit, and the line.
#[derive(Debug, Clone, Copy, Default)]
struct Position {
    file: Option<u64>,
    line: Option<u32>,
}

impl<'l, 'd> Lines<'l, 'd> {
    pub(crate) fn new(debug: &'l DebugInfo<'d>, executable: &'d Executable) -> Self {
        Self {
            debug,
            executable,
            tables: RefCell::default(),
            symbols: OnceCell::new(),
        }
    }

    /// The function at an address of the file, after those that are inlined into it there.
    pub(crate) fn functions_at(&self, address: u64) -> Vec<NativeFrame> {
        let mut found = self.described_at(address).unwrap_or_default();
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

    /// [`functions_at`](Self::functions_at) from debug info alone, with all frames marked as inlined.
    fn described_at(&self, address: u64) -> Option<Vec<NativeFrame>> {
        let Some(function) = self.debug.index.function_at(address) else {
            let units = self.debug.index.without_functions.iter();
            let mut units = units.filter_map(|start| self.debug.unit_of(*start));
            let (unit, start) = units.find(|(unit, _)| self.debug.unit_has(unit, address))?;
            let position = self.position(unit, start, address);
            return Some(vec![self.frame(start, None, position)]);
        };
        let (unit, start) = self.debug.unit_of(function.entry.0)?;
        // From the outside to the inside.
        let mut calls: Vec<(Option<String>, Position)> = Vec::new();
        self.debug
            .for_each_function_at(function.entry, address, |entry| {
                let number = |attribute| entry.attr_value(attribute)?.udata_value();
                let called_at = Position {
                    file: match entry.attr_value(gimli::DW_AT_call_file) {
                        Some(AttributeValue::FileIndex(file)) => Some(file),
                        _ => None,
                    },
                    line: number(gimli::DW_AT_call_line).and_then(|line| u32::try_from(line).ok()),
                };
                let name = self.debug.linkage_name(unit, start, entry).map(demangled);
                calls.push((name, called_at));
            });
        let mut position = self.position(unit, start, address);
        let mut frames = Vec::new();
        while let Some((function, called_at)) = calls.pop() {
            frames.push(self.frame(start, function, position));
            position = called_at;
        }
        Some(frames)
    }

    fn position(&self, unit: &gimli::Unit<Slice<'d>>, start: u32, address: u64) -> Position {
        let mut tables = self.tables.borrow_mut();
        let table = tables.entry(start).or_insert_with(|| LineTable::of(unit));
        table.position(address)
    }

    fn frame(&self, unit: u32, function: Option<String>, position: Position) -> NativeFrame {
        let file = position.file.map(|file| self.debug.file(unit, file));
        let file = file.filter(|file| !file.is_empty());
        NativeFrame {
            function,
            origin: file.as_deref().map(|file| self.debug.index.origin(file)),
            file,
            line: position.line,
            inlined: true,
        }
    }

    /// The name of the function at an address of the file, as its symbol has it.
    fn symbol_at(&self, address: u64) -> Option<String> {
        let symbols = self.symbols.get_or_init(|| self.executable.symbols());
        symbols.name_at(address).map(|name| demangled(&name))
    }
}

/// The line table of a unit: ranges of code with their source positions, sorted by address.
struct LineTable(Vec<(Range<u64>, Position)>);

impl LineTable {
    fn of(unit: &gimli::Unit<Slice<'_>>) -> Self {
        let mut pieces = Vec::new();
        let Some(program) = unit.line_program.clone() else {
            return Self(pieces);
        };
        let mut before: Option<(u64, Position)> = None;
        let mut rows = program.rows();
        while let Ok(Some((_, row))) = rows.next_row() {
            if let Some((start, position)) = before {
                pieces.push((start..row.address(), position));
            }
            let position = Position {
                file: Some(row.file_index()),
                line: row.line().and_then(|line| u32::try_from(line.get()).ok()),
            };
            before = (!row.end_sequence()).then_some((row.address(), position));
        }
        pieces.retain(|(piece, _)| !piece.is_empty());
        pieces.sort_unstable_by_key(|(piece, _)| piece.start);
        Self(pieces)
    }

    fn position(&self, address: u64) -> Position {
        let after = self.0.partition_point(|(piece, _)| piece.start <= address);
        let last = after.checked_sub(1).and_then(|last| self.0.get(last));
        let last = last.filter(|(piece, _)| piece.contains(&address));
        last.map_or_else(Position::default, |(_, position)| *position)
    }
}

fn demangled(name: &str) -> String {
    format!("{:#}", rustc_demangle::demangle(name))
}
