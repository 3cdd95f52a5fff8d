//! One pass over all debug info, to note where the few things of interest are.

use std::sync::Arc;
use std::thread;

use foldhash::{HashMap, HashSet};
use gimli::{AttributeValue, Section as _};

use super::entries::{Entries, Entry};
use super::parallel::in_parallel;
use super::{EntryId, Executable, Slice, TypeId, reference};
use crate::snapshot::Origin;

/// A name that the pass looks for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Wanted {
    /// The namespace, for example `core::task`.
    pub(crate) namespace: &'static str,
    /// The name in it. A generic one ends in `<`, and stands for all its instances.
    pub(crate) name: &'static str,
    pub(crate) kind: WantedKind,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum WantedKind {
    Type,
    Function,
}

/// An instance of a wanted name.
#[derive(Debug, Clone)]
pub(crate) struct Found {
    /// The generic arguments as the compiler spells them. Empty if the name isn't generic.
    pub(crate) arguments: Arc<str>,
    pub(crate) entry: EntryId,
    /// A function's address in the file.
    pub(crate) address: u64,
}

/// How much debug info is worth a thread, in bytes.
const SMALLEST_PART: usize = 1 << 20;

/// How much is searched for a byte at once, in bytes: a cache line.
const PIECE: usize = 64;

/// What the compiler calls a function that runs an async function, block or closure starts so.
const COROUTINE: &str = "{async_";

/// The tags of all that is noted, and of what it is in.
const TAGS: [gimli::DwTag; 6] = [
    gimli::DW_TAG_namespace,
    gimli::DW_TAG_structure_type,
    gimli::DW_TAG_enumeration_type,
    gimli::DW_TAG_union_type,
    gimli::DW_TAG_subprogram,
    gimli::DW_TAG_variable,
];

struct Scope {
    parent: u32,
    name: Box<str>,
}

/// A function with code of its own.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Function {
    /// Its first address in the file, and the address after its last.
    pub(crate) low: u64,
    pub(crate) high: u64,
    pub(crate) entry: EntryId,
}

/// A static variable.
pub(crate) struct StaticVariable {
    name: Box<str>,
    scope: u32,
    /// Its address in the file.
    pub(crate) address: u64,
    pub(crate) ty: TypeId,
}

/// Where in the debug info things are.
pub(crate) struct Index {
    /// The offsets of all units, ascending.
    pub(crate) units: Vec<u32>,
    /// The names and files of the units, for what they tell about how the program was built.
    pub(crate) unit_names: Vec<Box<str>>,
    /// The folders that the units of crates were compiled in, and how many units of programs and of libraries each has.
    folders: HashMap<Box<str>, [usize; 2]>,
    folder: Option<Box<str>>,
    /// Some unit has its debug info in another file.
    pub(crate) split: bool,
    /// The units that describe no code, and may still have lines of it.
    pub(super) without_functions: Vec<u32>,
    /// How many entries there are.
    pub(crate) entries: u64,
    /// How many types there are.
    pub(crate) types: u64,
    wanted: HashMap<(&'static str, &'static str), Vec<Found>>,
    /// The vtables of trait objects: from the address in the file to the entry of the vtable's type.
    pub(crate) vtables: HashMap<u64, EntryId>,
    /// All other static variables with an address of their own: those of a thread have none.
    pub(crate) statics: Vec<StaticVariable>,
    /// Sorted by address.
    functions: Vec<Function>,
    /// The functions that run async functions, blocks and closures, sorted by the scope that they are in.
    coroutines: Vec<(u32, EntryId)>,
    scopes: Vec<Scope>,
    /// The scope of each named type, sorted by the type's offset.
    type_scopes: Vec<(u32, u32)>,
}

/// What follows the crate's root file in the name of a unit, before the unit's own name.
const UNIT_OF_FILE: &str = "/@/";

impl Index {
    /// Whether a panic ends the program, and unwinds nothing. Then functions keep no note of what they have dropped.
    pub(crate) fn aborts(&self) -> bool {
        let mut units = self.unit_names.iter();
        units.any(|name| name.contains("/library/panic_abort/"))
    }

