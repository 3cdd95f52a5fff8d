//! The permits of one lock or semaphore: who took them, who queues for them.

use std::collections::VecDeque;
use std::sync::Arc;

use tokio::task;

use super::wakers::Wakers;
use crate::observe::{HolderSeen, ResourceKind, TaskId, WaiterSeen};

/// A task, or none: code that runs outside all tasks.
pub(super) type Who = Option<task::Id>;

/// Beyond this many holders, the rest is put down as nobody's in particular.
const MANY: usize = 1000;

/// How many tasks may be about to say that what they gave back was that of a request which they dropped.
/// They do so at once.
const FEW: usize = 8;

/// Where a guard that was just taken can be.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Guard {
    /// In the task that took it, as it borrows the lock.
    Borrows,
    /// Anywhere.
    Owns,
}

#[derive(Clone, Default)]
pub(super) struct Ledger {
    /// How many permits it was made with.
    pub(super) permits: usize,
    holds: Vec<Hold>,
    /// Given back, but not yet taken off anybody's account.
    returned: Vec<(Who, usize)>,
    /// How many of the permits on the accounts were given back by somebody else.
    astray: usize,
    /// In the order in which they are served.
    queue: VecDeque<Queued>,
    last_place: u64,
}

#[derive(Clone, Default)]
struct Hold {
    who: Who,
    borrowed: usize,
    /// How many tasks it had spawned when it took the first of those.
    spawned: u64,
    owned: usize,
    /// How often permits were taken that no state of the lock was told for yet.
    untold: usize,
}

#[derive(Clone, Default)]
struct Queued {
    place: u64,
    who: Who,
    /// How many tasks it had spawned when it polled the request last.
    spawned: u64,
    wants: usize,
    got: usize,
    /// Where its own task's waker lies here.
    waker: Option<Arc<Wakers>>,
    /// Whether that was put here in the poll that goes on.
    is_new: bool,
}

impl Queued {
    /// Whether it was given all that it wants.
    fn is_granted(&self) -> bool {
        self.got >= self.wants
    }
}

impl Ledger {
    /// A place for a request that is new, behind all others.
    pub(super) fn queue_up(&mut self, wants: usize) -> u64 {
        self.last_place += 1;
        self.queue.push_back(Queued {
            place: self.last_place,
            wants,
            ..Queued::default()
        });
        self.last_place
    }

    /// Somebody who has spawned so many tasks polls a request, and gets `got` permits that were free.
    pub(super) fn polled(&mut self, place: u64, who: Who, spawned: u64, got: usize) {
        if let Some(queued) = self.queued(place) {
            queued.got += got;
            queued.who = who;
            queued.spawned = spawned;
            queued.is_new = false;
        }
    }

    fn queued(&mut self, place: u64) -> Option<&mut Queued> {
        let at = self.at(place)?;
        self.queue.get_mut(at)
    }

    fn leaves_queue(&mut self, place: u64) -> Option<Queued> {
        let at = self.at(place)?;
        self.queue.remove(at)
    }

    /// Where a request stands. Places are given in order.
    fn at(&self, place: u64) -> Option<usize> {
        self.queue
            .binary_search_by_key(&place, |queued| queued.place)
            .ok()
    }

    pub(super) fn waker_put(&mut self, place: u64, waker: Arc<Wakers>) {
        if let Some(queued) = self.queued(place) {
            queued.waker = Some(waker);
            queued.is_new = true;
        }
    }

    /// A waker was dropped while the request was being polled: replaced by one that left no record,
    /// unless there is a new one.
    pub(super) fn waker_dropped(&mut self, place: u64) {
        if let Some(queued) = self.queued(place)
            && !queued.is_new
        {
            queued.waker = None;
        }
    }

    /// Somebody gave back permits, and they went to this request.
    pub(super) fn passed_on(&mut self, place: u64, from: Who, permits: usize, kind: ResourceKind) {
        self.give_back(from, permits, kind);
        if let Some(queued) = self.queued(place) {
            queued.got += permits;
            if queued.is_granted() {
                queued.waker = None;
            }
        }
    }

    pub(super) fn give_back(&mut self, from: Who, permits: usize, kind: ResourceKind) {
        if let Some((_, number)) = self.returned.iter_mut().find(|(who, _)| *who == from) {
            *number += permits;
        } else {
            if self.returned.len() >= FEW {
                self.settle(self.returned[0].0);
            }
            self.returned.push((from, permits));
        }
        // An `RwLock` has more to say first, and so has a request that had some and is dropped. Nobody gets
        // any before the first in the queue does.
        let nobody_got_any = self.queue.front().is_none_or(|first| first.got == 0);
        if kind == ResourceKind::Semaphore && nobody_got_any {
            self.settle(from);
        }
    }

    /// The request is met, which is told twice, and a guard is made for somebody who has spawned so many tasks.
    pub(super) fn met(
        &mut self,
        place: u64,
        who: Who,
        spawned: u64,
        guard: Guard,
        kind: ResourceKind,
    ) {
        let Some(Queued { wants, .. }) = self.leaves_queue(place) else {
            return;
        };
        self.settle(who);
        // A place in a channel is taken by a message, not by a task.
        if kind == ResourceKind::Channel {
            return;
        }
        let hold = self.hold(who);
        match guard {
            Guard::Owns => hold.owned += wants,
            Guard::Borrows => {
                if hold.borrowed == 0 {
                    hold.spawned = spawned;
                }
                hold.borrowed += wants;
            }
        }
        // A semaphore tells no more than that.
        hold.untold += usize::from(kind != ResourceKind::Semaphore);
    }

