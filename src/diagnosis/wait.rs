//! What each parked task waits for.

use std::collections::HashMap;
use std::rc::Rc;
use std::time::Duration;

use super::by_task::ByTask;
use crate::observe::{EventSeen, GroupSeen, Leaf, LeafKind, Snapshot, TaskId, TaskState, WaitSeen};
use crate::place::Place;

/// One thing that a task waits for. A task that joins or selects waits for several.
#[derive(Clone, Debug)]
pub enum Wait<'s> {
    /// An event of this crate.
    Event {
        /// Which.
        event: &'s EventSeen,
        /// The line that waits.
        at: &'s Place,
        /// Whether nothing but such waits can wake the task.
        only: bool,
    },
    /// The children of a task group of this crate.
    Group {
        /// Which.
        group: &'s GroupSeen,
        /// The line that opened it.
        at: &'s Place,
    },
    /// A timer, which will go off.
    Timer {
        /// The line that waits.
        at: Option<&'s Place>,
    },
    /// The time-out of `tokio::time::timeout`, or what is waited for within it.
    TimeOut {
        /// The line that waits.
        at: Option<&'s Place>,
    },
    /// Something that comes from outside: a socket, a signal, a child process.
    Io {
        /// The line that waits.
        at: Option<&'s Place>,
        /// The function that it called.
        call: String,
    },
    /// A task to end.
    Join {
        /// The line that waits.
        at: Option<&'s Place>,
        /// The function that it called, if not the handle's own `await`.
        call: Option<String>,
    },
    /// Anything that another task has to do: a lock, a permit, a channel, a notification.
    Sync {
        /// The line that waits.
        at: Option<&'s Place>,
        /// The function that it called.
        call: String,
    },
    /// Something that never comes: it is `pending()`, or a set of futures without members.
    Never {
        /// The line that waits.
        at: Option<&'s Place>,
    },
    /// A future that is not understood, or nothing that was seen.
    Unseen {
        /// The line that waits.
        at: Option<&'s Place>,
    },
}

/// The waits of every parked task. Tasks that wait alike share them.
pub struct Waits<'s>(ByTask<Rc<Vec<Wait<'s>>>>);

impl<'s> Waits<'s> {
    /// Joins what was read with what the primitives of this crate know of themselves.
    pub fn of(seen: &'s Snapshot) -> Self {
        let mut alike: HashMap<*const Leaf, Rc<Vec<Wait<'s>>>> = HashMap::new();
        let parked = seen.tasks.iter().filter_map(|task| {
            let TaskState::Parked(leaves) = &task.state else {
                return None;
            };
            let shared = alike
                .entry(leaves.as_ptr())
                .or_insert_with(|| Rc::new(leaves.iter().map(Wait::from).collect()));
            Some((task.id, Rc::clone(shared)))
        });
        let mut waits: ByTask<_> = parked.collect();
        for event in &seen.events {
            add_event(&mut waits, event);
        }
        for group in &seen.groups {
            if let Some(waits) = waits.get_mut(group.waiter) {
                let at = &group.opened_at;
                Rc::make_mut(waits).push(Wait::Group { group, at });
            }
        }
        let unseen = Rc::new(vec![Wait::Unseen { at: None }]);
        for waits in waits.all_mut().filter(|waits| waits.is_empty()) {
            *waits = Rc::clone(&unseen);
        }
        Self(waits)
    }

    /// What the task `id` waits for: at least one thing if it is parked.
    pub fn on(&self, id: TaskId) -> &[Wait<'s>] {
        self.0.of(id).next().map_or(&[], |waits| waits.as_slice())
    }
}

/// Tasks that waited alike before still do if they wait for the event alike.
fn add_event<'s>(waits: &mut ByTask<Rc<Vec<Wait<'s>>>>, event: &'s EventSeen) {
    type Alike<'s> = (Rc<Vec<Wait<'s>>>, Rc<Vec<Wait<'s>>>);
    let mut alike: HashMap<(*const Vec<Wait<'s>>, &Place, bool), Alike<'s>> = HashMap::new();
    for WaitSeen { task, at, only } in &event.waits {
        let Some(waits) = waits.get_mut(*task) else {
            continue;
        };
        let (_, with_event) = alike
            .entry((Rc::as_ptr(waits), at, *only))
            .or_insert_with(|| {
                let mut more = Vec::clone(waits);
                more.push(Wait::Event {
                    event,
                    at,
                    only: *only,
                });
                // Both are kept, so that none of another task comes to lie where the first one lay.
                (Rc::clone(waits), Rc::new(more))
            });
        *waits = Rc::clone(with_event);
    }
}

