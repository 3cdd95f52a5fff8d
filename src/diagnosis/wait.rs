//! What each parked task waits for.

use std::collections::HashMap;
use std::rc::Rc;
use std::time::Duration;

use super::by_task::ByTask;
use crate::observe::{EventSeen, GroupSeen, Leaf, Snapshot, TaskId, TaskState, WaitSeen};
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
    /// Something that no source can see.
    Unseen,
}

/// The waits of every parked task. Tasks that wait alike share them.
pub struct Waits<'s>(ByTask<Rc<Vec<Wait<'s>>>>);

impl<'s> Waits<'s> {
    /// Joins what the dump saw with what the primitives of this crate know of themselves.
    pub fn of(seen: &'s Snapshot) -> Self {
        let mut alike: HashMap<*const Leaf, Rc<Vec<Wait<'s>>>> = HashMap::new();
        let parked = seen.tasks.iter().filter_map(|task| {
            let TaskState::Parked(leaves) = &task.state else {
                return None;
            };
            let shared = alike.entry(leaves.as_ptr()).or_insert_with(|| {
                let known = leaves.iter().filter(|leaf| !leaf.is_own_event());
                Rc::new(known.map(Wait::from).collect())
            });
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
        let unseen = Rc::new(vec![Wait::Unseen]);
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
            | Wait::Sync { at, .. } => *at,
            Wait::Unseen => None,
        }
    }
}

impl<'s> From<&'s Leaf> for Wait<'s> {
    fn from(leaf: &'s Leaf) -> Self {
        const JOIN: &str = "tokio::runtime::task::join";
        // Not all of `tokio::io`: pipes and readers in memory are filled by tasks, and a `copy` does not show
        // between what it copies.
        const IO: [&str; 6] = [
            "tokio::fs::",
            // Standard input, output and error.
            "tokio::io::blocking",
            "tokio::net::",
            "tokio::process::",
            "tokio::runtime::io::",
            "tokio::signal::",
        ];
        let within = |path: &str| leaf.calls.iter().any(|call| call.starts_with(path));
        let at = leaf.at.as_ref();
        let call = leaf.calls.first();
        if within("tokio::time::timeout") {
            Wait::TimeOut { at }
        } else if within("tokio::time::") {
            Wait::Timer { at }
        } else if IO.iter().any(|path| within(path)) {
            let call = call.map_or_else(String::new, |call| short(call));
            Wait::Io { at, call }
        } else if within(JOIN) {
            let call = call
                .filter(|call| !call.starts_with(JOIN))
                .map(|call| short(call));
            Wait::Join { at, call }
        } else if let Some(call) = call {
            let call = short(call);
            Wait::Sync { at, call }
        } else {
            Wait::Unseen
        }
    }
}

impl Leaf {
    /// Whether this is a wait of which the event itself knows more.
    fn is_own_event(&self) -> bool {
        self.calls
            .iter()
            .any(|call| call.starts_with("unstuck::event"))
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
        assert_eq!(due_in(1, &[Wait::Unseen]), None);
        assert_eq!(due_in(2, std::slice::from_ref(&sleep)), None);
        assert_eq!(due_in(2, &[time_out.clone(), time_out]), None);
        assert_eq!(
            due_in(2, &[sleep.clone(), Wait::Unseen, sleep.clone()]),
            Some(3)
        );
        assert_eq!(due_in(3, &[sleep]), None);
    }

    fn kind(calls: &[&str]) -> String {
        let leaf = Leaf {
            at: None,
            calls: calls.iter().map(|call| (*call).to_owned()).collect(),
        };
        match Wait::from(&leaf) {
            Wait::Timer { .. } => "timer".to_owned(),
            Wait::TimeOut { .. } => "time-out".to_owned(),
            Wait::Io { call, .. } => format!("io {call}"),
            Wait::Join { call, .. } => format!("join {}", call.unwrap_or_default()),
            Wait::Sync { call, .. } => format!("sync {call}"),
            Wait::Unseen => "unseen".to_owned(),
            other => format!("{other:?}"),
        }
    }

    #[test]
    fn a_wait_is_told_by_the_functions_on_the_way_to_it() {
        assert_eq!(
            kind(&[
                "deadqueue::unlimited::Queue::pop",
                "tokio::sync::semaphore::Semaphore::acquire"
            ]),
            "sync Queue::pop"
        );
        assert_eq!(
            kind(&[
                "futures_util::future::join_all::JoinAll",
                "tokio::runtime::task::join::JoinHandle"
            ]),
            "join JoinAll"
        );
        assert_eq!(kind(&["tokio::runtime::task::join::JoinHandle"]), "join ");
        assert_eq!(kind(&[]), "unseen");
    }

    #[test]
    fn a_lock_with_a_time_out_is_no_lock_and_a_signal_is_no_channel() {
        assert_eq!(
            kind(&[
                "sqlx_core::pool::Pool::acquire",
                "tokio::time::timeout::Timeout",
                "tokio::sync::semaphore::Semaphore"
            ]),
            "time-out"
        );
        assert_eq!(kind(&["tokio::time::sleep::Sleep"]), "timer");
        assert_eq!(
            kind(&[
                "tokio::signal::ctrl_c::ctrl_c",
                "tokio::sync::watch::Receiver::changed"
            ]),
            "io tokio::signal::ctrl_c::ctrl_c"
        );
        assert_eq!(
            kind(&[
                "tokio::fs::read::read",
                "tokio::runtime::task::join::JoinHandle"
            ]),
            "io tokio::fs::read::read"
        );
    }

    #[test]
    fn what_is_read_is_io_only_if_it_comes_from_outside() {
        let read = |from: &[&str]| {
            kind(
                &[
                    &[
                        "tokio::io::util::read_int::ReadU8",
                        "tokio::io::async_read::&mut T",
                    ],
                    from,
                ]
                .concat(),
            )
        };
        for outside in [
            &["tokio::net::tcp::stream::TcpStream"][..],
            &[
                "tokio::io::poll_evented::PollEvented::poll_read",
                "tokio::runtime::io::registration::Registration",
            ],
            &[
                "tokio::io::stdin::Stdin",
                "tokio::io::blocking::Blocking",
                "tokio::runtime::task::join::JoinHandle",
            ],
        ] {
            assert_eq!(read(outside), "io ReadU8");
        }
        for within in [
            "tokio::io::util::mem::DuplexStream",
            "tokio_util::io::stream_reader::StreamReader",
        ] {
            assert_eq!(read(&[within]), "sync ReadU8");
        }
    }
}
