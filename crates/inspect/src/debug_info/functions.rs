//! The variables of functions on a stack.

use gimli::{AttributeValue, Operation, Register};

use super::types::declared_at;
use super::{DebugInfo, EntryId, Slice, Type, TypeId, reference};

/// A variable of a function.
#[derive(Debug, Clone)]
pub(crate) struct Variable {
    pub(crate) ty: TypeId,
    pub(crate) location: Location,
}

/// Where a variable is, relative to a register's value or to the function's frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Location {
    /// In memory.
    At(Base, i64),
    /// In memory, `plus` bytes after where this word points to.
    Behind(Base, i64, u64),
    /// The variable is a pointer, and this is its value: it points into the function's own frame.
    PointsTo(Base, i64),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Base {
    Register(u16),
    /// The canonical frame address: the stack pointer before the call of the function.
    Cfa,
}

/// A variable of a coroutine's function, which the coroutine may keep while it is suspended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Declared {
    pub(crate) ty: TypeId,
    pub(crate) at: Declaration,
    pub(crate) kept: Kept,
}

/// Where a coroutine keeps a variable, as far as its function tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kept {
    /// So many bytes behind where this word of the function's frame points to. That is the coroutine, unless it is
    /// something else that the function refers to.
    At(i64, u64),
    /// It does not keep it: the variable is in the function's frame.
    Nowhere,
    /// An optimized function does not tell, or not always.
    Unknown,
}

/// Where something is declared in the source. Code that a macro of another crate writes is declared where the macro is
/// called, except for the states of a coroutine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Declaration {
    pub(crate) file: String,
    pub(crate) line: u32,
}

impl<'d> DebugInfo<'d> {
    /// The functions that run a coroutine, and where each is declared. A function is described in each unit that
    /// contains its code.
    pub(crate) fn functions_of(&self, coroutine: &Type) -> Vec<(EntryId, Declaration)> {
        let name = coroutine.own_name().replacen("_env#", "#", 1);
        let beside = self.index.coroutines_beside(coroutine.id);
        let functions = beside.filter_map(|function| {
            let (unit, start) = self.unit_of(function.0)?;
            let entry = unit
                .entry(gimli::UnitOffset((function.0 - start) as usize))
                .ok()?;
            let own = self.text(unit, entry.attr_value(gimli::DW_AT_name)?);
            (own == name).then(|| (function, self.declaration(start, &entry)))
        });
        functions.collect()
    }

    /// The variables of a function with a name. Those of the functions inlined into it are not among them.
    pub(crate) fn declared(&self, function: EntryId, name: &str) -> Vec<Declared> {
        let mut found = Vec::new();
        self.each_block(function, &mut |variables, _| {
            found.extend(named(variables, name));
        });
        found
    }

    /// The variables called `name` that are in scope at one called `other` for which `is_picked` holds: those of its
    /// block and of the blocks around it. `None` if there is no such variable, or if there are several with different
    /// results.
    pub(crate) fn in_scope(
        &self,
        function: EntryId,
        name: &str,
        other: &str,
        is_picked: impl Fn(&Declared) -> bool,
    ) -> Option<Vec<Declared>> {
        let mut found: Option<Vec<Declared>> = None;
        let mut are_alike = true;
        self.each_block(function, &mut |variables, around| {
            if !named(variables, other).any(|variable| is_picked(&variable)) {
                return;
            }
            let all = around.iter().flat_map(|block| named(block, name));
            let all: Vec<Declared> = all.chain(named(variables, name)).collect();
            are_alike &= found.as_ref().is_none_or(|it| *it == all);
            found = Some(all);
        });
        found.filter(|_| are_alike)
    }

    /// Calls `f` with the variables of each block of a function, and those of the blocks around it.
    fn each_block(&self, function: EntryId, f: &mut EachBlock<'_>) {
        let mut read = || {
            let (unit, start) = self.unit_of(function.0)?;
            let mut tree = unit
                .entries_tree(Some(gimli::UnitOffset((function.0 - start) as usize)))
                .ok()?;
            self.each_block_in(unit, start, tree.root().ok()?, &mut Vec::new(), f);
            Some(())
        };
        read();
    }

