//! Task groups: what their scopes wait for, and who ends that.

use unstuck_inspect::snapshot::{Address, HandleKind, Lifecycle, ObjectId, Snapshot};

use super::super::actor::Actor;
use super::super::maps::{HashMap, HashSet};
use super::super::objects::{Held, Objects, Reconciled, is_strong};
use super::super::reach::Vertex;
use super::{Found, Graph, Source};

/// The objects that are task groups.
pub(super) fn of(snapshot: &Snapshot) -> HashMap<Address, ObjectId> {
    let objects = (0..).map(ObjectId).zip(&snapshot.objects);
    let groups = objects.filter(|(_, object)| object.counts.members.is_some());
    groups.map(|(id, object)| (object.address, id)).collect()
}

impl<'s> Graph<'s> {
    /// The tasks of a group that have not ended.
    pub(super) fn members_of(&self, group: Address) -> Found<'s> {
        let Some(group) = self.groups.get(&group) else {
            return Found::default();
        };
        let group = &self.snapshot[*group];
        let handles = group.handles.iter();
        let handles = handles.filter(|handle| handle.kind == HandleKind::AbortHandle);
        let mut seen = HashSet::default();
        let tasks = handles.map(|handle| self.snapshot[handle.object].address);
        let actors = tasks.filter_map(|task| self.actor_at(task));
        // A group keeps the memory of a few that have ended.
        let actors = actors.filter(|actor| !self.has_ended(*actor) && seen.insert(*actor));
        let sources: Vec<_> = actors.map(Source::End).collect();
        let count = group.counts.members;
        let found = sources.len() as u64;
        let reconciled = match count {
            Some(count) if count == found => Reconciled::All,
            Some(count) if count > found => Reconciled::Missing(count - found),
            Some(_) => Reconciled::Ambiguous,
            None => Reconciled::Uncounted,
        };
        Found {
            sources,
            count,
            reconciled,
            has_come: count == Some(0),
            ..Found::default()
        }
    }

    /// Whoever has a handle of a group can cancel it, its tasks by failing. Whoever has one of a pool can close it.
    pub(super) fn end_by_holders(&mut self, of: Address, wait: Vertex, objects: &Objects<'s>) {
        let handles = objects.handles_at(of);
        let can_get =
            |held: &&Held<'_>| is_strong(held.handle) || held.handle.kind == HandleKind::Weak;
        for held in handles.iter().filter(can_get) {
            self.cancel(held.scope, wait);
        }
    }

    fn has_ended(&self, actor: Actor) -> bool {
        matches!(actor, Actor::Task(index)
            if self.snapshot.tasks[index].state.lifecycle == Lifecycle::Complete)
    }
}
