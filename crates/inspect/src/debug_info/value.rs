//! A value: a type and an address. For what is read once; what is read often is compiled, see
//! [`layout`](super::layout).

use std::collections::VecDeque;
use std::sync::Arc;

use super::layout::{Part, find};
use super::{DebugInfo, Field, Kind, Type};
use crate::memory::Memory;

/// Elements of a slice or a queue are read up to this number.
const ELEMENTS: u64 = 1 << 20;

#[derive(Clone)]
pub(crate) struct Value {
    pub(crate) ty: Arc<Type>,
    pub(crate) address: u64,
}

/// How many values are looked at for one part.
const SEARCHED_VALUES: usize = 2000;

impl Value {
    pub(crate) fn new(ty: Arc<Type>, address: u64) -> Self {
        Self { ty, address }
    }

    fn at(&self, debug: &DebugInfo<'_>, part: Part) -> Self {
        Self {
            ty: debug.ty(part.ty),
            address: self.address.wrapping_add(part.offset),
        }
    }

    pub(crate) fn field(&self, debug: &DebugInfo<'_>, name: &str) -> Option<Self> {
        Some(self.at(debug, Part::field(self.ty.field(name)?)))
    }

    /// The contents of a variant, if the value is that variant.
    pub(crate) fn variant(
        &self,
        debug: &DebugInfo<'_>,
        memory: &dyn Memory,
        name: &str,
    ) -> Option<Self> {
        let variant = self.ty.variant_at(debug, memory, self.address)?;
        (&*variant.name == name).then(|| {
            self.at(
                debug,
                Part {
                    offset: variant.offset,
                    ty: variant.ty,
                },
            )
        })
    }

    /// The nearest part with this field name, in the variants that the value has.
    pub(crate) fn named(
        &self,
        debug: &DebugInfo<'_>,
        memory: &dyn Memory,
        name: &str,
    ) -> Option<Self> {
        self.search(debug, memory, |field, _| &*field.name == name)
    }

    /// The nearest part whose type's name starts so, in the variants that the value has.
    pub(crate) fn typed(
        &self,
        debug: &DebugInfo<'_>,
        memory: &dyn Memory,
        prefix: &str,
    ) -> Option<Self> {
        if self.ty.name.starts_with(prefix) {
            return Some(self.clone());
        }
        self.search(debug, memory, |_, ty| ty.name.starts_with(prefix))
    }

    /// Breadth first.
    fn search(
        &self,
        debug: &DebugInfo<'_>,
        memory: &dyn Memory,
        fits: impl Fn(&Field, &Type) -> bool,
    ) -> Option<Self> {
        let mut queue = VecDeque::from([self.clone()]);
        let mut searched = 0;
        while let Some(value) = queue.pop_front() {
            searched += 1;
            if searched > SEARCHED_VALUES {
                return None;
            }
            for field in &value.ty.fields {
                let inner = value.at(debug, Part::field(field));
                if fits(field, &inner.ty) {
                    return Some(inner);
                }
                if inner.ty.kind == Kind::Struct {
                    queue.push_back(inner);
                }
            }
            if let Some(variant) = value.ty.variant_at(debug, memory, value.address) {
                queue.push_back(value.at(
                    debug,
                    Part {
                        offset: variant.offset,
                        ty: variant.ty,
                    },
                ));
            }
        }
        None
    }

    /// The value as an unsigned number.
    pub(crate) fn read(&self, memory: &dyn Memory) -> Option<u64> {
        memory.uint(self.address, self.ty.size)
    }

    /// What the nearest thin pointer points to. `None` if it is null.
    pub(crate) fn target(&self, debug: &DebugInfo<'_>, memory: &dyn Memory) -> Option<Self> {
        let pointer = if self.ty.kind == Kind::Pointer {
            self.clone()
        } else {
            self.at(
                debug,
                find(debug, &self.ty, |_, ty| ty.kind == Kind::Pointer)?,
            )
        };
        let address = memory
            .word(pointer.address)
            .filter(|address| *address != 0)?;
        Some(Self {
            ty: debug.ty(pointer.ty.target?),
            address,
        })
    }

    /// What an `Arc` or `Rc` shares.
    pub(crate) fn shared(&self, debug: &DebugInfo<'_>, memory: &dyn Memory) -> Option<Self> {
        let inner = self.target(debug, memory)?;
        inner
            .field(debug, "data")
            .or_else(|| inner.field(debug, "value"))
    }

    /// The elements of the nearest slice. `None` if there is none, or it is longer than that.
    pub(crate) fn elements(
        &self,
        debug: &DebugInfo<'_>,
        memory: &dyn Memory,
        longest: u64,
    ) -> Option<Vec<Self>> {
        let slice = if self.ty.as_slice().is_some() {
            self.clone()
        } else {
            self.at(
                debug,
                find(debug, &self.ty, |_, ty| ty.as_slice().is_some())?,
            )
        };
        let data = slice.field(debug, "data_ptr")?;
        let element = debug.ty(data.ty.target?);
        let start = data.read(memory)?;
        let length = slice.field(debug, "length")?.read(memory)?;
        if length > longest {
            return None;
        }
        let elements = (0..length).map(|i| Self::element(&element, start, i));
        Some(elements.collect())
    }

    /// The elements of a `VecDeque`, in order.
    pub(crate) fn deque(&self, debug: &DebugInfo<'_>, memory: &dyn Memory) -> Option<Vec<Self>> {
        let element = debug.ty(*self.ty.arguments.first()?);
        let head = self.field(debug, "head")?.read(memory)?;
        let length = self.field(debug, "len")?.read(memory)?;
        let buffer = self.field(debug, "buf")?;
        let capacity = buffer.named(debug, memory, "cap")?.read(memory)?;
        let start = memory.word(
            find(debug, &buffer.ty, |_, ty| ty.kind == Kind::Pointer)
                .map(|part| buffer.at(debug, part))?
                .address,
        )?;
        let wrap = |i: u64| {
            let i = head.wrapping_add(i);
            if i >= capacity {
                i.wrapping_sub(capacity)
            } else {
                i
            }
        };
        (length <= capacity && head <= capacity).then_some(())?;
        Some(
            (0..length.min(ELEMENTS))
                .map(|i| Self::element(&element, start, wrap(i)))
                .collect(),
        )
    }

    /// An element of a list of such values that starts there.
    pub(crate) fn element(ty: &Arc<Type>, start: u64, index: u64) -> Self {
        Self {
            ty: ty.clone(),
            address: start.wrapping_add(index.wrapping_mul(ty.size)),
        }
    }
}
