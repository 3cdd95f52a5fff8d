//! The table of `parking_lot`, which Tokio's locks use: it tells where threads wait, and has nothing of the program.

use std::ops::Range;

use super::names;
use crate::context::Context;
use crate::debug_info::Value;

/// A table that has become too small is kept, and leads to the one before. More than there can be.
const TABLES: usize = 64;

/// Where its buckets are. They are padded with what was on some stack when they were made, addresses included.
pub(crate) fn buckets(context: &Context<'_>) -> Vec<Range<u64>> {
    let (debug, memory) = (context.debug, context.memory);
    let (namespace, name) = names::PARKING_TABLE;
    let table = debug.index.static_variable(namespace, name);
    let table = table.and_then(|table| {
        let place = Value::new(debug.ty(table.ty), debug.memory_address(table.address));
        place.target(debug, memory)
    });
    let before = |table: &Value| names::PARKING_BEFORE.find(debug, memory, table);
    let tables = std::iter::successors(table, before).take(TABLES);
    let buckets = tables.filter_map(|table| {
        let entries = names::PARKING_ENTRIES.find(debug, memory, &table)?;
        let length = entries.field(debug, "length")?.read(memory)?;
        let first = entries.field(debug, "data_ptr")?.target(debug, memory)?;
        let size = first.ty.size.checked_mul(length)?;
        Some(first.address..first.address.checked_add(size)?)
    });
    buckets.collect()
}