    /// The lock says that it was taken, by somebody who may have tried for it without a request.
    pub(super) fn taken(&mut self, who: Who, permits: usize) {
        self.settle(who);
        let hold = self.hold(who);
        if hold.untold > 0 {
            hold.untold -= 1;
        } else {
            hold.owned += permits;
        }
    }

    /// A lock that somebody wrote to is free, or, if it was not given back as a whole, still read by them.
    pub(super) fn no_longer_written(&mut self, who: Who) {
        let returned = self.returned.iter().find(|(other, _)| *other == who);
        if returned.is_some_and(|(_, number)| number + 1 == self.permits) {
            self.settle(who);
            let hold = self.hold(who);
            hold.untold += usize::from(hold.borrowed + hold.owned > 0);
            self.tidy();
        }
    }

    /// The request is dropped. What it had has just been given back in the name of whoever drops it.
    pub(super) fn leave(&mut self, place: u64, who: Who) {
        let Some(left) = self.leaves_queue(place) else {
            return;
        };
        let returned = self.returned.iter_mut().find(|(other, _)| *other == who);
        if let Some((_, permits)) = returned {
            *permits = permits.saturating_sub(left.got);
        }
        self.settle(who);
    }

    pub(super) fn settle_all(&mut self) {
        while let Some((who, _)) = self.returned.first() {
            self.settle(*who);
        }
    }

    /// Takes what `who` gave back off the account.
    fn settle(&mut self, who: Who) {
        let Some(at) = self.returned.iter().position(|(other, _)| *other == who) else {
            return;
        };
        let (_, mut permits) = self.returned.remove(at);
        if let Some(hold) = self.holds.iter_mut().find(|hold| hold.who == who) {
            for account in [&mut hold.borrowed, &mut hold.owned] {
                let off = permits.min(*account);
                *account -= off;
                permits -= off;
            }
        }
        self.astray += permits;
        self.tidy();
    }

    fn tidy(&mut self) {
        let told = |hold: &Hold| hold.borrowed + hold.owned > 0 || hold.untold > 0;
        self.holds.retain(told);
        let held: usize = self
            .holds
            .iter()
            .map(|hold| hold.borrowed + hold.owned)
            .sum();
        if held <= self.astray {
            self.holds.clear();
            self.astray = 0;
        }
    }

    fn hold(&mut self, who: Who) -> &mut Hold {
        let is_full = self.holds.len() >= MANY;
        let known = |hold: &Hold| hold.who == who || (is_full && hold.who.is_none());
        let at = self.holds.iter().position(known).unwrap_or_else(|| {
            self.holds.push(Hold {
                who: who.filter(|_| !is_full),
                ..Hold::default()
            });
            self.holds.len() - 1
        });
        &mut self.holds[at]
    }

    pub(super) fn wakers(&self) -> Vec<Arc<Wakers>> {
        let wakers = self.queue.iter().filter_map(|queued| queued.waker.clone());
        wakers.collect()
    }

    /// Who polled each request, and how many tasks they had spawned by then.
    pub(super) fn requests(&self) -> impl Iterator<Item = (TaskId, u64)> {
        let queue = self.queue.iter();
        queue.filter_map(|queued| Some((queued.who?.into(), queued.spawned)))
    }

    /// `spawned` tells how many tasks one has spawned by now, if it queues anywhere.
    pub(super) fn holders(&self, spawned: impl Fn(TaskId) -> Option<u64>) -> Vec<HolderSeen> {
        let seen = |hold: &Hold| {
            let task = hold.who.map(TaskId::from);
            let one = move |permits, certain| HolderSeen {
                task,
                permits,
                certain,
            };
            let keeps_it = |task| spawned(task).is_none_or(|spawned| spawned == hold.spawned);
            let certain = task.is_some_and(keeps_it);
            [one(hold.borrowed, certain), one(hold.owned, false)]
        };
        let all = self.holds.iter().flat_map(seen);
        all.filter(|holder| holder.permits > 0).collect()
    }

    /// In the order in which they are served; the ones that were served come first.
    pub(super) fn waiters(
        &self,
        waits_for_nothing_else: impl Fn(TaskId) -> bool,
    ) -> Vec<WaiterSeen> {
        let seen = |queued: &Queued| {
            let own = queued.waker.as_ref().map(|waker| waker.task);
            let task = own.or(queued.who.map(TaskId::from));
            WaiterSeen {
                task,
                wants: queued.wants,
                got: queued.got.min(queued.wants),
                only: task.is_some_and(&waits_for_nothing_else),
            }
        };
        self.queue.iter().map(seen).collect()
    }

    /// How many entries there are.
    #[cfg(test)]
    pub(super) fn size(&self) -> usize {
        self.holds.len() + self.returned.len() + self.queue.len()
    }

    /// How many permits nobody is known to have. While somebody queues none is free, so all that are
    /// not on an account were taken without a record.
    pub(super) fn missing(&self) -> usize {
        let held: usize = self
            .holds
            .iter()
            .map(|hold| hold.borrowed + hold.owned)
            .sum();
        let got: usize = self.queue.iter().map(|queued| queued.got).sum();
        let queues = self.queue.iter().any(|queued| !queued.is_granted());
        let unrecorded = if queues {
            self.permits.saturating_sub(held + got)
        } else {
            0
        };
        // More than there are: permits were added, and an account is wrong.
        unrecorded + self.astray + (held + got).saturating_sub(self.permits)
    }
}