    /// The folder that the program was compiled in, rather than a library. For Cargo it is that of the workspace.
    pub(crate) fn folder(&self) -> Option<&str> {
        self.folder.as_deref()
    }

    /// Whose code is in this file.
    pub(crate) fn origin(&self, file: &str) -> Origin {
        Origin::of_file(file, self.folder())
    }

    fn program_folder(&self) -> Option<&str> {
        let folders = self.folders.iter();
        let folders = folders.filter(|(folder, _)| folder.starts_with('/'));
        let is_own = |folder: &str| Origin::of_file(&format!("{folder}/"), None) == Origin::Program;
        // Libraries that a program depends on by a path have folders of their own. And one that Cargo has installed was
        // compiled where Cargo keeps libraries.
        folders
            .max_by_key(|(folder, units)| (is_own(folder), **units, *folder))
            .filter(|(folder, [programs, _])| is_own(folder) || *programs > 0)
            .map(|(folder, _)| &**folder)
    }

    pub(crate) fn build(executable: &Executable, wanted: &'static [Wanted]) -> gimli::Result<Self> {
        let dwarf = executable.dwarf();
        let headers = headers(&dwarf)?;
        // Most functions have a name elsewhere in this section. Looking at each of them takes longer than one pass.
        let coroutine_names = occurrences(dwarf.debug_str.reader().slice(), COROUTINE);
        let threads = thread::available_parallelism().map_or(1, usize::from);
        let parts = parts(&headers, threads);
        let indexed = in_parallel(&parts, |part| {
            Builder::new(wanted, &coroutine_names).build(&executable.dwarf(), part)
        });
        let mut whole = Builder::new(wanted, &coroutine_names);
        for part in indexed {
            whole.add(part?);
        }
        let functions = &mut whole.index.functions;
        functions.sort_unstable_by_key(|function| (function.low, function.high));
        whole.index.coroutines.sort_unstable();
        whole.index.folder = whole.index.program_folder().map(Into::into);
        Ok(whole.index)
    }

    /// What was found of a wanted name. Generic names end in `<`.
    pub(crate) fn found(&self, namespace: &'static str, name: &'static str) -> &[Found] {
        self.wanted
            .get(&(namespace, name))
            .map_or(&[], |found| found)
    }

    /// The function that contains an address of the file.
    pub(crate) fn function_at(&self, address: u64) -> Option<Function> {
        let number = self
            .functions
            .partition_point(|function| function.low <= address)
            .checked_sub(1)?;
        Some(self.functions[number]).filter(|function| address < function.high)
    }

    /// The functions that run the coroutines in the namespace of a type.
    pub(crate) fn coroutines_beside(&self, ty: TypeId) -> impl Iterator<Item = EntryId> {
        let scope = self.scope_of(ty).unwrap_or(0);
        let first = self.coroutines.partition_point(|(of, _)| *of < scope);
        let from = self.coroutines[first..].iter();
        from.take_while(move |(of, _)| *of == scope)
            .map(|(_, entry)| *entry)
    }

    /// The full path of a static variable.
    pub(crate) fn path_of(&self, variable: &StaticVariable) -> String {
        let mut path = path(&self.scopes, variable.scope);
        if !path.is_empty() {
            path.push_str("::");
        }
        path.push_str(&variable.name);
        path
    }

    /// The static variable with this name in a namespace.
    pub(crate) fn static_variable(&self, namespace: &str, name: &str) -> Option<&StaticVariable> {
        self.statics
            .iter()
            .filter(|variable| &*variable.name == name)
            .find(|variable| path(&self.scopes, variable.scope) == namespace)
    }

    /// The namespaces of a type, joined by `::`.
    pub(crate) fn namespace_of(&self, ty: TypeId) -> String {
        self.scope_of(ty)
            .map_or_else(String::new, |scope| path(&self.scopes, scope))
    }

