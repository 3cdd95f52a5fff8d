//! Who waits for whom: through locks and permits, and through task groups.

use std::collections::{BTreeMap, BTreeSet};

use super::{Wait, Waits};
use crate::observe::{
    GroupSeen, ResourceKind, ResourceSeen, Snapshot, TaskId, TaskState, WaiterSeen,
};

/// How many rings are looked for: more explain nothing.
const RINGS: usize = 8;

/// Who waits for whom in one snapshot.
pub(super) struct Graph<'s> {
    seen: &'s Snapshot,
    parked: BTreeSet<TaskId>,
    queues: BTreeMap<TaskId, Vec<Queued<'s>>>,
    hopeless: BTreeSet<TaskId>,
}

/// A place in the queue of a resource.
#[derive(Clone, Copy)]
pub(super) struct Queued<'s> {
    pub(super) resource: &'s ResourceSeen,
    at: usize,
}

/// A task that waits, and what it waits through for the next one.
#[derive(Clone, Copy)]
pub(super) struct Step<'s> {
    pub(super) task: TaskId,
    pub(super) through: Through<'s>,
}

/// What one task waits for another one through.
#[derive(Clone, Copy)]
pub(super) enum Through<'s> {
    /// The other one has taken it.
    Lock(&'s ResourceSeen),
    /// The other one is a child.
    Group(&'s GroupSeen),
}

impl<'s> Queued<'s> {
    pub(super) fn waiter(&self) -> &'s WaiterSeen {
        &self.resource.waiters[self.at]
    }
}

impl<'s> Graph<'s> {
    pub(super) fn of(seen: &'s Snapshot, waits: &Waits<'s>) -> Self {
        let parked = seen.tasks.iter().filter_map(|task| match task.state {
            TaskState::Parked(_) => Some(task.id),
            TaskState::Polling | TaskState::Ended(_) => None,
        });
        let mut queues: BTreeMap<TaskId, Vec<Queued<'s>>> = BTreeMap::new();
        for resource in &seen.resources {
            for (at, waiter) in resource.waiters.iter().enumerate() {
                if let Some(task) = waiter.task
                    && !waiter.is_granted()
                {
                    let place = Queued { resource, at };
                    queues.entry(task).or_default().push(place);
                }
            }
        }
        let mut graph = Self {
            seen,
            parked: parked.collect(),
            queues,
            hopeless: BTreeSet::new(),
        };
        graph.hopeless = graph.find_hopeless(waits);
        graph
    }

    /// The queues in which a task waits.
    pub(super) fn queues(&self, task: TaskId) -> &[Queued<'s>] {
        self.queues.get(&task).map_or(&[], Vec::as_slice)
    }

    /// Whether nothing but the queues of locks and permits can wake the task.
    pub(super) fn is_only_queued(&self, task: TaskId) -> bool {
        let queues = self.queues(task);
        let only = |queued: &Queued<'_>| queued.waiter().only;
        self.parked.contains(&task) && !queues.is_empty() && queues.iter().all(only)
    }

    /// Whether the task will never go on, whatever any task outside of its plight does: all that can wake
    /// it has to be given back by tasks of which the same holds. A program can only still cancel it.
    pub(super) fn is_hopeless(&self, task: TaskId) -> bool {
        self.hopeless.contains(&task)
    }

    /// All of which that holds.
    pub(super) fn hopeless(&self) -> impl Iterator<Item = TaskId> {
        self.hopeless.iter().copied()
    }

