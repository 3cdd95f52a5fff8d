//! Results: of one type, or as the elements of a list.

use std::sync::Arc;

use super::Texts;
use crate::debug_info::{DebugInfo, Type, Value};
use crate::snapshot::Outcome;

pub(crate) const RESULT: &str = "core::result::Result<";
const DEQUE: &str = "alloc::collections::vec_deque::VecDeque<";
/// How many results of a list are looked at.
const MOST: usize = 10_000;

/// Whether a value of this type is a result, or a list, an array or an `Option` of results.
pub(crate) fn is_of_results(debug: &DebugInfo<'_>, ty: &Type) -> bool {
    is_result(ty) || element(debug, ty).is_some_and(|element| is_result(&element))
}

fn is_result(ty: &Type) -> bool {
    ty.name.starts_with(RESULT)
}

/// The type of what a list, an array or an `Option` has in it.
fn element(debug: &DebugInfo<'_>, ty: &Type) -> Option<Arc<Type>> {
    if ty.name.starts_with(DEQUE) || ty.name.starts_with("core::option::Option<") {
        return Some(debug.ty(*ty.arguments.first()?));
    }
    super::lists::element(debug, ty)
}

impl Texts<'_> {
    /// The results in a value, as many as are looked at, and how many there are. `None` if it can't be read.
    pub(crate) fn results(&self, value: &Value) -> Option<(Vec<Value>, u64)> {
        let (debug, memory) = (self.context.debug, self.context.memory);
        let one = |value: Option<Value>| {
            let count = u64::from(value.is_some());
            Some((value.into_iter().collect(), count))
        };
        if is_result(&value.ty) {
            one(Some(value.clone()))
        } else if value.ty.variants.is_some() {
            let some = value.variant(debug, memory, "Some");
            one(some.and_then(|some| some.field(debug, "__0")))
        } else if value.ty.name.starts_with(DEQUE) {
            let mut list = value.deque(debug, memory)?;
            let count = list.len() as u64;
            list.truncate(MOST);
            Some((list, count))
        } else {
            let list = self.list(value)?;
            Some((list.elements(MOST as u64), list.count))
        }
    }

    /// What a result says: that of a result in it, if it is a success. `None` if it can't be read.
    pub(crate) fn outcome(
        &self,
        value: &Value,
        of_error: impl Fn(&Value) -> Option<Outcome>,
    ) -> Option<Outcome> {
        let (debug, memory) = (self.context.debug, self.context.memory);
        let mut value = value.clone();
        while is_result(&value.ty) {
            if let Some(error) = value.variant(debug, memory, "Err") {
                let error = error.field(debug, "__0")?;
                let text = || Outcome::Error {
                    text: self.text(&error),
                };
                return Some(of_error(&error).unwrap_or_else(text));
            }
            value = value.variant(debug, memory, "Ok")?.field(debug, "__0")?;
        }
        Some(Outcome::Returned)
    }
}