    fn scope_of(&self, ty: TypeId) -> Option<u32> {
        let number = self
            .type_scopes
            .binary_search_by_key(&ty.0, |(offset, _)| *offset);
        Some(self.type_scopes[number.ok()?].1)
    }
}

/// The offsets of all units, and their lengths.
fn headers(dwarf: &gimli::Dwarf<Slice<'_>>) -> gimli::Result<Vec<(u32, usize)>> {
    let mut found = Vec::new();
    let mut headers = dwarf.units();
    while let Some(header) = headers.next()? {
        // Offsets are kept in 32 bits, as DWARF itself does below 4 GiB.
        let Ok(start) = u32::try_from(header.offset().0) else {
            break;
        };
        found.push((start, header.length_including_self()));
    }
    Ok(found)
}

/// Where a text with an uncommon first byte occurs.
///
/// `memchr` searches as fast where it is optimized, which it is in few dev builds of those who depend on this.
fn occurrences(bytes: &[u8], text: &str) -> HashSet<usize> {
    let text = text.as_bytes();
    // Unlike `any`, this has no branch for each byte.
    let equals_first = |byte: &u8| u8::from(*byte == text[0]);
    let has_first = |piece: &[u8]| piece.iter().fold(0, |any, byte| any | equals_first(byte)) != 0;
    let mut found = HashSet::default();
    for (number, piece) in bytes.chunks(PIECE).enumerate() {
        if has_first(piece) {
            let places = number * PIECE..number * PIECE + piece.len();
            found.extend(places.filter(|place| bytes[*place..].starts_with(text)));
        }
    }
    found
}

/// The units in parts of about the same length, at most that many.
fn parts(units: &[(u32, usize)], count: usize) -> Vec<&[(u32, usize)]> {
    let length: usize = units.iter().map(|(_, length)| length).sum();
    let wanted = (length / count.max(1)).max(SMALLEST_PART);
    let mut parts = Vec::new();
    let (mut first, mut so_far) = (0, 0);
    for (number, (_, length)) in units.iter().enumerate() {
        so_far += length;
        if so_far >= wanted {
            parts.push(&units[first..=number]);
            (first, so_far) = (number + 1, 0);
        }
    }
    parts.push(&units[first..]);
    parts
}

/// A scope's own name after those of the scopes around it.
fn path(scopes: &[Scope], mut scope: u32) -> String {
    let mut names = Vec::new();
    while scope != 0 {
        let Scope { parent, name } = &scopes[scope as usize];
        names.push(&**name);
        scope = *parent;
    }
    names.reverse();
    names.join("::")
}

/// A compilation unit, and its offset.
struct Unit<'u, 'd> {
    dwarf: &'u gimli::Dwarf<Slice<'d>>,
    parsed: &'u gimli::Unit<Slice<'d>>,
    start: u32,
}

impl<'d> Unit<'_, 'd> {
    fn text(&self, value: AttributeValue<Slice<'d>>) -> &'d str {
        let text = self.dwarf.attr_string(self.parsed, value).ok();
        text.and_then(|text| std::str::from_utf8(text.slice()).ok())
            .unwrap_or("")
    }
}

struct Builder<'n> {
    names: &'static [Wanted],
    /// The offsets in `.debug_str` at which the name of a coroutine's function may start.
    coroutine_names: &'n HashSet<usize>,
    /// The wanted names in a scope.
    wanted_in: HashMap<u32, Vec<Wanted>>,
    scope_ids: HashMap<(u32, Box<str>), u32>,
    /// By the scope around it, and where its name is in `.debug_str`.
    scopes_by_offset: HashMap<(u32, usize), u32>,
    index: Index,
}

impl<'n> Builder<'n> {
    fn new(names: &'static [Wanted], coroutine_names: &'n HashSet<usize>) -> Self {
        let index = Index {
            units: Vec::new(),
            unit_names: Vec::new(),
            folders: HashMap::default(),
            folder: None,
            split: false,
            without_functions: Vec::new(),
            entries: 0,
            types: 0,
            wanted: HashMap::default(),
            vtables: HashMap::default(),
            statics: Vec::new(),
            functions: Vec::new(),
            coroutines: Vec::new(),
            scopes: vec![Scope {
                parent: 0,
                name: "".into(),
            }],
            type_scopes: Vec::new(),
        };
        Self {
            names,
            coroutine_names,
            wanted_in: HashMap::default(),
            scope_ids: HashMap::default(),
            scopes_by_offset: HashMap::default(),
            index,
        }
    }

