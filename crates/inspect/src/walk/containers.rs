//! The containers of the standard library that own elements.

use super::plan::{Elements, Plan};
use super::reach::{DEQUE, TABLE, TREE, VEC};
use crate::debug_info::{DebugInfo, Path, Spot, Type};
use crate::tokio::names::{self, Missing, Need};

/// How to find the elements of a hash table.
pub(crate) struct Table {
    /// One less than the number of buckets.
    pub(super) mask: Path,
    /// A byte for each bucket, and before them the buckets, from the last to the first.
    pub(super) control: Path,
    pub(super) items: Path,
    pub(super) elements: Elements,
}

/// The highest bit of a control byte says that the bucket is empty.
pub(super) const EMPTY: u8 = 0x80;

/// How to find the elements of a tree.
pub(crate) struct Tree {
    /// The root node, and how many levels are below it.
    pub(super) root: Path,
    pub(super) height: Path,
    /// How many elements the tree has.
    pub(super) length: Path,
    /// The number of a node's elements.
    pub(super) node_length: Path,
    /// Where a node's keys and values are.
    pub(super) fields: [(u64, Elements); 2],
    /// Where the pointers to the nodes below are, in a node that has any, and how many there are.
    pub(super) edges: u64,
    pub(super) most_edges: u64,
}

/// What to read of a container. `None` if the type is not one.
pub(super) fn plan(
    debug: &DebugInfo<'_>,
    ty: &Type,
    whole: &Spot,
) -> Option<Result<Option<Plan>, Missing>> {
    let is = |prefix: &str| ty.name.starts_with(prefix);
    if is(VEC) {
        Some(vec(debug, ty, whole))
    } else if is(DEQUE) {
        Some(deque(debug, ty, whole))
    } else if is(TABLE) {
        Some(table(debug, ty, whole))
    } else if is(TREE) {
        Some(tree(debug, ty, whole))
    } else {
        None
    }
}

/// A buffer does not know the type of the elements.
fn elements(debug: &DebugInfo<'_>, ty: &Type, argument: usize) -> Option<Elements> {
    let element = debug.ty(*ty.arguments.get(argument)?);
    Some(Elements {
        ty: element.id,
        size: element.size,
    })
}

fn path(debug: &DebugInfo<'_>, whole: &Spot, need: &Need) -> Result<Path, Missing> {
    need.locate(debug, whole).map(|spot| spot.path())
}

/// Where the nearest pointer is.
fn pointer(debug: &DebugInfo<'_>, whole: &Spot, need: &Need) -> Result<Option<Path>, Missing> {
    need.locate(debug, whole)
        .map(|buffer| buffer.pointer(debug).map(|start| start.path()))
}

fn vec(debug: &DebugInfo<'_>, ty: &Type, whole: &Spot) -> Result<Option<Plan>, Missing> {
    let start = pointer(debug, whole, &names::VEC_BUFFER)?;
    let length = path(debug, whole, &names::VEC_LENGTH)?;
    Ok(start
        .zip(elements(debug, ty, 0))
        .map(|(start, elements)| Plan::Vec {
            start,
            length,
            elements,
        }))
}

fn deque(debug: &DebugInfo<'_>, ty: &Type, whole: &Spot) -> Result<Option<Plan>, Missing> {
    let start = pointer(debug, whole, &names::DEQUE_BUFFER)?;
    let head = path(debug, whole, &names::DEQUE_HEAD)?;
    let length = path(debug, whole, &names::DEQUE_LENGTH)?;
    let capacity = path(debug, whole, &names::DEQUE_CAPACITY)?;
    Ok(start
        .zip(elements(debug, ty, 0))
        .map(|(start, elements)| Plan::Deque {
            start,
            head,
            length,
            capacity,
            elements,
        }))
}

fn table(debug: &DebugInfo<'_>, ty: &Type, whole: &Spot) -> Result<Option<Plan>, Missing> {
    let mask = path(debug, whole, &names::TABLE_MASK)?;
    let control = path(debug, whole, &names::TABLE_CONTROL)?;
    let items = path(debug, whole, &names::TABLE_ITEMS)?;
    Ok(elements(debug, ty, 0).map(|elements| {
        Plan::Table(Table {
            mask,
            control,
            items,
            elements,
        })
    }))
}

fn tree(debug: &DebugInfo<'_>, ty: &Type, whole: &Spot) -> Result<Option<Plan>, Missing> {
    let root = names::TREE_ROOT.locate(debug, whole)?;
    let node = names::TREE_NODE.locate(debug, &root)?;
    let Some(leaf) = node.target(debug) else {
        return Ok(None);
    };
    // Where a node's parts are does not depend on the way to the node.
    let leaf = Spot::whole(leaf.ty);
    let inner = Spot::whole(names::NODE_PARENT.locate(debug, &leaf)?.ty);
    let edges = names::NODE_EDGES.locate(debug, &inner)?;
    let keys = names::NODE_KEYS.locate(debug, &leaf)?;
    let values = names::NODE_VALUES.locate(debug, &leaf)?;
    let (Some(key), Some(value)) = (elements(debug, ty, 0), elements(debug, ty, 1)) else {
        return Ok(None);
    };
    let (Some(keys), Some(values), Some(at)) = (keys.offset(), values.offset(), edges.offset())
    else {
        return Ok(None);
    };
    Ok(Some(Plan::Tree(Tree {
        root: node.path(),
        height: names::TREE_HEIGHT.locate(debug, &root)?.path(),
        length: path(debug, whole, &names::TREE_LENGTH)?,
        node_length: path(debug, &leaf, &names::NODE_LENGTH)?,
        fields: [(keys, key), (values, value)],
        edges: at,
        most_edges: edges.ty.count,
    })))
}