    fn each_block_in(
        &self,
        unit: &gimli::Unit<Slice<'d>>,
        start: u32,
        node: gimli::EntriesTreeNode<'_, '_, Slice<'d>>,
        around: &mut Vec<Vec<(String, Declared)>>,
        f: &mut EachBlock<'_>,
    ) {
        let mut variables = Vec::new();
        let block = node.entry().offset();
        let mut children = node.children();
        while let Ok(Some(child)) = children.next() {
            let entry = child.entry();
            if entry.tag() == gimli::DW_TAG_variable
                && let Some(name) = entry.attr_value(gimli::DW_AT_name)
                && let Some(ty) = entry.attr_value(gimli::DW_AT_type)
                && let Some(ty) = reference(start, &ty)
            {
                let variable = Declared {
                    ty: TypeId(ty),
                    at: self.declaration(start, entry),
                    kept: kept(unit, entry),
                };
                variables.push((self.text(unit, name).to_owned(), variable));
            }
        }
        f(&variables, around);
        around.push(variables);
        // Variables may come behind a block that they are in scope of, so blocks are read in a second pass.
        let Ok(mut tree) = unit.entries_tree(Some(block)) else {
            return;
        };
        if let Ok(root) = tree.root() {
            let mut children = root.children();
            while let Ok(Some(child)) = children.next() {
                if child.entry().tag() == gimli::DW_TAG_lexical_block {
                    self.each_block_in(unit, start, child, around, f);
                }
            }
        }
        around.pop();
    }

    /// `near` is any entry of the same unit.
    fn declaration(
        &self,
        near: u32,
        entry: &gimli::DebuggingInformationEntry<Slice<'d>>,
    ) -> Declaration {
        let (file, line) = declared_at(entry);
        Declaration {
            file: self.file(near, file),
            line: u32::try_from(line).unwrap_or(0),
        }
    }

    /// The variables and arguments of a function, those of the functions inlined into it included, while it is at this
    /// address of the file.
    pub(crate) fn variables(&self, function: EntryId, address: u64) -> Vec<Variable> {
        let mut variables = Vec::new();
        let mut read = || {
            let (unit, start) = self.unit_of(function.0)?;
            let mut tree = unit
                .entries_tree(Some(gimli::UnitOffset((function.0 - start) as usize)))
                .ok()?;
            let root = tree.root().ok()?;
            let base = frame_base(unit, root.entry().attr_value(gimli::DW_AT_frame_base)?)?;
            let frame = Frame {
                unit,
                start,
                base,
                address,
            };
            self.variables_in(&frame, root, true, &mut variables);
            Some(())
        };
        read();
        variables
    }

    /// Whether the function, or one that is inlined into it at this address of the file, has a name that fits.
    /// Names are without their path.
    pub(crate) fn any_function_at(
        &self,
        function: EntryId,
        address: u64,
        fits: impl Fn(&str) -> bool,
    ) -> bool {
        let Some((unit, start)) = self.unit_of(function.0) else {
            return false;
        };
        let mut any = false;
        self.for_each_function_at(function, address, |entry| {
            let name = self.declared_value(unit, start, entry, gimli::DW_AT_name);
            any = any || fits(name.unwrap_or(""));
        });
        any
    }