    /// Takes everybody for hopeless, and drops those that need not be, until all that are left hold up
    /// one another.
    fn find_hopeless(&self, waits: &Waits<'_>) -> BTreeSet<TaskId> {
        let mut all = self.parked.clone();
        loop {
            let stays = |task: &TaskId| {
                if self.is_only_queued(*task) {
                    let mut queues = self.queues(*task).iter();
                    return queues.all(|queued| is_shut(queued, &all));
                }
                let waits = waits.on(*task);
                let lost = |wait: &Wait<'_>| match wait {
                    Wait::Event { event, .. } => !event.set && event.setters == 0,
                    // One that fails might have the others cancelled.
                    Wait::Group { group, .. } => {
                        let mut open = group.open.iter();
                        !group.open.is_empty() && open.all(|child| all.contains(child))
                    }
                    _ => false,
                };
                self.seen.dumped && !waits.is_empty() && waits.iter().all(lost)
            };
            let left: BTreeSet<TaskId> = all.iter().copied().filter(stays).collect();
            if left.len() == all.len() {
                return left;
            }
            all = left;
        }
    }

    /// Tasks that wait for one another in a ring. No ring twice, and none within a single resource.
    pub(super) fn rings(&self) -> Vec<Vec<Step<'s>>> {
        let mut rings: BTreeMap<BTreeSet<TaskId>, Vec<Step<'s>>> = BTreeMap::new();
        let mut visited: BTreeSet<TaskId> = BTreeSet::new();
        for task in &self.parked {
            // The way from the task, and for each on it the steps that are still to be tried.
            let mut way: Vec<(TaskId, Vec<(Through<'s>, TaskId)>)> = Vec::new();
            if visited.insert(*task) {
                way.push((*task, self.steps(*task)));
            }
            while let Some((_, steps)) = way.last_mut() {
                let Some((_, next)) = steps.last().copied() else {
                    way.pop();
                    if let Some((_, steps)) = way.last_mut() {
                        steps.pop();
                    }
                    continue;
                };
                if let Some(from) = way.iter().position(|(task, _)| *task == next) {
                    let ring: Vec<Step<'s>> = way[from..].iter().filter_map(step).collect();
                    if !is_of_one_resource(&ring) && rings.len() < RINGS {
                        let members = ring.iter().map(|step| step.task).collect();
                        rings.entry(members).or_insert(ring);
                    }
                } else if visited.insert(next) {
                    way.push((next, self.steps(next)));
                    continue;
                }
                if let Some((_, steps)) = way.last_mut() {
                    steps.pop();
                }
            }
        }
        rings.into_values().collect()
    }

    /// Whom a task waits for, other than itself.
    fn steps(&self, task: TaskId) -> Vec<(Through<'s>, TaskId)> {
        let mut steps = Vec::new();
        for queued in self.queues(task) {
            let through = Through::Lock(queued.resource);
            let takers = takers(queued.resource).into_iter();
            steps.extend(takers.map(|(other, ..)| (through, other)));
        }
        for group in &self.seen.groups {
            if group.waiter == task {
                let through = Through::Group(group);
                steps.extend(group.open.iter().map(|child| (through, *child)));
            }
        }
        steps.retain(|(_, other)| *other != task && self.parked.contains(other));
        steps
    }
}

/// Whether a request can never be met if the tasks of `lost` never go on.
fn is_shut(queued: &Queued<'_>, lost: &BTreeSet<TaskId>) -> bool {
    let resource = queued.resource;
    // To the others, anybody may add permits; and what is not on an account may come back.
    if !matches!(resource.kind, ResourceKind::Mutex | ResourceKind::RwLock) || resource.missing > 0
    {
        return false;
    }
    let is_lost = |task: Option<TaskId>| task.is_some_and(|task| lost.contains(&task));
    // It is they who hold up the first in the queue, and so the rest.
    let takers = takers(resource);
    if !takers.iter().any(|(task, ..)| lost.contains(task)) {
        return false;
    }
    // Nobody is served before those ahead are.
    let mut ahead = resource.waiters[..queued.at].iter();
    if ahead.any(|other| !other.is_granted() && is_lost(other.task)) {
        return true;
    }
    let holders = resource.holders.iter();
    let held: usize = holders
        .filter(|holder| !(holder.certain && is_lost(holder.task)))
        .map(|holder| holder.permits)
        .sum();
    let others = resource.waiters.iter();
    let got: usize = others
        .filter(|other| !is_lost(other.task))
        .map(|other| other.got)
        .sum();
    let waiter = queued.waiter();
    waiter.got + held + got < waiter.wants
}

/// The tasks that have permits of a resource, how many, and whether that is certain: who holds them, and
/// to whom they were granted.
pub(super) fn takers(resource: &ResourceSeen) -> Vec<(TaskId, usize, bool)> {
    let holders = resource.holders.iter();
    let holders = holders.filter_map(|it| Some((it.task?, it.permits, it.certain)));
    let granted = resource.waiters.iter().filter(|it| it.is_granted());
    let granted = granted.filter_map(|it| Some((it.task?, it.got, true)));
    holders.chain(granted).collect()
}

fn step<'s>((task, steps): &(TaskId, Vec<(Through<'s>, TaskId)>)) -> Option<Step<'s>> {
    let (through, _) = *steps.last()?;
    Some(Step {
        task: *task,
        through,
    })
}

/// Such a ring is no matter of order: somebody waits for what they hold themselves.
fn is_of_one_resource(ring: &[Step<'_>]) -> bool {
    let locks = ring.iter().map(|step| match step.through {
        Through::Lock(resource) => Some(resource),
        Through::Group(_) => None,
    });
    let locks: Option<Vec<&ResourceSeen>> = locks.collect();
    locks.is_some_and(|locks| locks.iter().all(|lock| std::ptr::eq(*lock, locks[0])))
}
