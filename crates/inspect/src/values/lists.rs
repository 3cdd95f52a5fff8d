//! Values whose elements follow each other in memory.

use std::sync::Arc;

use super::Texts;
use crate::debug_info::{DebugInfo, Kind, Type, Value};

const VEC: &str = "alloc::vec::Vec<";

/// Where the elements are.
pub(super) struct List {
    start: u64,
    pub(super) count: u64,
    element: Arc<Type>,
}

impl List {
    /// The first elements, so many at most.
    pub(super) fn elements(&self, most: u64) -> Vec<Value> {
        let numbers = 0..self.count.min(most);
        let element = |number| Value::element(&self.element, self.start, number);
        numbers.map(element).collect()
    }
}

/// The type of the elements of a vector, a slice or an array. `None` for other types.
pub(super) fn element(debug: &DebugInfo<'_>, ty: &Type) -> Option<Arc<Type>> {
    let id = if ty.name.starts_with(VEC) {
        *ty.arguments.first()?
    } else if ty.kind == Kind::Array {
        ty.target?
    } else {
        ty.as_slice()?;
        debug.ty(ty.field("data_ptr")?.ty).target?
    };
    Some(debug.ty(id))
}

impl Texts<'_> {
    /// The elements of a vector, a slice or an array. `None` for other values, and if they can't be read.
    pub(super) fn list(&self, value: &Value) -> Option<List> {
        let (debug, memory) = (self.context.debug, self.context.memory);
        let element = element(debug, &value.ty)?;
        let (start, count) = if value.ty.kind == Kind::Array {
            (value.address, value.ty.count)
        } else if value.ty.as_slice().is_some() {
            let start = value.field(debug, "data_ptr")?.read(memory)?;
            (start, value.field(debug, "length")?.read(memory)?)
        } else {
            let length = value.field(debug, "len")?.read(memory)?;
            (value.target(debug, memory)?.address, length)
        };
        // A length that leads out of the memory is not the length of this list.
        let size = count.checked_mul(element.size)?;
        let is_readable = |last: u64| memory.uint(start.wrapping_add(last), 1).is_some();
        size.checked_sub(1).is_none_or(is_readable).then_some(List {
            start,
            count,
            element,
        })
    }
}