    /// Calls `each` with a function, and with those that are inlined into it at this address of the file, from the
    /// outside to the inside.
    pub(super) fn for_each_function_at(
        &self,
        function: EntryId,
        address: u64,
        mut each: impl FnMut(&gimli::DebuggingInformationEntry<Slice<'d>>),
    ) {
        let mut read = || {
            let (unit, start) = self.unit_of(function.0)?;
            let mut tree = unit
                .entries_tree(Some(gimli::UnitOffset((function.0 - start) as usize)))
                .ok()?;
            let root = tree.root().ok()?;
            each(root.entry());
            self.for_each_inlined_at(unit, root, address, &mut each);
            Some(())
        };
        read();
    }

    fn for_each_inlined_at(
        &self,
        unit: &gimli::Unit<Slice<'d>>,
        node: gimli::EntriesTreeNode<'_, '_, Slice<'d>>,
        address: u64,
        each: &mut impl FnMut(&gimli::DebuggingInformationEntry<Slice<'d>>),
    ) {
        let mut children = node.children();
        while let Ok(Some(child)) = children.next() {
            let tag = child.entry().tag();
            let is_inlined = tag == gimli::DW_TAG_inlined_subroutine;
            if !is_inlined && tag != gimli::DW_TAG_lexical_block {
                continue;
            }
            if self.contains(unit, child.entry(), address) {
                if is_inlined {
                    each(child.entry());
                }
                return self.for_each_inlined_at(unit, child, address, each);
            }
        }
    }

    /// The name of a function with its path, as the linker knows it.
    pub(super) fn linkage_name(
        &self,
        unit: &gimli::Unit<Slice<'d>>,
        start: u32,
        function: &gimli::DebuggingInformationEntry<Slice<'d>>,
    ) -> Option<&'d str> {
        let value = |attribute| self.declared_value(unit, start, function, attribute);
        value(gimli::DW_AT_linkage_name).or_else(|| value(gimli::DW_AT_name))
    }

    /// A text about a function: a method is described where it is declared, and an inlined one where it is on its own.
    fn declared_value(
        &self,
        unit: &gimli::Unit<Slice<'d>>,
        start: u32,
        function: &gimli::DebuggingInformationEntry<Slice<'d>>,
        attribute: gimli::DwAt,
    ) -> Option<&'d str> {
        let (mut unit, mut start) = (unit, start);
        let mut entry = function.clone();
        for _ in 0..4 {
            if let Some(value) = entry.attr_value(attribute) {
                return Some(self.text(unit, value));
            }
            let of = entry.attr_value(gimli::DW_AT_specification);
            let of = of.or_else(|| entry.attr_value(gimli::DW_AT_abstract_origin))?;
            let origin = reference(start, &of)?;
            (unit, start) = self.unit_of(origin)?;
            entry = unit
                .entry(gimli::UnitOffset((origin - start) as usize))
                .ok()?;
        }
        None
    }

    /// `current` is whether the code at the address is in this block, so that its variables have values.
    fn variables_in(
        &self,
        frame: &Frame<'_, 'd>,
        node: gimli::EntriesTreeNode<'_, '_, Slice<'d>>,
        current: bool,
        found: &mut Vec<Variable>,
    ) {
        let mut children = node.children();
        while let Ok(Some(child)) = children.next() {
            let entry = child.entry();
            match entry.tag() {
                gimli::DW_TAG_variable | gimli::DW_TAG_formal_parameter => {
                    // What is pinned in a frame stays where it is for as long as the function runs.
                    let valid = |variable: &Variable| {
                        current || matches!(variable.location, Location::PointsTo(..))
                    };
                    found.extend(self.variable(frame, entry).filter(valid));
                }
                gimli::DW_TAG_lexical_block | gimli::DW_TAG_inlined_subroutine => {
                    let current = current && self.contains(frame.unit, entry, frame.address);
                    self.variables_in(frame, child, current, found);
                }
                _ => {}
            }
        }
    }

    /// Whether a block or inlined function contains an address of the file.
    fn contains(
        &self,
        unit: &gimli::Unit<Slice<'d>>,
        block: &gimli::DebuggingInformationEntry<Slice<'d>>,
        address: u64,
    ) -> bool {
        let Ok(mut ranges) = self.dwarf().die_ranges(unit, block) else {
            return false;
        };
        any_contains(|| ranges.next(), address)
    }

    /// Whether a unit contains an address of the file.
    pub(super) fn unit_has(&self, unit: &gimli::Unit<Slice<'d>>, address: u64) -> bool {
        let Ok(mut ranges) = self.dwarf().unit_ranges(unit) else {
            return false;
        };
        any_contains(|| ranges.next(), address)
    }

