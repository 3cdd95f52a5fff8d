//! Where a part of a value is, compiled into offsets once and then read often.

use std::collections::VecDeque;
use std::sync::Arc;

use super::{DebugInfo, Field, Kind, Type, Variant};
use crate::memory::Memory;

/// The way from a value's address to a part of it: offsets, with a pointer to follow between any two.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Path {
    pointers: Vec<u64>,
    last: u64,
    /// The size of the part, in bytes.
    pub(crate) size: u64,
}

impl Path {
    /// Where the part is. `None` if a pointer on the way is null or can't be read.
    pub(crate) fn address(&self, memory: &dyn Memory, value: u64) -> Option<u64> {
        let mut address = value;
        for offset in &self.pointers {
            address = memory
                .word(address.wrapping_add(*offset))
                .filter(|pointer| *pointer != 0)?;
        }
        Some(address.wrapping_add(self.last))
    }

    /// The part as an unsigned value.
    pub(crate) fn read(&self, memory: &dyn Memory, value: u64) -> Option<u64> {
        memory.uint(self.address(memory, value)?, self.size)
    }
}

/// A part of a value whose type is known and whose address is not yet.
#[derive(Clone)]
pub(crate) struct Spot {
    pub(crate) ty: Arc<Type>,
    pointers: Vec<u64>,
    offset: u64,
}

impl Spot {
    /// The value itself.
    pub(crate) fn whole(ty: Arc<Type>) -> Self {
        Self {
            ty,
            pointers: Vec::new(),
            offset: 0,
        }
    }

    pub(crate) fn path(&self) -> Path {
        Path {
            pointers: self.pointers.clone(),
            last: self.offset,
            size: self.ty.size,
        }
    }

    /// The offset from the start of the value, if no pointer is in between.
    pub(crate) fn offset(&self) -> Option<u64> {
        self.pointers.is_empty().then_some(self.offset)
    }

    fn at(&self, debug: &DebugInfo<'_>, part: Part) -> Self {
        Self {
            ty: debug.ty(part.ty),
            pointers: self.pointers.clone(),
            offset: self.offset.wrapping_add(part.offset),
        }
    }

    pub(crate) fn field(&self, debug: &DebugInfo<'_>, name: &str) -> Option<Self> {
        Some(self.at(debug, Part::field(self.ty.field(name)?)))
    }

    /// The contents of a variant. Whether the value is that variant is for the caller to find out.
    pub(crate) fn variant(&self, debug: &DebugInfo<'_>, name: &str) -> Option<Self> {
        let variant = self
            .ty
            .variants
            .as_ref()?
            .list
            .iter()
            .find(|variant| &*variant.name == name)?;
        Some(self.at(
            debug,
            Part {
                offset: variant.offset,
                ty: variant.ty,
            },
        ))
    }

    /// The nearest part with this field name. Wrappers such as `UnsafeCell` and `AtomicUsize` are looked into.
    pub(crate) fn named(&self, debug: &DebugInfo<'_>, name: &str) -> Option<Self> {
        find(debug, &self.ty, |field, _| &*field.name == name).map(|part| self.at(debug, part))
    }

    /// The nearest part whose type's name starts so.
    pub(crate) fn typed(&self, debug: &DebugInfo<'_>, prefix: &str) -> Option<Self> {
        if self.ty.name.starts_with(prefix) {
            return Some(self.clone());
        }
        find(debug, &self.ty, |_, ty| ty.name.starts_with(prefix)).map(|part| self.at(debug, part))
    }

    /// The nearest part that is a thin pointer.
    pub(crate) fn pointer(&self, debug: &DebugInfo<'_>) -> Option<Self> {
        if self.ty.kind == Kind::Pointer {
            return Some(self.clone());
        }
        find(debug, &self.ty, |_, ty| ty.kind == Kind::Pointer).map(|part| self.at(debug, part))
    }

    /// The field with the highest offset.
    pub(crate) fn last(&self, debug: &DebugInfo<'_>) -> Option<Self> {
        let last = self.ty.fields.iter().max_by_key(|field| field.offset)?;
        Some(self.at(debug, Part::field(last)))
    }

    /// The nearest part that is a trait object.
    pub(crate) fn trait_object(&self, debug: &DebugInfo<'_>) -> Option<Self> {
        find(debug, &self.ty, |_, ty| ty.as_trait_object().is_some())
            .map(|part| self.at(debug, part))
    }

