//! Who waits for whom: through locks and permits, through task groups, and through handles.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::by_task::ByTask;
use super::hidden::{self, HiddenTimer};
use super::verdict::may_be_woken;
use super::{Wait, Waits, joins};
use crate::observe::{
    GroupSeen, ResourceKind, ResourceSeen, Snapshot, TaskId, TaskState, WaiterSeen,
};

/// How many rings are looked for: more explain nothing.
const RINGS: usize = 8;

/// Who waits for whom in one snapshot.
pub(super) struct Graph<'s> {
    seen: &'s Snapshot,
    /// Those that are parked in a queue, on a group or on handles.
    waiting: BTreeSet<TaskId>,
    queues: ByTask<Queued<'s>>,
    groups: ByTask<&'s GroupSeen>,
    joins: BTreeMap<TaskId, Vec<TaskId>>,
    /// For each resource the tasks that have permits of it, and wait for something themselves.
    takers: Vec<Vec<TaskId>>,
    hopeless: BTreeSet<TaskId>,
}

/// A place in the queue of a resource.
#[derive(Clone, Copy)]
pub(super) struct Queued<'s> {
    pub(super) resource: &'s ResourceSeen,
    /// The place of the resource in the snapshot.
    number: usize,
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
    /// The other one is to end, most likely: see [`joins`].
    Handle,
}

impl<'s> Queued<'s> {
    pub(super) fn waiter(&self) -> &'s WaiterSeen {
        &self.resource.waiters[self.at]
    }
}

impl<'s> Graph<'s> {
    pub(super) fn of(seen: &'s Snapshot, waits: &Waits<'s>) -> Self {
        let resources = || seen.resources.iter().enumerate();
        let places = resources().flat_map(|(number, resource)| {
            let waiters = resource.waiters.iter().enumerate();
            let waiting = waiters.filter(|(_, waiter)| !waiter.is_granted());
            waiting.filter_map(move |(at, waiter)| {
                let place = Queued {
                    resource,
                    number,
                    at,
                };
                Some((waiter.task?, place))
            })
        });
        let queues: ByTask<_> = places.collect();
        let groups: ByTask<_> = seen.groups.iter().map(|it| (it.waiter, it)).collect();
        let joins = joins::of(seen, waits);
        let waits_itself =
            |task: &TaskId| queues.has(*task) || groups.has(*task) || joins.contains_key(task);
        let waiting = parked(seen).filter(waits_itself);
        let takers = resources().map(|(_, it)| takers(it).filter(waits_itself).collect());
        let mut graph = Self {
            seen,
            waiting: waiting.collect(),
            takers: takers.collect(),
            queues,
            groups,
            joins,
            hopeless: BTreeSet::new(),
        };
        graph.hopeless = graph.find_hopeless(waits);
        graph
    }