    fn build(
        mut self,
        dwarf: &gimli::Dwarf<Slice<'_>>,
        headers: &[(u32, usize)],
    ) -> gimli::Result<Self> {
        for (start, _) in headers {
            let start = *start;
            let header = dwarf.unit_header(gimli::DebugInfoOffset(start as usize))?;
            let unit = dwarf.unit(header)?;
            self.index.units.push(start);
            self.index.split |=
                unit.dwo_id.is_some() || unit.dwo_name().is_ok_and(|name| name.is_some());
            if let Some(name) = unit.name {
                let name = String::from_utf8_lossy(name.slice());
                // C code has units, too.
                if let (Some((file, _)), Some(folder)) =
                    (name.split_once(UNIT_OF_FILE), unit.comp_dir)
                {
                    let folder = String::from_utf8_lossy(folder.slice()).into();
                    let units = self.index.folders.entry(folder).or_default();
                    units[usize::from(file.ends_with("lib.rs"))] += 1;
                }
                self.index.unit_names.push(name.into());
            }
            let functions = self.index.functions.len();
            self.unit(&Unit {
                dwarf,
                parsed: &unit,
                start,
            })?;
            if self.index.functions.len() == functions {
                self.index.without_functions.push(start);
            }
        }
        Ok(self)
    }

    /// Adds what was found in the units that follow.
    fn add(&mut self, part: Self) {
        let Index {
            units,
            unit_names,
            folders,
            folder: _,
            split,
            without_functions,
            entries,
            types,
            wanted,
            vtables,
            statics,
            functions,
            coroutines,
            scopes,
            type_scopes,
        } = part.index;
        self.index.units.extend(units);
        self.index.unit_names.extend(unit_names);
        for (folder, units) in folders {
            let all = self.index.folders.entry(folder).or_default();
            for (all, units) in all.iter_mut().zip(units) {
                *all += units;
            }
        }
        self.index.split |= split;
        self.index.without_functions.extend(without_functions);
        self.index.entries += entries;
        self.index.types += types;
        for (name, found) in wanted {
            self.index.wanted.entry(name).or_default().extend(found);
        }
        self.index.vtables.extend(vtables);
        self.index.functions.extend(functions);
        // A scope follows the one that it is in. The first is the root.
        let mut ids = vec![0];
        for Scope { parent, name } in scopes.into_iter().skip(1) {
            ids.push(self.scope(ids[parent as usize], &name));
        }
        let types = type_scopes.into_iter();
        let types = types.map(|(ty, scope)| (ty, ids[scope as usize]));
        self.index.type_scopes.extend(types);
        let coroutines = coroutines.into_iter();
        let coroutines = coroutines.map(|(scope, entry)| (ids[scope as usize], entry));
        self.index.coroutines.extend(coroutines);
        let statics = statics.into_iter().map(|it| StaticVariable {
            scope: ids[it.scope as usize],
            ..it
        });
        self.index.statics.extend(statics);
    }

