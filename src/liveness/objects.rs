//! Which handles lead to an address, and whether they are all that exist.

use foldhash::fast::FixedState;
use unstuck_inspect::snapshot::{
    Address, Channel, ChannelKind, Counts, FrameIndex, Handle, HandleKind, Object, ObjectId,
    Snapshot,
};

use super::actor::Actor;
use super::maps::HashMap;
use super::reach::Vertex;

/// A handle, and what holds it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Held<'s> {
    pub(super) handle: &'s Handle,
    pub(super) keeper: Keeper,
    /// It, or the value that it is in, may have been dropped or moved.
    pub(super) maybe_dropped: bool,
    /// The vertex of the keeper: once it is live, the handle may be used or dropped.
    pub(super) scope: Vertex,
}

/// What holds a handle.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Keeper {
    /// An async function of an actor, or the actor itself outside of those.
    Actor(Actor, Option<FrameIndex>),
    /// A shared value, or the queue of a channel: whoever reaches it reaches the handle.
    Value(ObjectId),
    /// A static, by its number.
    Static(usize),
}

impl Keeper {
    /// The actor that holds it by itself.
    pub(super) fn actor(self) -> Option<Actor> {
        match self {
            Self::Actor(actor, _) => Some(actor),
            Self::Value(_) | Self::Static(_) => None,
        }
    }
}

/// The objects of a snapshot by address, without buffers. One lies wholly within another, or beside it.
pub(super) struct Objects<'s> {
    snapshot: &'s Snapshot,
    /// By start, the outer one first.
    spans: Vec<Span>,
    of_object: Vec<usize>,
    handles: Vec<Vec<Held<'s>>>,
    /// For each span, the object in it that is in an `Arc` or `Rc`.
    shared: Vec<Option<ObjectId>>,
}

struct Span {
    start: u64,
    end: u64,
    /// The innermost one around it.
    outer: Option<usize>,
}

impl<'s> Objects<'s> {
    pub(super) fn of(snapshot: &'s Snapshot) -> Self {
        let extent = |index: usize| {
            let object = &snapshot.objects[index];
            let start = object.address.0;
            (start, start.saturating_add(object.size.max(1)))
        };
        let all = 0..snapshot.objects.len();
        let mut order: Vec<usize> = all.filter(|it| !snapshot.objects[*it].is_buffer).collect();
        order.sort_by_key(|index| {
            let (start, end) = extent(*index);
            (start, std::cmp::Reverse(end))
        });
        let mut spans: Vec<Span> = Vec::new();
        let mut of_object = vec![0; snapshot.objects.len()];
        for index in order {
            let (start, end) = extent(index);
            let is_new = spans
                .last()
                .is_none_or(|last| (last.start, last.end) != (start, end));
            if is_new {
                let mut outer = spans.len().checked_sub(1);
                while let Some(at) = outer.filter(|at| spans[*at].end < end) {
                    outer = spans[at].outer;
                }
                spans.push(Span { start, end, outer });
            }
            of_object[index] = spans.len() - 1;
        }
        let mut shared = vec![None; spans.len()];
        for (id, object) in (0..).map(ObjectId).zip(&snapshot.objects) {
            if object.counts.strong.is_some() {
                shared[of_object[id.0 as usize]].get_or_insert(id);
            }
        }
        Self {
            snapshot,
            shared,
            handles: spans.iter().map(|_| Vec::new()).collect(),
            spans,
            of_object,
        }
    }

    /// The address of the outermost object that this one is in.
    pub(super) fn root(&self, object: ObjectId) -> Address {
        self.outermost(self.of_object[object.0 as usize])
    }

    /// The address of the outermost object that this address is in.
    pub(super) fn root_at(&self, address: Address) -> Option<Address> {
        Some(self.outermost(self.innermost(address)?))
    }

    fn outermost(&self, span: usize) -> Address {
        let mut root = span;
        while let Some(outer) = self.spans[root].outer {
            root = outer;
        }
        Address(self.spans[root].start)
    }

    /// The outermost shared value that the address is in: who has none of its addresses can't use it.
    pub(super) fn shared_at(&self, address: Address) -> Option<ObjectId> {
        let mut at = self.innermost(address);
        let mut found = None;
        while let Some(index) = at {
            found = self.shared[index].or(found);
            at = self.spans[index].outer;
        }
        found
    }