    /// The queues in which a task waits.
    pub(super) fn queues(&self, task: TaskId) -> impl Iterator<Item = &Queued<'s>> {
        self.queues.of(task)
    }

    /// Whether nothing but the queues of locks and permits can wake the task.
    pub(super) fn is_only_queued(&self, task: TaskId) -> bool {
        let mut queues = self.queues(task);
        let only = |queued: &Queued<'_>| queued.waiter().only;
        self.queues.has(task) && queues.all(only) && self.waiting.contains(&task)
    }

    /// Whether the task will never go on, whatever any task outside of its plight does: all that can wake
    /// it has to be given back by tasks of which the same holds. A program can only still cancel it.
    pub(super) fn is_hopeless(&self, task: TaskId) -> bool {
        self.hopeless.contains(&task)
    }

    /// Takes everybody for hopeless who might be, and drops those that need not be, until all that are left hold
    /// up one another. After the first round it looks only at those whom the last one may have set free.
    fn find_hopeless(&self, waits: &Waits<'_>) -> BTreeSet<TaskId> {
        let resources = self.seen.resources.iter().enumerate();
        let resources: ByTask<usize> = resources
            .flat_map(|(number, resource)| resource.tasks().map(move |task| (task, number)))
            .collect();
        let groups = self.seen.groups.iter();
        let parents: ByTask<TaskId> = groups
            .flat_map(|group| group.open.iter().map(|child| (*child, group.waiter)))
            .collect();

        let all_rests = is_all_at_rest(self.seen, waits);
        let might_be = |task: &TaskId| {
            let waits = waits.on(*task);
            let all_known = all_rests && !waits.is_empty() || is_counted_out(waits);
            self.seen.unwakeable.contains(task)
                || self.is_only_queued(*task)
                || all_known && waits.iter().all(may_be_lost)
        };
        let mut all: BTreeSet<TaskId> = parked(self.seen).filter(might_be).collect();
        let mut doubtful: Vec<TaskId> = all.iter().copied().collect();
        while !doubtful.is_empty() {
            let mut outlooks: HashMap<usize, Outlook> = HashMap::new();
            let mut is_shut = |queued: &Queued<'_>| {
                let outlook = outlooks.entry(queued.number);
                let outlook = outlook.or_insert_with(|| Outlook::of(queued.resource, &all));
                outlook.is_shut(queued)
            };
            let is_free = |task: &TaskId| {
                if self.seen.unwakeable.contains(task) {
                    return false;
                }
                if self.is_only_queued(*task) {
                    return !self.queues(*task).all(&mut is_shut);
                }
                !waits.on(*task).iter().all(|wait| is_lost(wait, &all))
            };
            let free: Vec<TaskId> = doubtful.into_iter().filter(is_free).collect();
            for task in &free {
                all.remove(task);
            }

            let touched = free.iter().flat_map(|task| resources.of(*task));
            let touched: BTreeSet<usize> = touched.copied().collect();
            let queues = touched
                .iter()
                .flat_map(|number| &self.seen.resources[*number].waiters);
            let parents = free.iter().flat_map(|task| parents.of(*task));
            let affected = queues.filter_map(|it| it.task).chain(parents.copied());
            doubtful = affected.filter(|task| all.contains(task)).collect();
        }
        all
    }

    /// Tasks that wait for one another in a ring. No ring twice, and none within a single resource.
    pub(super) fn rings(&self) -> Vec<Vec<Step<'s>>> {
        let mut rings: BTreeMap<BTreeSet<TaskId>, Vec<Step<'s>>> = BTreeMap::new();
        let mut visited: BTreeSet<TaskId> = BTreeSet::new();
        for task in &self.waiting {
            // The way from the task, and for each on it the steps that are still to be tried.
            let mut way: Vec<(TaskId, Vec<(Through<'s>, TaskId)>)> = Vec::new();
            let mut places: HashMap<TaskId, usize> = HashMap::new();
            if visited.insert(*task) {
                places.insert(*task, 0);
                way.push((*task, self.steps(*task)));
            }
            while let Some((task, steps)) = way.last_mut() {
                let Some((_, next)) = steps.last().copied() else {
                    places.remove(task);
                    way.pop();
                    if let Some((_, steps)) = way.last_mut() {
                        steps.pop();
                    }
                    continue;
                };
                if let Some(from) = places.get(&next) {
                    let ring: Vec<Step<'s>> = way[*from..].iter().filter_map(step).collect();
                    if !is_of_one_resource(&ring) && rings.len() < RINGS {
                        let members = ring.iter().map(|step| step.task).collect();
                        rings.entry(members).or_insert(ring);
                    }
                } else if visited.insert(next) {
                    places.insert(next, way.len());
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
            let takers = self.takers[queued.number].iter();
            steps.extend(takers.map(|other| (through, *other)));
        }
        for group in self.groups.of(task) {
            let through = Through::Group(group);
            steps.extend(group.open.iter().map(|child| (through, *child)));
        }
        let joined = self.joins.get(&task).into_iter().flatten();
        steps.extend(joined.map(|other| (Through::Handle, *other)));
        steps.retain(|(_, other)| *other != task && self.waiting.contains(other));
        steps
    }
}

fn parked(seen: &Snapshot) -> impl Iterator<Item = TaskId> {
    seen.tasks.iter().filter_map(|task| match task.state {
        TaskState::Parked(_) => Some(task.id),
        TaskState::Polling | TaskState::Ended(_) => None,
    })
}

/// Whether there is nothing that could wake a task by a branch of its own that was not seen.
fn is_all_at_rest(seen: &Snapshot, waits: &Waits<'_>) -> bool {
    let is_quiet = seen.is_read && !may_be_woken(seen);
    is_quiet && hidden::timer(seen, waits) == HiddenTimer::None
}

/// Whether nothing can wake a task with these waits but events and groups of this crate, going by its wakers.
pub(super) fn is_counted_out(waits: &[Wait<'_>]) -> bool {
    let is_all = |wait: &Wait<'_>| match wait {
        Wait::Event { only, .. } => *only,
        Wait::Group { group, .. } => group.only,
        _ => false,
    };
    !waits.is_empty() && waits.iter().all(is_all)
}

/// Whether it depends on tasks alone, if on anything, that what is waited for comes.
pub(super) fn may_be_lost(wait: &Wait<'_>) -> bool {
    match wait {
        Wait::Event { event, .. } => !event.set && event.setters == 0,
        Wait::Group { group, .. } => !group.open.is_empty(),
        _ => false,
    }
}

/// Whether such a thing can't come any more if the tasks of `lost` never go on.
fn is_lost(wait: &Wait<'_>, lost: &BTreeSet<TaskId>) -> bool {
    match wait {
        // One that fails might have the others cancelled.
        Wait::Group { group, .. } => group.open.iter().all(|child| lost.contains(child)),
        _ => true,
    }
}

/// What those who queue for a resource can still hope for if some tasks never go on.
struct Outlook {
    /// Whether such a task has a permit of it.
    is_held: bool,
    /// The place of the first such task for which there are too few. Nobody is served before those ahead are.
    stops_at: usize,
    /// How many permits others may give back.
    to_come: usize,
}

impl Outlook {
    fn of(resource: &ResourceSeen, lost: &BTreeSet<TaskId>) -> Self {
        let is_lost = |task: Option<TaskId>| task.is_some_and(|task| lost.contains(&task));
        // To the others, anybody may add permits; and what is not on an account may come back.
        let is_closed = matches!(resource.kind, ResourceKind::Mutex | ResourceKind::RwLock)
            && resource.missing == 0;
        let holders = resource.holders.iter();
        let held = holders.filter(|it| !(it.certain && is_lost(it.task)));
        let others = resource.waiters.iter().filter(|it| !is_lost(it.task));
        let held: usize = held.map(|it| it.permits).sum();
        let got: usize = others.map(|it| it.got).sum();
        let to_come = held + got;
        let mut waiters = resource.waiters.iter();
        let stops_at = waiters.position(|it| is_lost(it.task) && it.got + to_come < it.wants);
        Self {
            // It is they who hold up the first in the queue, and so the rest.
            is_held: is_closed && takers(resource).any(|task| lost.contains(&task)),
            stops_at: stops_at.unwrap_or(usize::MAX),
            to_come,
        }
    }

    /// Whether a request can never be met.
    fn is_shut(&self, queued: &Queued<'_>) -> bool {
        let waiter = queued.waiter();
        let too_few = waiter.got + self.to_come < waiter.wants;
        self.is_held && (self.stops_at < queued.at || too_few)
    }
}

/// The tasks that have permits of a resource: those that hold them, and those to which they were granted.
fn takers(resource: &ResourceSeen) -> impl Iterator<Item = TaskId> {
    let holders = resource.holders.iter().filter_map(|it| it.task);
    let granted = resource.waiters.iter().filter(|it| it.is_granted());
    holders.chain(granted.filter_map(|it| it.task))
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
        Through::Group(_) | Through::Handle => None,
    });
    let locks: Option<Vec<&ResourceSeen>> = locks.collect();
    locks.is_some_and(|locks| locks.iter().all(|lock| std::ptr::eq(*lock, locks[0])))
}