/// How long it will be until the first timer goes off that a task with these waits waits for.
///
/// One that it has set need not be among them: so that is not known where it has set more than it can be
/// waiting for.
pub(super) fn due_in(seen: &Snapshot, waits: &[Wait<'_>], task: TaskId) -> Option<Duration> {
    let timers = waits
        .iter()
        .filter(|wait| matches!(wait, Wait::Timer { .. }));
    let times_out = waits
        .iter()
        .any(|wait| matches!(wait, Wait::TimeOut { .. }));
    let at_most = timers.count().max(usize::from(times_out));
    let left = seen
        .timers_of(task)
        .filter_map(|timer| timer.due.checked_sub(seen.at));
    let left: Vec<Duration> = left.take(at_most + 1).collect();
    (left.len() <= at_most)
        .then(|| left.first().copied())
        .flatten()
}

impl<'s> Wait<'s> {
    /// The user's own line, where that is known.
    pub fn at(&self) -> Option<&'s Place> {
        match self {
            Wait::Event { at, .. } | Wait::Group { at, .. } => Some(at),
            Wait::Timer { at }
            | Wait::TimeOut { at }
            | Wait::Io { at, .. }
            | Wait::Join { at, .. }
            | Wait::Sync { at, .. }
            | Wait::Never { at }
            | Wait::Unseen { at } => *at,
        }
    }
}

impl<'s> From<&'s Leaf> for Wait<'s> {
    fn from(leaf: &'s Leaf) -> Self {
        const JOIN: &str = "tokio::runtime::task::join";
        let at = leaf.at.as_ref();
        let call = leaf.calls.first();
        let short = |call: Option<&String>| call.map_or_else(String::new, |call| short(call));
        match leaf.kind {
            LeafKind::TimeOut => Wait::TimeOut { at },
            LeafKind::Timer => Wait::Timer { at },
            LeafKind::Io => Wait::Io {
                at,
                call: short(call),
            },
            LeafKind::Join => {
                let call = call.filter(|call| !call.starts_with(JOIN));
                let call = call.map(|call| short(Some(call)));
                Wait::Join { at, call }
            }
            LeafKind::Sync => Wait::Sync {
                at,
                call: short(call),
            },
            LeafKind::Never => Wait::Never { at },
            LeafKind::Unknown => Wait::Unseen { at },
        }
    }
}

/// `Queue::pop` for `deadqueue::unlimited::Queue::pop`: the path from the type on, if it has one.
fn short(path: &str) -> String {
    let parts: Vec<&str> = path.split("::").collect();
    let is_type = |part: &&str| part.starts_with(char::is_uppercase);
    let from = parts.iter().position(is_type).unwrap_or(0);
    parts[from..].join("::")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observe::TimerSeen;

    #[test]
    fn the_first_timer_is_told_of_where_no_other_could_be_meant() {
        let timer = |task, due| TimerSeen {
            task: TaskId(task),
            due: Duration::from_secs(due),
        };
        let seen = Snapshot {
            at: Duration::from_secs(10),
            timers: Some(vec![
                timer(1, 70),
                timer(2, 9),
                timer(2, 13),
                timer(2, 60),
                timer(4, 11),
            ]),
            ..Snapshot::default()
        };
        let (sleep, time_out) = (Wait::Timer { at: None }, Wait::TimeOut { at: None });
        let due_in = |task, waits: &[Wait<'_>]| {
            let due_in = due_in(&seen, waits, TaskId(task));
            due_in.map(|due| due.as_secs())
        };
        assert_eq!(due_in(1, std::slice::from_ref(&sleep)), Some(60));
        assert_eq!(due_in(1, &[time_out.clone(), time_out.clone()]), Some(60));
        assert_eq!(due_in(1, &[Wait::Unseen { at: None }]), None);
        assert_eq!(due_in(2, std::slice::from_ref(&sleep)), None);
        assert_eq!(due_in(2, &[time_out.clone(), time_out]), None);
        assert_eq!(
            due_in(
                2,
                &[sleep.clone(), Wait::Unseen { at: None }, sleep.clone()]
            ),
            Some(3)
        );
        assert_eq!(due_in(3, &[sleep]), None);
    }

    #[test]
    fn a_wait_is_named_after_the_first_call_on_the_way_to_it() {
        let of = |calls: &[&str]| {
            let leaf = Leaf::through(calls);
            match Wait::from(&leaf) {
                Wait::Sync { call, .. } => format!("sync {call}"),
                Wait::Join { call, .. } => format!("join {}", call.unwrap_or_default()),
                other => format!("{other:?}"),
            }
        };
        assert_eq!(
            of(&[
                "deadqueue::unlimited::Queue::pop",
                "tokio::sync::semaphore::Semaphore::acquire"
            ]),
            "sync Queue::pop"
        );
        assert_eq!(
            of(&[
                "futures_util::future::join_all::JoinAll",
                "tokio::runtime::task::join::JoinHandle"
            ]),
            "join JoinAll"
        );
        assert_eq!(of(&["tokio::runtime::task::join::JoinHandle"]), "join ");
    }
}