    /// The handles of an object, and of what is in it.
    pub(super) fn handles_within(&self, object: ObjectId) -> impl Iterator<Item = &Held<'s>> {
        let index = self.of_object[object.0 as usize];
        let end = self.spans[index].end;
        let spans = self.spans[index..].iter().zip(&self.handles[index..]);
        let inner = spans.take_while(move |(span, _)| span.start < end);
        inner.flat_map(|(_, all)| all)
    }

    /// The innermost span that the address is in.
    fn innermost(&self, address: Address) -> Option<usize> {
        let after = self.spans.partition_point(|span| span.start <= address.0);
        let mut at = after.checked_sub(1);
        while let Some(index) = at.filter(|at| self.spans[*at].end <= address.0) {
            at = self.spans[index].outer;
        }
        at
    }

    /// The start of the innermost object that the address is in.
    pub(super) fn start_of(&self, address: Address) -> Option<Address> {
        let innermost = self.innermost(address)?;
        Some(Address(self.spans[innermost].start))
    }

    pub(super) fn add(&mut self, held: Held<'s>) {
        let span = self.of_object.get(held.handle.object.0 as usize);
        if let Some(span) = span {
            self.handles[*span].push(held);
        }
    }

    /// The handles of all objects that the address is in, the innermost object first. One that was found twice is there
    /// once, and certain if it was so once.
    pub(super) fn handles_at(&self, address: Address) -> Vec<Held<'s>> {
        let innermost = self.innermost(address);
        let around = || std::iter::successors(innermost, |index| self.spans[*index].outer);
        // There may be many.
        let count = around().map(|index| self.handles[index].len()).sum();
        let mut found: Vec<Held<'s>> = Vec::with_capacity(count);
        let mut places: HashMap<(u64, Option<Actor>), usize> =
            HashMap::with_capacity_and_hasher(count, FixedState::default());
        for held in around().flat_map(|index| &self.handles[index]) {
            let key = (held.handle.address.0, held.keeper.actor());
            let place = *places.entry(key).or_insert(found.len());
            match found.get_mut(place) {
                Some(known) if known.maybe_dropped => *known = *held,
                Some(_) => {}
                None => found.push(*held),
            }
        }
        found
    }

    /// What a handle refers to.
    pub(super) fn object(&self, held: &Held<'_>) -> &'s Object {
        &self.snapshot[held.handle.object]
    }

    pub(super) fn counts(&self, held: &Held<'_>) -> &'s Counts {
        &self.object(held).counts
    }

    pub(super) fn channel(&self, held: &Held<'_>) -> Option<&'s Channel> {
        self.snapshot[held.handle.object].channel.as_ref()
    }

    /// How many receivers take from the queue that an object is. `None` if it is none.
    pub(super) fn receivers(&self, object: ObjectId) -> Option<u64> {
        let channel = self.snapshot[object].channel;
        if channel.is_some_and(|channel| channel.kind == ChannelKind::Mpmc) {
            return self.snapshot[object].counts.receivers;
        }
        // There is one receiver, or none that could take anything.
        self.is_channel(object).then_some(1)
    }

    /// Whether an object is an mpsc channel. Others count their receivers, too, or not even their senders.
    pub(super) fn is_channel(&self, object: ObjectId) -> bool {
        let counts = &self.snapshot[object].counts;
        counts.senders.is_some() && counts.receivers.is_none()
    }
}

/// Whether a handle counts as a strong one of the `Arc` or `Rc` that its object is in. A guard or permit may borrow.
pub(super) fn is_strong(handle: &Handle) -> bool {
    match handle.kind {
        HandleKind::Arc
        | HandleKind::Rc
        | HandleKind::Event
        | HandleKind::CancellationToken
        | HandleKind::TrackedTask
        | HandleKind::MpscSender
        | HandleKind::MpscWeakSender
        | HandleKind::MpscReceiver
        | HandleKind::ChannelSender
        | HandleKind::ChannelReceiver
        | HandleKind::OneshotSender
        | HandleKind::OneshotReceiver
        | HandleKind::WatchSender
        | HandleKind::WatchReceiver
        | HandleKind::BroadcastSender
        | HandleKind::BroadcastWeakSender
        | HandleKind::BroadcastReceiver => true,
        HandleKind::MutexGuard
        | HandleKind::RwLockReadGuard
        | HandleKind::RwLockWriteGuard
        | HandleKind::SemaphorePermit { .. } => handle.owns,
        _ => false,
    }
}

/// Whether a guard borrows its lock, so that it does not leave the task that took it.
pub(super) fn borrows(held: &Held<'_>) -> bool {
    let is_guard = matches!(
        held.handle.kind,
        HandleKind::MutexGuard | HandleKind::RwLockReadGuard | HandleKind::RwLockWriteGuard
    );
    is_guard && !held.handle.owns
}

/// What a count says of the holders that were found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Reconciled {
    /// The count is that of the handles that can't have been dropped: no other exists.
    All,
    /// The count is that of all handles that were found, some of which may have been dropped.
    AllIfNoneDropped,
    /// The count is higher than the number of handles that were found, by this many.
    Missing(u64),
    /// More handles were found than exist, and which of them were dropped is not known.
    Ambiguous,
    /// Nothing counts them.
    Uncounted,
}

/// Compares the holders that were found with their number by the count.
pub(super) fn reconcile(certain: u64, maybe_dropped: u64, count: Option<u64>) -> Reconciled {
    let Some(count) = count else {
        return Reconciled::Uncounted;
    };
    let found = certain.saturating_add(maybe_dropped);
    if found < count {
        Reconciled::Missing(count - found)
    } else if certain == count {
        Reconciled::All
    } else if found == count {
        Reconciled::AllIfNoneDropped
    } else {
        Reconciled::Ambiguous
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_count_tells_whether_all_holders_were_found() {
        for (certain, maybe_dropped, count, expected) in [
            (2, 0, Some(2), Reconciled::All),
            (2, 3, Some(2), Reconciled::All),
            (1, 1, Some(2), Reconciled::AllIfNoneDropped),
            (1, 0, Some(2), Reconciled::Missing(1)),
            (1, 2, Some(2), Reconciled::Ambiguous),
            (3, 0, Some(2), Reconciled::Ambiguous),
            (1, 0, None, Reconciled::Uncounted),
        ] {
            assert_eq!(reconcile(certain, maybe_dropped, count), expected);
        }
    }
}