    fn unit(&mut self, unit: &Unit<'_, '_>) -> gimli::Result<()> {
        let mut entries = Entries::of(unit.dwarf, unit.parsed, &TAGS);
        // For each namespace around the current entry: the depth of what is in it, and its scope.
        let mut around: Vec<(isize, u32)> = vec![(0, 0)];
        while let Some(entry) = entries.next()? {
            let Entry {
                offset,
                tag,
                depth,
                lowest,
            } = entry;
            while around.len() > 1 && around[around.len() - 1].0 > lowest {
                around.pop();
            }
            let (inner_depth, scope) = around[around.len() - 1];
            let offset = u32::try_from(offset).unwrap_or(u32::MAX);
            let entry = EntryId(unit.start.saturating_add(offset));
            match tag {
                gimli::DW_TAG_namespace => {
                    let mut name = None;
                    entries.attributes(|attribute, value| {
                        if attribute == gimli::DW_AT_name {
                            name = Some(value);
                        }
                    })?;
                    around.push((depth + 1, self.namespace(unit, scope, name)));
                }
                gimli::DW_TAG_structure_type
                | gimli::DW_TAG_enumeration_type
                | gimli::DW_TAG_union_type => {
                    self.index.types += 1;
                    self.index.type_scopes.push((entry.0, scope));
                    if self.wanted_in.contains_key(&scope) {
                        self.ty(unit, &mut entries, scope, entry)?;
                    }
                }
                gimli::DW_TAG_subprogram => self.function(unit, &mut entries, scope, entry)?,
                // The variables inside functions are not static. Statics of a function are in a namespace of its name.
                gimli::DW_TAG_variable if depth == inner_depth.max(1) => {
                    self.variable(unit, &mut entries, scope)?;
                }
                _ => {}
            }
        }
        self.index.entries += entries.count;
        Ok(())
    }

