//! Types, read when they are asked for.

use std::sync::Arc;

use gimli::AttributeValue;

use super::{DebugInfo, EntryId, Slice, TypeId, reference};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Base,
    Pointer,
    /// A struct, a union, an enum with values, a tuple, a closure, or a coroutine.
    Struct,
    /// An enum without values.
    Enum,
    Array,
    /// Functions and whatever else there is. Also a type that can't be read.
    Other,
}

#[derive(Debug)]
pub(crate) struct Type {
    pub(crate) id: TypeId,
    /// The full path, generic arguments included.
    pub(crate) name: Box<str>,
    /// How long the namespace is in the name, `::` included.
    own_name: usize,
    pub(crate) kind: Kind,
    /// In bytes.
    pub(crate) size: u64,
    pub(crate) align: u64,
    /// What a pointer points to, or an array's element.
    pub(crate) target: Option<TypeId>,
    /// The number of an array's elements.
    pub(crate) count: u64,
    pub(crate) fields: Box<[Field]>,
    pub(crate) variants: Option<Variants>,
    /// The generic arguments that are types.
    pub(crate) arguments: Box<[TypeId]>,
    /// The values of an enum without values of its own, and what each is called.
    enumerators: Box<[(u64, Box<str>)]>,
}

#[derive(Debug, Clone)]
pub(crate) struct Field {
    pub(crate) name: Box<str>,
    pub(crate) ty: TypeId,
    pub(crate) offset: u64,
}

/// The variants of an enum, or the states of a coroutine.
#[derive(Debug)]
pub(crate) struct Variants {
    /// The field that tells which variant it is. `None` if there is only one.
    pub(crate) tag: Option<Field>,
    pub(crate) list: Box<[Variant]>,
}

#[derive(Debug)]
pub(crate) struct Variant {
    /// The value of the tag. `None` for the variant that all other values mean.
    pub(crate) tag: Option<u64>,
    pub(crate) ty: TypeId,
    pub(crate) name: Box<str>,
    pub(crate) offset: u64,
    /// The number of the file in the unit's line table, and the line. Coroutines have them: where the await is.
    pub(crate) file: u64,
    pub(crate) line: u64,
}

/// What the compiler calls the state of an async function, block or closure.
const COROUTINES: [&str; 4] = [
    "{async_fn_env#",
    "{async_block_env#",
    "{async_closure_env#",
    "{async_gen",
];

impl Type {
    pub(crate) fn field(&self, name: &str) -> Option<&Field> {
        self.fields.iter().find(|field| &*field.name == name)
    }

    /// The last segment of the path, generic arguments included.
    pub(crate) fn own_name(&self) -> &str {
        self.name.get(self.own_name..).unwrap_or("")
    }

    /// The path without the last segment.
    pub(crate) fn namespace(&self) -> &str {
        self.name
            .get(..self.own_name)
            .unwrap_or("")
            .trim_end_matches("::")
    }

    /// What the value of an enum is called.
    pub(crate) fn enumerator(&self, value: u64) -> Option<&str> {
        let size = 8 * self.size.clamp(1, 8);
        let same = |known: u64| (known ^ value) << (64 - size) == 0;
        let mut known = self.enumerators.iter();
        known.find_map(|(number, name)| same(*number).then_some(&**name))
    }

    /// Whether this is the state of an async function, block or closure.
    pub(crate) fn is_coroutine(&self) -> bool {
        self.variants.is_some()
            && COROUTINES
                .iter()
                .any(|prefix| self.own_name().starts_with(prefix))
    }

    pub(crate) fn is_async_fn(&self) -> bool {
        self.own_name().starts_with(COROUTINES[0])
    }

    /// A pointer with a vtable: the offsets of the two.
    pub(crate) fn as_trait_object(&self) -> Option<(u64, u64)> {
        self.as_wide("pointer", "vtable")
    }

    /// A pointer with a length: the offsets of the two.
    pub(crate) fn as_slice(&self) -> Option<(u64, u64)> {
        self.as_wide("data_ptr", "length")
    }

    fn as_wide(&self, pointer: &str, extra: &str) -> Option<(u64, u64)> {
        if self.kind != Kind::Struct || self.size != 16 || self.fields.len() != 2 {
            return None;
        }
        Some((self.field(pointer)?.offset, self.field(extra)?.offset))
    }

