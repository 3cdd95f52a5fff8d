//! What was seen of Tokio's locks, as plain data.

use std::fmt;

use super::TaskId;
use crate::place::Place;

/// One of Tokio's own locks or semaphores.
#[derive(Clone, Debug)]
pub struct ResourceSeen {
    /// What it is.
    pub kind: ResourceKind,
    /// The line that made it, where that is recorded.
    pub made_at: Option<Place>,
    /// How many permits it was made with: one for a `Mutex`, and for an `RwLock` as many as it may have
    /// readers, all of which a writer takes.
    pub permits: usize,
    /// Who took permits and has not given them back.
    pub holders: Vec<HolderSeen>,
    /// How many permits may be with others than the holders, or gone for good.
    pub missing: usize,
    /// Who waits, in the order in which they are served.
    pub waiters: Vec<WaiterSeen>,
}

/// What kind of lock it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ResourceKind {
    /// `tokio::sync::Mutex`.
    Mutex,
    /// `tokio::sync::RwLock`.
    RwLock,
    /// `tokio::sync::Semaphore`.
    Semaphore,
    /// The free places of a bounded `tokio::sync::mpsc` channel.
    Channel,
}

/// Who took permits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HolderSeen {
    /// The task that took them; none if that was no task.
    pub task: Option<TaskId>,
    /// How many.
    pub permits: usize,
    /// Whether they can't have been handed on to another task.
    pub certain: bool,
}

/// Who waits for permits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WaiterSeen {
    /// The task that waits; none if that is no task.
    pub task: Option<TaskId>,
    /// How many it needs.
    pub wants: usize,
    /// How many it was given so far.
    pub got: usize,
    /// Whether nothing but locks can wake the task: it has no waker that does not lie in a queue like
    /// this.
    pub only: bool,
}

impl WaiterSeen {
    /// Whether it was given all that it wants, and has not been polled since.
    pub fn is_granted(&self) -> bool {
        self.got >= self.wants
    }
}

impl ResourceSeen {
    /// Every task that holds it or waits for it.
    pub fn tasks(&self) -> impl Iterator<Item = TaskId> {
        let holders = self.holders.iter().filter_map(|holder| holder.task);
        holders.chain(self.waiters.iter().filter_map(|waiter| waiter.task))
    }
}

impl fmt::Display for ResourceSeen {
    /// `the Mutex made at src/main.rs:7`, `the Semaphore made at pool-1.0.0/src/lib.rs:7`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.made_at {
            Some(place) => write!(f, "the {} made at {}", self.kind, place.in_short()),
            None => write!(f, "a {}", self.kind),
        }
    }
}

impl fmt::Display for ResourceKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            ResourceKind::Mutex => "Mutex",
            ResourceKind::RwLock => "RwLock",
            ResourceKind::Semaphore => "Semaphore",
            ResourceKind::Channel => "bounded channel",
        })
    }
}