    /// The scope of a namespace in another.
    fn namespace<'d>(
        &mut self,
        unit: &Unit<'_, 'd>,
        parent: u32,
        name: Option<AttributeValue<Slice<'d>>>,
    ) -> u32 {
        // Namespaces come again in most units, and most often with the same copy of their name.
        if let Some(AttributeValue::DebugStrRef(offset)) = name {
            let key = (parent, offset.0);
            if let Some(scope) = self.scopes_by_offset.get(&key) {
                return *scope;
            }
            let scope = self.scope(parent, unit.text(AttributeValue::DebugStrRef(offset)));
            self.scopes_by_offset.insert(key, scope);
            return scope;
        }
        self.scope(parent, name.map_or("", |name| unit.text(name)))
    }

    /// Notes a type, if it is wanted.
    fn ty<'d>(
        &mut self,
        unit: &Unit<'_, 'd>,
        entries: &mut Entries<'_, 'd>,
        scope: u32,
        entry: EntryId,
    ) -> gimli::Result<()> {
        let (mut name, mut declaration) = ("", false);
        entries.attributes(|attribute, value| match attribute {
            gimli::DW_AT_name => name = unit.text(value),
            gimli::DW_AT_declaration => declaration = true,
            _ => {}
        })?;
        if !declaration {
            self.note(scope, WantedKind::Type, name, entry, 0);
        }
        Ok(())
    }

    /// Notes a function, if it has code or runs a coroutine.
    fn function<'d>(
        &mut self,
        unit: &Unit<'_, 'd>,
        entries: &mut Entries<'_, 'd>,
        scope: u32,
        entry: EntryId,
    ) -> gimli::Result<()> {
        let (mut name, mut origin, mut low, mut high, mut parts) = (None, None, None, None, None);
        entries.attributes(|attribute, value| match attribute {
            gimli::DW_AT_name => name = Some(value),
            gimli::DW_AT_specification | gimli::DW_AT_abstract_origin => origin = Some(value),
            gimli::DW_AT_low_pc => low = Some(value),
            gimli::DW_AT_high_pc => high = Some(value),
            gimli::DW_AT_ranges => parts = Some(value),
            _ => {}
        })?;
        // One that is inlined everywhere has no code of its own. Its variables are still described.
        let is_coroutine = name.is_some_and(|name| match name {
            AttributeValue::DebugStrRef(offset) => self.coroutine_names.contains(&offset.0),
            name => unit.text(name).starts_with(COROUTINE),
        });
        if is_coroutine {
            self.index.coroutines.push((scope, entry));
        }
        let (dwarf, parsed) = (unit.dwarf, unit.parsed);
        let low = low.map_or(Ok(None), |low| dwarf.attr_address(parsed, low))?;
        let mut code = Vec::new();
        if let Some(low) = low {
            let high = match high {
                Some(AttributeValue::Addr(high)) => high,
                Some(length) => low.saturating_add(length.udata_value().unwrap_or(0)),
                None => low,
            };
            code.push((low, high));
        } else if let Some(mut ranges) = parts
            .map(|parts| dwarf.attr_ranges(parsed, parts))
            .transpose()?
            .flatten()
        {
            while let Some(range) = ranges.next()? {
                code.push((range.begin, range.end));
            }
        }
        // The linker leaves 0 where it has left the code out.
        code.retain(|(low, _)| *low != 0);
        let Some((low, _)) = code.first() else {
            return Ok(());
        };
        if self.wanted_in.contains_key(&scope) {
            let declared = || match origin? {
                AttributeValue::UnitRef(origin) => {
                    parsed.entry(origin).ok()?.attr_value(gimli::DW_AT_name)
                }
                _ => None,
            };
            let name = name.or_else(declared).map_or("", |name| unit.text(name));
            self.note(scope, WantedKind::Function, name, entry, *low);
        }
        let functions = code.into_iter();
        let functions = functions.map(|(low, high)| Function { low, high, entry });
        self.index.functions.extend(functions);
        Ok(())
    }

    /// Notes a static variable.
    fn variable<'d>(
        &mut self,
        unit: &Unit<'_, 'd>,
        entries: &mut Entries<'_, 'd>,
        scope: u32,
    ) -> gimli::Result<()> {
        let (mut name, mut address, mut ty) = ("", None, None);
        entries.attributes(|attribute, value| match attribute {
            gimli::DW_AT_name => name = unit.text(value),
            gimli::DW_AT_location => address = constant_address(unit.parsed, value),
            gimli::DW_AT_type => ty = reference(unit.start, &value),
            _ => {}
        })?;
        let (Some(address), Some(ty)) = (address, ty) else {
            return Ok(());
        };
        if name.ends_with("::{vtable}") {
            self.index.vtables.insert(address, EntryId(ty));
        } else {
            self.index.statics.push(StaticVariable {
                name: name.into(),
                scope,
                address,
                ty: TypeId(ty),
            });
        }
        Ok(())
    }

    /// The scope with this name in another. The same in all units.
    fn scope(&mut self, parent: u32, name: &str) -> u32 {
        let key = (parent, Box::<str>::from(name));
        if let Some(scope) = self.scope_ids.get(&key) {
            return *scope;
        }
        let scope = u32::try_from(self.index.scopes.len()).unwrap_or(0);
        self.index.scopes.push(Scope {
            parent,
            name: key.1.clone(),
        });
        self.scope_ids.insert(key, scope);
        let named = self.names.iter().filter(|wanted| {
            let last = wanted.namespace.rsplit("::").next();
            last == Some(name) && wanted.namespace == path(&self.index.scopes, scope)
        });
        let wanted: Vec<Wanted> = named.copied().collect();
        if !wanted.is_empty() {
            self.wanted_in.insert(scope, wanted);
        }
        scope
    }

    fn note(&mut self, scope: u32, kind: WantedKind, name: &str, entry: EntryId, address: u64) {
        for wanted in self.wanted_in.get(&scope).into_iter().flatten() {
            let arguments = if wanted.name.ends_with('<') {
                name.strip_prefix(wanted.name)
                    .and_then(|rest| rest.strip_suffix('>'))
            } else {
                (wanted.name == name).then_some("")
            };
            if let (Some(arguments), true) = (arguments, wanted.kind == kind) {
                let found = self
                    .index
                    .wanted
                    .entry((wanted.namespace, wanted.name))
                    .or_default();
                found.push(Found {
                    arguments: arguments.into(),
                    entry,
                    address,
                });
            }
        }
    }
}

/// The address of a static variable.
fn constant_address(
    unit: &gimli::Unit<Slice<'_>>,
    value: AttributeValue<Slice<'_>>,
) -> Option<u64> {
    let mut operations = value.exprloc_value()?.operations(unit.encoding());
    match (operations.next().ok()??, operations.next().ok()?) {
        (gimli::Operation::Address { address }, None) => Some(address),
        _ => None,
    }
}
