//! Shared values that may have been freed: all who have a handle of one may have dropped it.
//!
//! What is read there may be left over, or part of something else by now.

use unstuck_inspect::snapshot::{
    Address, AwaitTree, Counts, Handle, HandleKind, ObjectId, Snapshot,
};

use super::actor::Actor;
use super::graph::{ResourceKind, handles_in};
use super::maps::{HashMap, HashSet};
use super::objects::{Objects, is_strong};
use super::pointers::Pointers;

/// The values, and the buffers, that may have been freed.
#[derive(Debug, Default)]
pub(super) struct MaybeFreed(HashSet<ObjectId>);

impl MaybeFreed {
    pub(super) fn of(snapshot: &Snapshot, objects: &Objects<'_>, pointers: &Pointers<'_>) -> Self {
        if !all_handles(snapshot).any(|handle| handle.maybe_dropped) {
            return Self::default();
        }
        let ids = (0..).map(ObjectId).zip(&snapshot.objects);
        let (buffers, values): (Vec<_>, Vec<_>) = ids.partition(|(_, object)| object.is_buffer);
        let ids = values.iter().map(|(id, _)| *id);
        let mut by_root: Vec<_> = ids.map(|id| (objects.root(id), id)).collect();
        by_root.sort_unstable();
        let mut kept = Kept {
            snapshot,
            objects,
            by_root: &by_root,
            roots: HashSet::default(),
            buffers: HashSet::default(),
            open: Vec::new(),
        };
        let buffers: Vec<_> = buffers.iter().map(|(id, _)| *id).collect();
        for actor in Actor::all(snapshot) {
            kept.add_all(actor.handles(snapshot).map(|(handle, _)| handle));
            kept.add_waits(actor.futures(snapshot));
        }
        for it in &snapshot.statics {
            kept.add_all(handles_in(&it.handles, &it.futures));
            kept.add_waits(Some(&it.futures));
        }
        kept.close();
        while kept.confirm(&buffers, pointers) {
            kept.close();
        }
        let all = by_root.iter().map(|(_, id)| *id).chain(buffers);
        Self(all.filter(|id| !kept.contains(*id)).collect())
    }

    pub(super) fn contains(&self, object: ObjectId) -> bool {
        self.0.contains(&object)
    }
}

fn all_handles(snapshot: &Snapshot) -> impl Iterator<Item = &Handle> {
    let of_actors = Actor::all(snapshot).flat_map(|actor| actor.handles(snapshot));
    let of_actors = of_actors.map(|(handle, _)| handle);
    let of_values = snapshot.objects.iter();
    of_actors.chain(of_values.flat_map(|it| handles_in(&it.handles, &it.futures)))
}

/// The outermost objects that exist for sure.
struct Kept<'a, 's> {
    snapshot: &'s Snapshot,
    objects: &'a Objects<'s>,
    /// All objects, sorted by the address of the outermost object around each.
    by_root: &'a [(Address, ObjectId)],
    roots: HashSet<Address>,
    /// Buffers of which the same holds.
    buffers: HashSet<ObjectId>,
    /// Those of which what is in them was not yet looked at.
    open: Vec<Address>,
}

impl<'a, 's> Kept<'a, 's> {
    fn contains(&self, object: ObjectId) -> bool {
        if self.snapshot[object].is_buffer {
            return self.buffers.contains(&object);
        }
        self.roots.contains(&self.objects.root(object))
    }

    fn add(&mut self, root: Address) {
        if self.roots.insert(root) {
            self.open.push(root);
        }
    }

    fn add_all<'h>(&mut self, handles: impl Iterator<Item = &'h Handle>) {
        for handle in handles.filter(|it| !it.maybe_dropped) {
            self.add(self.objects.root(handle.object));
        }
    }

    /// A future that waits for something keeps that.
    fn add_waits(&mut self, futures: Option<&AwaitTree>) {
        let Some(futures) = futures else { return };
        for leaf in &futures.leaves {
            if !futures.maybe_dropped(leaf.held_in, leaf.frame)
                && let Some((_, address)) = ResourceKind::of(&leaf.waits_for)
                && let Some(root) = self.objects.root_at(address)
            {
                self.add(root);
            }
        }
    }

    fn within(&self, root: Address) -> impl Iterator<Item = ObjectId> + use<'a> {
        let start = self.by_root.partition_point(|(it, _)| *it < root);
        let within = self.by_root[start..].iter();
        within
            .take_while(move |(it, _)| *it == root)
            .map(|(_, id)| *id)
    }

    /// Adds what is in those that exist.
    fn close(&mut self) {
        while let Some(root) = self.open.pop() {
            for id in self.within(root) {
                let object = &self.snapshot[id];
                self.add_all(handles_in(&object.handles, &object.futures));
                self.add_waits(Some(&object.futures));
            }
        }
    }

    /// Adds the buffers and values of which a search of memory found no address but in what exists, if those of a value
    /// are still counted by it. Whether any was added.
    fn confirm(&mut self, buffers: &[ObjectId], pointers: &Pointers<'_>) -> bool {
        let is_reached_by_known = |kept: &Self, object: ObjectId| {
            pointers.places(object).is_some_and(|places| {
                let exists = |object| kept.contains(object);
                let is_known = |place| pointers.part(place, &exists).is_some();
                // Something must lead there, or the search has missed it.
                !places.is_empty() && places.iter().all(is_known)
            })
        };
        let mut found = false;
        for buffer in buffers {
            if !self.buffers.contains(buffer) && is_reached_by_known(self, *buffer) {
                self.buffers.insert(*buffer);
                found = true;
            }
        }
        for (root, handles) in self.handles_of_others() {
            if let Some(object) = self.objects.shared_at(root)
                && counts(&handles, &self.snapshot[object].counts)
                && is_reached_by_known(self, object)
            {
                self.add(root);
                found = true;
            }
        }
        found
    }

    /// The handles that were found of values that may have been freed, by their addresses.
    fn handles_of_others(&self) -> HashMap<Address, HashMap<Address, &'s Handle>> {
        let snapshot = self.snapshot;
        let mut handles: HashMap<_, HashMap<_, _>> = HashMap::default();
        let of_actors = Actor::all(snapshot).flat_map(|actor| actor.handles(snapshot));
        let of_actors = of_actors.map(|(handle, _)| handle);
        let values = self.by_root.iter();
        let values = values.filter(|(root, _)| self.roots.contains(root));
        let of_values = values.flat_map(|(_, id)| {
            let object = &snapshot[*id];
            handles_in(&object.handles, &object.futures)
        });
        for handle in of_actors.chain(of_values) {
            let root = self.objects.root(handle.object);
            if !self.roots.contains(&root) {
                let same = handles.entry(root).or_default();
                same.insert(handle.address, handle);
            }
        }
        handles
    }
}

/// Whether the counts of a value are those of some of these handles. Those in memory that was freed are hardly ever.
fn counts(handles: &HashMap<Address, &Handle>, counts: &Counts) -> bool {
    let found = |is_one: &dyn Fn(&Handle) -> bool| {
        handles.values().filter(|handle| is_one(handle)).count() as u64
    };
    let (strong, weak) = (found(&is_strong), found(&|it| it.kind == HandleKind::Weak));
    let is_strong = counts
        .strong
        .is_some_and(|count| (1..=strong).contains(&count));
    is_strong && counts.weak.is_some_and(|count| count <= weak)
}
