//! Who holds which of Tokio's locks and permits, who queues for them, and when timers are due.
//!
//! Tokio tells of them in records, see [`records`](self::records). What can't be told from those:
//!
//! - **Who has a guard now.** They tell who took it. One that borrows (`lock`, `acquire`) stays in the task
//!   that took it, with two exceptions: the lock lives for ever (static, leaked) and the guard was sent on;
//!   or the future that took it was, boxed, while it waited for something else. So it counts as certain only
//!   as long as the task spawns no other one. One that owns (`lock_owned`) may be anywhere, and so may one
//!   that was tried for (`try_lock`), as the records don't tell those apart.
//! - **`Semaphore::try_acquire`, `forget` and `forget_permits`** leave no record. Such permits show only as
//!   missing: while somebody queues, every permit is either held, on its way to a queue's head, or missing.
//! - **`Semaphore::add_permits`** looks like the release of a permit that another task took.
//! - Locks made by `const_new`, `Notify`, `watch`, `broadcast` and unbounded channels leave no records at
//!   all. A bounded channel tells who waits to send, but not who could receive.
//!
//! A task can only run again if one of its wakers is called, and Tokio records each that is made, called or
//! dropped. So a task whose wakers all lie in such queues waits for nothing else, whatever it looks like.

mod fields;
mod here;
mod ledger;
mod part;
mod records;
mod timer;
mod wakers;

#[cfg(test)]
mod tests;

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex};

use super::{EventSeen, GroupSeen, ResourceKind, ResourceSeen, TaskId, snapshot};
use crate::place::Place;
use crate::registry::Registry;
use crate::sync::lock;
use ledger::Ledger;
use wakers::Wakers;

pub(super) use records::are_recorded;
pub use records::resource_layer;
pub(super) use timer::timers;

/// What is not known where nobody records them.
pub(super) const UNRECORDED: &str = "who holds which lock or permit (add \
                                     `unstuck::observe::resource_layer()` to the program's subscriber)";

/// Every lock and semaphore that is alive.
static RESOURCES: Registry<Resource> = Registry::new();

/// The wakers of every task that is alive, or has some left.
static WAKERS: Registry<Wakers> = Registry::new();

/// A lock, a semaphore, or the free places of a bounded channel.
struct Resource {
    kind: ResourceKind,
    made_at: Option<Place>,
    ledger: Mutex<Ledger>,
}

impl Resource {
    fn new(kind: ResourceKind, made_at: Option<Place>) -> Arc<Self> {
        let resource = Arc::new(Self {
            kind,
            made_at,
            ledger: Mutex::default(),
        });
        RESOURCES.enter(&resource);
        resource
    }
}

/// All that somebody holds or waits for, as it is at this moment.
pub(super) fn seen() -> Vec<ResourceSeen> {
    let resources = RESOURCES.alive();
    let asleep = asleep(&resources);
    seen_since(&resources, &asleep)
}

/// The tasks that nothing can wake any more, short of cancelling them: there is no waker of theirs.
pub(super) fn unwakeable() -> HashSet<TaskId> {
    let wakers = WAKERS.alive();
    let lost = wakers.iter().filter(|wakers| wakers.are_lost());
    lost.map(|wakers| wakers.task).collect()
}

/// The events and groups as they are at this moment, and which of the tasks that wait for them nothing else can
/// wake.
pub(super) fn own_waits() -> (Vec<EventSeen>, Vec<GroupSeen>) {
    let asleep: HashMap<TaskId, (Arc<Wakers>, u64)> = WAKERS
        .alive()
        .into_iter()
        .filter_map(|wakers| Some((wakers.task, (Arc::clone(&wakers), wakers.asleep()?))))
        .collect();
    let (mut events, mut groups) = (snapshot::events(), snapshot::groups());
    let waits = events.iter().flat_map(|event| &event.waits);
    let waiters = waits.map(|wait| wait.task);
    let mut waits: HashMap<TaskId, usize> = HashMap::new();
    for task in waiters.chain(groups.iter().map(|group| group.waiter)) {
        *waits.entry(task).or_default() += 1;
    }
    // As for locks: it has slept since before the first of these was looked at.
    let waits_for_nothing_else = |task: TaskId| {
        asleep
            .get(&task)
            .is_some_and(|(wakers, polls)| wakers.asleep_with(waits[&task]) == Some(*polls))
    };
    for wait in events.iter_mut().flat_map(|event| &mut event.waits) {
        wait.only = waits_for_nothing_else(wait.task);
    }
    for group in &mut groups {
        group.only = waits_for_nothing_else(group.waiter);
    }
    (events, groups)
}

/// How often each task that queues, and is not being polled, has been polled so far.
fn asleep(resources: &[Arc<Resource>]) -> HashMap<TaskId, u64> {
    let wakers = resources
        .iter()
        .flat_map(|resource| lock(&resource.ledger).wakers());
    wakers
        .filter_map(|wakers| Some((wakers.task, wakers.asleep()?)))
        .collect()
}

/// The resources are read one after the other, while tasks run. So a task counts as waiting for nothing else
/// only if it was `asleep` before the first was read, and has slept on until after the last: it neither took
/// nor gave back anything in between.
fn seen_since(resources: &[Arc<Resource>], asleep: &HashMap<TaskId, u64>) -> Vec<ResourceSeen> {
    let ledgers: Vec<Ledger> = resources
        .iter()
        .map(|resource| lock(&resource.ledger).clone())
        .collect();

    let mut queued: HashMap<TaskId, (Arc<Wakers>, usize)> = HashMap::new();
    for wakers in ledgers.iter().flat_map(Ledger::wakers) {
        queued.entry(wakers.task).or_insert((wakers, 0)).1 += 1;
    }
    // A future that has a lock, or has asked for it, can be handed to a task that is spawned after that.
    let spawned = |task: TaskId| queued.get(&task).map(|(wakers, _)| wakers.spawned());
    let requests = ledgers.iter().flat_map(Ledger::requests);
    let outdated = requests.filter(|(task, then)| spawned(*task).is_some_and(|now| now != *then));
    let outdated: HashSet<TaskId> = outdated.map(|(task, _)| task).collect();
    let waits_for_nothing_else = |task: TaskId| {
        let all_here = |(wakers, number): &(Arc<Wakers>, usize)| {
            let polls = wakers.asleep_with(*number);
            polls.is_some() && polls == asleep.get(&task).copied()
        };
        queued.get(&task).is_some_and(all_here) && !outdated.contains(&task)
    };
    let seen = resources.iter().zip(ledgers).map(|(resource, mut ledger)| {
        ledger.settle_all();
        ResourceSeen {
            kind: resource.kind,
            made_at: resource.made_at.clone(),
            permits: ledger.permits,
            missing: ledger.missing(),
            holders: ledger.holders(spawned),
            waiters: ledger.waiters(waits_for_nothing_else),
        }
    });
    seen.filter(|seen| !(seen.holders.is_empty() && seen.waiters.is_empty()))
        .collect()
}