    /// The type that stands for one that can't be read.
    fn unreadable(id: TypeId) -> Self {
        Self {
            id,
            name: "?".into(),
            own_name: 0,
            kind: Kind::Other,
            size: 0,
            align: 1,
            target: None,
            count: 0,
            fields: Box::default(),
            variants: None,
            arguments: Box::default(),
            enumerators: Box::default(),
        }
    }
}

type Unit<'u, 'd> = &'u gimli::Unit<Slice<'d>>;
type Entry<'d> = gimli::DebuggingInformationEntry<Slice<'d>>;

impl<'d> DebugInfo<'d> {
    pub(crate) fn ty(&self, id: TypeId) -> Arc<Type> {
        if let Some(ty) = self.types.0.borrow().get(&id) {
            return ty.clone();
        }
        let mut ty = self.read_type(id).unwrap_or_else(|| Type::unreadable(id));
        if ty.kind == Kind::Array {
            (ty.size, ty.align) = self.array_layout(&ty).unwrap_or((0, 1));
        }
        let ty = Arc::new(ty);
        self.types.0.borrow_mut().insert(id, ty.clone());
        ty
    }

    /// The size and alignment of an array, which is described by its elements alone.
    fn array_layout(&self, array: &Type) -> Option<(u64, u64)> {
        /// More than a program has in a type. Debug info may be wrong.
        const DIMENSIONS: usize = 16;
        let mut count = array.count;
        let mut element = self.read_type(array.target?)?;
        for _ in 0..DIMENSIONS {
            if element.kind != Kind::Array {
                return Some((count.checked_mul(element.size)?, element.align));
            }
            count = count.checked_mul(element.count)?;
            element = self.read_type(element.target?)?;
        }
        None
    }

    /// The type that a vtable is for, from the entry of the vtable's own type.
    pub(crate) fn type_of_vtable(&self, vtable: EntryId) -> Option<TypeId> {
        let (unit, start) = self.unit_of(vtable.0)?;
        let entry = unit
            .entry(gimli::UnitOffset((vtable.0 - start) as usize))
            .ok()?;
        reference(start, &entry.attr_value(gimli::DW_AT_containing_type)?).map(TypeId)
    }

    /// What a trait object points to: the address in memory of its vtable tells.
    pub(crate) fn type_behind(&self, vtable: u64) -> Option<TypeId> {
        self.type_of_vtable(*self.index.vtables.get(&self.file_address(vtable))?)
    }

    fn read_type(&self, id: TypeId) -> Option<Type> {
        let (unit, start) = self.unit_of(id.0)?;
        let mut tree = unit
            .entries_tree(Some(gimli::UnitOffset((id.0 - start) as usize)))
            .ok()?;
        let node = tree.root().ok()?;
        let entry = node.entry();
        let kind = match entry.tag() {
            gimli::DW_TAG_base_type => Kind::Base,
            gimli::DW_TAG_pointer_type => Kind::Pointer,
            gimli::DW_TAG_structure_type | gimli::DW_TAG_union_type => Kind::Struct,
            gimli::DW_TAG_enumeration_type => Kind::Enum,
            gimli::DW_TAG_array_type => Kind::Array,
            _ => Kind::Other,
        };
        let mut name = self.index.namespace_of(id);
        if !name.is_empty() {
            name.push_str("::");
        }
        let own_name = name.len();
        name.push_str(
            entry
                .attr_value(gimli::DW_AT_name)
                .map_or("", |value| self.text(unit, value)),
        );
        let mut fields = Vec::new();
        let mut variants = None;
        let mut arguments = Vec::new();
        let mut enumerators = Vec::new();
        let mut count = 0;
        let size = number(entry, gimli::DW_AT_byte_size).unwrap_or(if kind == Kind::Pointer {
            8
        } else {
            0
        });
        let align = number(entry, gimli::DW_AT_alignment).unwrap_or(1).max(1);
        let target = entry
            .attr_value(gimli::DW_AT_type)
            .and_then(|value| reference(start, &value))
            .map(TypeId);
        let mut children = node.children();
        while let Some(child) = children.next().ok()? {
            match child.entry().tag() {
                gimli::DW_TAG_member => fields.push(self.read_field(unit, start, child.entry())?),
                gimli::DW_TAG_variant_part => {
                    variants = Some(self.read_variants(unit, start, child)?);
                }
                gimli::DW_TAG_template_type_parameter => {
                    let ty = child.entry().attr_value(gimli::DW_AT_type);
                    arguments.extend(ty.and_then(|value| reference(start, &value)).map(TypeId));
                }
                gimli::DW_TAG_enumerator => {
                    let value = child.entry().attr_value(gimli::DW_AT_const_value);
                    let name = child.entry().attr_value(gimli::DW_AT_name);
                    if let (Some(value), Some(name)) = (value, name) {
                        enumerators.push((unsigned(value)?, self.text(unit, name).into()));
                    }
                }
                gimli::DW_TAG_subrange_type => {
                    count = number(child.entry(), gimli::DW_AT_count).unwrap_or(0);
                }
                _ => {}
            }
        }
        Some(Type {
            id,
            name: name.into(),
            own_name,
            kind,
            size,
            align,
            target,
            count,
            fields: fields.into(),
            variants,
            arguments: arguments.into(),
            enumerators: enumerators.into(),
        })
    }

