//! What handles refer to, of all tasks together, and what that holds itself.

use std::sync::Arc;

use foldhash::{HashMap, HashSet};

use super::Walker;
use super::plan::Shares;
use crate::debug_info::{Type, TypeId};
use crate::snapshot::{Address, AwaitTree, Counts, Handle, NameId, Object, ObjectId, Static};
use crate::tokio::names;
use crate::tokio::runtimes::is_count;

/// Every object is listed once, by its address and the name of its type. The compiler describes a type again in each
/// unit that uses it.
#[derive(Default)]
pub(crate) struct Objects {
    pub(crate) list: Vec<Object>,
    /// For each entry of the list.
    notes: Vec<Note>,
    ids: HashMap<(u64, NameId), ObjectId>,
    buffers: HashSet<(u64, u64)>,
}

struct Note {
    ty: TypeId,
    /// A handle owns it, so that what it holds is part of nothing else.
    owned: bool,
    /// It is worth noting even if it holds nothing.
    always: bool,
    /// It is reached from what is in the snapshot, and was looked into.
    reached: bool,
}

impl Objects {
    /// The object at this address. `counts` is only called if it is not known yet.
    pub(super) fn id(
        &mut self,
        ty: &Arc<Type>,
        shares: Shares,
        object: u64,
        owned: bool,
        counts: impl Fn() -> Counts,
    ) -> ObjectId {
        let id = *self.ids.entry((object, shares.name)).or_insert_with(|| {
            self.list.push(Object {
                address: Address(object),
                size: ty.size,
                align: ty.align,
                type_name: shares.name,
                label: None,
                is_buffer: false,
                counts: counts(),
                channel: None,
                handles: Vec::new(),
                futures: AwaitTree::default(),
            });
            self.notes.push(Note {
                ty: ty.id,
                owned,
                always: shares.always,
                reached: false,
            });
            ObjectId(u32::try_from(self.list.len() - 1).unwrap_or(u32::MAX))
        });
        if let Some(note) = self.notes.get_mut(id.0 as usize) {
            note.always |= shares.always;
            if owned && !note.owned {
                // A guard does not know how many share its lock.
                note.owned = true;
                self.list[id.0 as usize].counts = counts();
            }
        }
        id
    }

    /// Notes the name that the program gave an object.
    pub(super) fn label(&mut self, id: ObjectId, label: NameId) {
        if let Some(object) = self.list.get_mut(id.0 as usize) {
            object.label = Some(label);
        }
    }

    /// Memory that a local which may have been moved leads to.
    pub(super) fn add_buffer(&mut self, address: u64, size: u64, name: NameId) {
        if !self.buffers.insert((address, size)) {
            return;
        }
        self.list.push(Object {
            address: Address(address),
            size,
            align: 1,
            type_name: name,
            label: None,
            is_buffer: true,
            counts: Counts::default(),
            channel: None,
            handles: Vec::new(),
            futures: AwaitTree::default(),
        });
        self.notes.push(Note {
            ty: TypeId(0),
            owned: false,
            always: true,
            reached: true,
        });
    }
}

fn is_empty(tree: &AwaitTree) -> bool {
    tree.frames.is_empty() && tree.leaves.is_empty()
}

/// All handles of a tree.
fn handles(tree: &AwaitTree) -> impl Iterator<Item = &Handle> {
    let frames = tree.frames.iter().flat_map(|frame| &frame.handles);
    frames.chain(&tree.handles)
}

fn handles_mut(tree: &mut AwaitTree) -> impl Iterator<Item = &mut Vec<Handle>> {
    let frames = tree.frames.iter_mut().map(|frame| &mut frame.handles);
    frames.chain([&mut tree.handles])
}

impl Walker<'_> {
    /// Reads what static variables hold. Those that hold nothing are left out.
    pub(crate) fn statics(&mut self) -> Vec<Static> {
        let debug = self.context.debug;
        let mut found = Vec::new();
        for variable in &debug.index.statics {
            let address = debug.memory_address(variable.address);
            let mut futures = self.contents(variable.ty, address);
            let handles = std::mem::take(&mut futures.handles);
            if handles.is_empty() && is_empty(&futures) {
                continue;
            }
            let name = debug.index.path_of(variable);
            found.push(Static {
                of_signal_driver: name.starts_with(names::SIGNAL_STATICS),
                name,
                address: Address(address),
                type_name: self.plans.name(&debug.ty(variable.ty).name),
                handles,
                futures,
            });
        }
        found.sort_by_key(|variable| variable.address);
        // A static may be described in more than one unit.
        found.dedup_by_key(|variable| variable.address);
        found
    }

    /// Reads what is held by the objects that these trees lead to, each once.
    pub(crate) fn read_objects<'t>(
        &mut self,
        trees: impl Iterator<Item = &'t AwaitTree>,
        others: impl Iterator<Item = &'t Handle>,
    ) {
        let mut open: Vec<ObjectId> = trees
            .flat_map(handles)
            .chain(others)
            .map(|it| it.object)
            .collect();
        while let Some(id) = open.pop() {
            let number = id.0 as usize;
            let Some(note) = self.objects.notes.get_mut(number).filter(|it| !it.reached) else {
                continue;
            };
            note.reached = true;
            let object = &self.objects.list[number];
            // What is left of a value that was dropped says nothing.
            if !note.owned || !object.counts.strong.is_some_and(is_count) {
                continue;
            }
            let (ty, address) = (note.ty, object.address.0);
            let channel = self.plans.channel(self.context, ty);
            let channel = channel.map(|layout| layout.read(self.context, address));
            let mut futures = self.contents(ty, address);
            open.extend(handles(&futures).map(|it| it.object));
            let object = &mut self.objects.list[number];
            object.channel = channel;
            object.handles = std::mem::take(&mut futures.handles);
            object.futures = futures;
        }
    }

    /// Takes the objects out, without those that nothing leads to and those that turned out to hold nothing. The
    /// handles in these trees and in the objects get the new numbers.
    pub(crate) fn take_objects<'t>(
        &mut self,
        trees: impl Iterator<Item = &'t mut AwaitTree>,
        others: impl Iterator<Item = &'t mut Vec<Handle>>,
    ) -> Vec<Object> {
        let Objects { list, notes, .. } = std::mem::take(&mut self.objects);
        let mut numbers = Vec::with_capacity(list.len());
        let mut kept = Vec::with_capacity(list.len());
        for (object, note) in list.into_iter().zip(notes) {
            let holds = !object.handles.is_empty() || !is_empty(&object.futures);
            let keep = note.reached && (note.always || holds);
            numbers.push(keep.then_some(ObjectId(u32::try_from(kept.len()).unwrap_or(u32::MAX))));
            if keep {
                kept.push(object);
            }
        }
        let renumber = |handles: &mut Vec<Handle>| {
            handles.retain_mut(|handle| {
                let number = numbers.get(handle.object.0 as usize).copied().flatten();
                number.is_some_and(|number| {
                    handle.object = number;
                    true
                })
            });
        };
        trees.flat_map(handles_mut).chain(others).for_each(renumber);
        for object in &mut kept {
            renumber(&mut object.handles);
            handles_mut(&mut object.futures).for_each(renumber);
        }
        kept
    }
}
