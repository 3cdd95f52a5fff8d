//! Who holds which of Tokio's locks and permits, and who queues for them.
//!
//! Tokio tells of them in records, see [`records`](self::records). What can't be told from those:
//!
//! - **Who has a guard now.** They tell who took it. One that borrows (`lock`, `acquire`) stays in the task
//!   that took it, unless the lock lives for ever (static, leaked) and the guard was sent on. One that owns
//!   (`lock_owned`) may be anywhere, and so may one that was tried for (`try_lock`), as the records don't
//!   tell those apart. Only the first kind counts as certain.
//! - **`Semaphore::try_acquire`, `forget` and `forget_permits`** leave no record. Such permits show only as
//!   missing: while somebody queues, every permit is either held, on its way to a queue's head, or missing.
//! - **`Semaphore::add_permits`** looks like the release of a permit that another task took.
//! - Locks made by `const_new`, `Notify`, `watch`, `broadcast` and unbounded channels leave no records at
//!   all. A bounded channel tells who waits to send, but not who could receive.
//!
//! A task can only run again if one of its wakers is called, and Tokio records each that is made, called or
//! dropped. So a task whose wakers all lie in such queues waits for nothing else, whatever it looks like.

mod ledger;
mod records;
mod wakers;

#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use super::{ResourceKind, ResourceSeen, TaskId};
use crate::place::Place;
use crate::registry::Registry;
use crate::sync::lock;
use ledger::Ledger;
use wakers::Wakers;

pub use records::resource_layer;

/// Every lock and semaphore that is alive.
static RESOURCES: Registry<Resource> = Registry::new();

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
    let polls: HashMap<TaskId, u64> = resources
        .iter()
        .flat_map(|resource| lock(&resource.ledger).wakers())
        .map(|wakers| (wakers.task, wakers.polls()))
        .collect();
    let ledgers: Vec<Ledger> = resources
        .iter()
        .map(|resource| lock(&resource.ledger).clone())
        .collect();

    let mut queued: HashMap<TaskId, (Arc<Wakers>, usize)> = HashMap::new();
    for wakers in ledgers.iter().flat_map(Ledger::wakers) {
        queued.entry(wakers.task).or_insert((wakers, 0)).1 += 1;
    }
    // A task that was polled since the start may have left a queue before its entry was read.
    let waits_for_nothing_else = |task: TaskId| {
        let all_here = |(wakers, number): &(Arc<Wakers>, usize)| {
            let same_poll = polls.get(&task) == Some(&wakers.polls());
            same_poll && wakers.are_at_rest(*number)
        };
        queued.get(&task).is_some_and(all_here)
    };
    let seen = resources.iter().zip(ledgers).map(|(resource, mut ledger)| {
        ledger.settle_all();
        ResourceSeen {
            kind: resource.kind,
            made_at: resource.made_at.clone(),
            permits: ledger.permits,
            missing: ledger.missing(),
            holders: ledger.holders(),
            waiters: ledger.waiters(waits_for_nothing_else),
        }
    });
    seen.filter(|seen| !(seen.holders.is_empty() && seen.waiters.is_empty()))
        .collect()
}