    fn read_field(&self, unit: Unit<'_, 'd>, start: u32, entry: &Entry<'d>) -> Option<Field> {
        Some(Field {
            name: entry
                .attr_value(gimli::DW_AT_name)
                .map_or("", |value| self.text(unit, value))
                .into(),
            ty: TypeId(reference(start, &entry.attr_value(gimli::DW_AT_type)?)?),
            offset: number(entry, gimli::DW_AT_data_member_location).unwrap_or(0),
        })
    }

    fn read_variants(
        &self,
        unit: Unit<'_, 'd>,
        start: u32,
        node: gimli::EntriesTreeNode<'_, '_, Slice<'d>>,
    ) -> Option<Variants> {
        let tag = match node.entry().attr_value(gimli::DW_AT_discr) {
            Some(AttributeValue::UnitRef(offset)) => {
                self.read_field(unit, start, &unit.entry(offset).ok()?)
            }
            _ => None,
        };
        let mut list = Vec::new();
        let mut variants = node.children();
        while let Some(variant) = variants.next().ok()? {
            if variant.entry().tag() != gimli::DW_TAG_variant {
                continue;
            }
            let value = variant.entry().attr_value(gimli::DW_AT_discr_value);
            let tag = value.and_then(unsigned);
            let mut members = variant.children();
            while let Some(member) = members.next().ok()? {
                let entry = member.entry();
                if entry.tag() != gimli::DW_TAG_member {
                    continue;
                }
                let field = self.read_field(unit, start, entry)?;
                // A coroutine's states have numbers as names. Their types have the better ones.
                let name = if field.name.bytes().all(|byte| byte.is_ascii_digit()) {
                    self.own_name_of(field.ty).into()
                } else {
                    field.name
                };
                let (file, line) = declared_at(entry);
                list.push(Variant {
                    tag,
                    ty: field.ty,
                    name,
                    offset: field.offset,
                    file,
                    line,
                });
            }
        }
        Some(Variants {
            tag,
            list: list.into(),
        })
    }

    fn own_name_of(&self, id: TypeId) -> &'d str {
        let name = || {
            let (unit, start) = self.unit_of(id.0)?;
            let entry = unit
                .entry(gimli::UnitOffset((id.0 - start) as usize))
                .ok()?;
            Some(self.text(unit, entry.attr_value(gimli::DW_AT_name)?))
        };
        name().unwrap_or("")
    }
}

/// The number of the file in the unit's line table, and the line. 0 if it is not known.
pub(super) fn declared_at(entry: &Entry<'_>) -> (u64, u64) {
    let file = match entry.attr_value(gimli::DW_AT_decl_file) {
        Some(AttributeValue::FileIndex(file)) => file,
        value => value.and_then(|value| value.udata_value()).unwrap_or(0),
    };
    (file, number(entry, gimli::DW_AT_decl_line).unwrap_or(0))
}

fn unsigned(value: AttributeValue<Slice<'_>>) -> Option<u64> {
    let signed = || value.sdata_value().map(i64::cast_unsigned);
    value.udata_value().or_else(signed)
}

fn number(entry: &Entry<'_>, name: gimli::DwAt) -> Option<u64> {
    entry.attr_value(name).and_then(|value| value.udata_value())
}