    /// What the nearest thin pointer points to.
    pub(crate) fn target(&self, debug: &DebugInfo<'_>) -> Option<Self> {
        let mut pointer = self.pointer(debug)?;
        pointer.pointers.push(pointer.offset);
        Some(Self {
            ty: debug.ty(pointer.ty.target?),
            pointers: pointer.pointers,
            offset: 0,
        })
    }

    /// What an `Arc` or `Rc` shares.
    pub(crate) fn shared(&self, debug: &DebugInfo<'_>) -> Option<Self> {
        let inner = self.target(debug)?;
        inner
            .field(debug, "data")
            .or_else(|| inner.field(debug, "value"))
    }
}

/// How to tell which variant a value is.
#[derive(Debug, Clone)]
pub(crate) struct Tag {
    offset: u64,
    size: u64,
}

impl Tag {
    pub(crate) fn of(debug: &DebugInfo<'_>, tag: Option<&Field>) -> Self {
        tag.map_or(Self { offset: 0, size: 0 }, |tag| Self {
            offset: tag.offset,
            size: debug.ty(tag.ty).size,
        })
    }

    /// The tag of the value at the address.
    pub(crate) fn read(&self, memory: &dyn Memory, address: u64) -> Option<u64> {
        memory.uint(address.wrapping_add(self.offset), self.size)
    }

    /// The variant that a tag's value means, by the values that the variants have.
    pub(crate) fn choose(
        &self,
        tag: u64,
        values: impl Iterator<Item = Option<u64>>,
    ) -> Option<usize> {
        let mask = if self.size >= 8 {
            u64::MAX
        } else {
            (1 << (self.size * 8)) - 1
        };
        let mut default = None;
        for (number, value) in values.enumerate() {
            match value {
                Some(value) if value & mask == tag => return Some(number),
                Some(_) => {}
                None => default = default.or(Some(number)),
            }
        }
        default
    }
}

impl Type {
    /// The variant of the value at the address.
    pub(crate) fn variant_at(
        &self,
        debug: &DebugInfo<'_>,
        memory: &dyn Memory,
        address: u64,
    ) -> Option<&Variant> {
        let variants = self.variants.as_ref()?;
        let tag = Tag::of(debug, variants.tag.as_ref());
        let value = tag.read(memory, address)?;
        let number = tag.choose(value, variants.list.iter().map(|variant| variant.tag))?;
        variants.list.get(number)
    }
}

/// A part of a value: its offset and its type.
#[derive(Clone, Copy)]
pub(super) struct Part {
    pub(super) offset: u64,
    pub(super) ty: super::TypeId,
}

impl Part {
    pub(super) fn field(field: &Field) -> Self {
        Self {
            offset: field.offset,
            ty: field.ty,
        }
    }
}

/// How many types are looked at for one part. What Tokio's types need is a small fraction of it.
const SEARCHED_TYPES: usize = 2000;

/// The nearest field that fits, breadth first. Variants are not looked into: where their parts are depends on the
/// value. The one exception is an enum whose variants have one pointer between them, such as `Option<NonNull<T>>`.
pub(super) fn find(
    debug: &DebugInfo<'_>,
    ty: &Arc<Type>,
    fits: impl Fn(&Field, &Type) -> bool,
) -> Option<Part> {
    let mut queue = VecDeque::from([(0_u64, ty.clone())]);
    let mut searched = 0;
    while let Some((base, ty)) = queue.pop_front() {
        searched += 1;
        if searched > SEARCHED_TYPES {
            return None;
        }
        for field in &ty.fields {
            let inner = debug.ty(field.ty);
            let offset = base.wrapping_add(field.offset);
            if fits(field, &inner) {
                return Some(Part {
                    offset,
                    ty: field.ty,
                });
            }
            if inner.kind == Kind::Struct {
                queue.push_back((offset, inner));
            }
        }
        if let Some(variant) = ty.only_value() {
            queue.push_back((base.wrapping_add(variant.offset), debug.ty(variant.ty)));
        }
    }
    None
}

impl Type {
    /// The `Some` of an `Option` that is as large as its value: a null pointer means `None`.
    fn only_value(&self) -> Option<&Variant> {
        if self.size != 8 || !self.name.starts_with("core::option::Option<") {
            return None;
        }
        self.variants
            .as_ref()?
            .list
            .iter()
            .find(|variant| &*variant.name == "Some")
    }
}