    fn variable(
        &self,
        frame: &Frame<'_, 'd>,
        entry: &gimli::DebuggingInformationEntry<Slice<'d>>,
    ) -> Option<Variable> {
        let location = entry.attr_value(gimli::DW_AT_location)?;
        let ty = match (
            entry.attr_value(gimli::DW_AT_type),
            entry.attr_value(gimli::DW_AT_abstract_origin),
        ) {
            (Some(ty), _) => ty,
            // A variable of an inlined function is described where that function is.
            (None, Some(AttributeValue::UnitRef(origin))) => frame
                .unit
                .entry(origin)
                .ok()?
                .attr_value(gimli::DW_AT_type)?,
            _ => return None,
        };
        let ty = TypeId(reference(frame.start, &ty)?);
        let location = if let Some(expression) = location.exprloc_value() {
            frame.location(expression)?
        } else {
            let mut list = self.dwarf().attr_locations(frame.unit, location).ok()??;
            loop {
                let range = list.next().ok()??;
                let Some(location) = frame.location(range.data) else {
                    continue;
                };
                let current = range.range.begin <= frame.address && frame.address < range.range.end;
                if current || matches!(location, Location::PointsTo(..)) {
                    break location;
                }
            }
        };
        Some(Variable { ty, location })
    }
}

/// Of each block: its variables, and those of the blocks around it.
type EachBlock<'f> = dyn FnMut(&[(String, Declared)], &[Vec<(String, Declared)>]) + 'f;

fn named(variables: &[(String, Declared)], name: &str) -> impl Iterator<Item = Declared> {
    let named = variables.iter().filter(move |(own, _)| own == name);
    named.map(|(_, variable)| variable.clone())
}

fn kept(
    unit: &gimli::Unit<Slice<'_>>,
    variable: &gimli::DebuggingInformationEntry<Slice<'_>>,
) -> Kept {
    let expression = || variable.attr_value(gimli::DW_AT_location)?.exprloc_value();
    let Some(expression) = expression() else {
        return Kept::Unknown;
    };
    let mut operations = expression.operations(unit.encoding());
    let mut next = || operations.next().ok().flatten();
    match (next(), next(), next(), next()) {
        (Some(Operation::FrameOffset { offset }), Some(Operation::Deref { .. }), None, None) => {
            Kept::At(offset, 0)
        }
        (
            Some(Operation::FrameOffset { offset }),
            Some(Operation::Deref { .. }),
            Some(Operation::PlusConstant { value }),
            None,
        ) => Kept::At(offset, value),
        (Some(Operation::FrameOffset { .. }), None, ..) => Kept::Nowhere,
        _ => Kept::Unknown,
    }
}

fn any_contains(
    mut next: impl FnMut() -> gimli::Result<Option<gimli::Range>>,
    address: u64,
) -> bool {
    while let Ok(Some(range)) = next() {
        if range.begin <= address && address < range.end {
            return true;
        }
    }
    false
}

struct Frame<'u, 'd> {
    unit: &'u gimli::Unit<Slice<'d>>,
    start: u32,
    base: Base,
    address: u64,
}

impl<'d> Frame<'_, 'd> {
    fn location(&self, expression: gimli::Expression<Slice<'d>>) -> Option<Location> {
        let mut operations = expression.operations(self.unit.encoding());
        let (base, offset) = match operations.next().ok()?? {
            Operation::FrameOffset { offset } => (self.base, offset),
            Operation::RegisterOffset {
                register: Register(register),
                offset,
                ..
            } => (Base::Register(register), offset),
            _ => return None,
        };
        match operations.next().ok()? {
            None => Some(Location::At(base, offset)),
            Some(Operation::StackValue) => Some(Location::PointsTo(base, offset)),
            Some(Operation::Deref { .. }) => match operations.next().ok()? {
                None => Some(Location::Behind(base, offset, 0)),
                Some(Operation::PlusConstant { value }) => {
                    Some(Location::Behind(base, offset, value))
                }
                Some(_) => None,
            },
            Some(_) => None,
        }
    }
}

fn frame_base<'d>(unit: &gimli::Unit<Slice<'d>>, value: AttributeValue<Slice<'d>>) -> Option<Base> {
    let mut operations = value.exprloc_value()?.operations(unit.encoding());
    match operations.next().ok()?? {
        Operation::Register {
            register: Register(register),
        } => Some(Base::Register(register)),
        Operation::CallFrameCFA => Some(Base::Cfa),
        _ => None,
    }
}
