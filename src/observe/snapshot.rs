//! What was seen at one moment, as plain data.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};
use std::fmt::{self, Write};
use std::sync::Arc;
use std::time::Duration;

use tokio::task;

use crate::event::EVENTS;
use crate::group::GROUPS;
use crate::place::Place;

use super::{Outside, ResourceSeen};

/// All that was seen of a program at one moment.
#[derive(Clone, Debug, Default)]
pub struct Snapshot {
    /// When it was taken, by [`Observer::clock`](super::Observer::clock).
    pub at: Duration,
    /// The tasks of the runtime, in spawn order: all that are alive, and the first that ended.
    pub tasks: Vec<TaskSeen>,
    /// Those that ended and are not among them.
    pub unlisted: Unlisted,
    /// Tasks of which no poll has begun, so that they are not parked, whatever their state says.
    pub unpolled: HashSet<TaskId>,
    /// Tasks of which there is no waker, so that nothing can wake them any more, short of cancelling them: if it was
    /// looked for those, and wakers are recorded.
    pub unwakeable: HashSet<TaskId>,
    /// Every event that one of the tasks waits for.
    pub events: Vec<EventSeen>,
    /// Every task group that one of the tasks waits for.
    pub groups: Vec<GroupSeen>,
    /// Every poll that goes on, if it was looked at them.
    pub polls: Vec<PollSeen>,
    /// How many tasks were ready to run and waited for a worker, if it was looked at the polls: at least. Tokio does
    /// not count the one that a worker runs next, and those that a library spawned are left out before their first
    /// poll.
    pub queued: usize,
    /// For how long nothing had moved by then, so that each of those polls has lasted at least as long.
    pub quiet_for: Duration,
    /// Whether no task was being polled, nor on its way to it.
    pub at_rest: bool,
    /// Every lock or semaphore of Tokio's that one of the tasks holds or waits for; none where these are not recorded.
    pub resources: Vec<ResourceSeen>,
    /// The timers that the tasks have set and that were not due yet, in this order, where these are recorded.
    pub timers: Option<Vec<TimerSeen>>,
    /// What else there is that could wake a task.
    pub outside: Outside,
    /// Whether some of that is gone since the tasks were looked at: it may have woken one on its way.
    pub is_torn: bool,
    /// Whether it was seen where tasks are parked. If not, each may wait for more than is known.
    pub is_read: bool,
    /// What could not be looked at, in words.
    pub blind: Vec<Cow<'static, str>>,
    /// Of a program that has ended: how it stood when it last came to rest before that, if that was looked
    /// at.
    pub pause: Option<Box<Snapshot>>,
}

/// Tasks that ended, and of which no more is kept than their number.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Unlisted {
    /// All of them.
    pub tasks: usize,
    /// Those that ended with an error or a panic.
    pub failed: usize,
}

/// Tokio's number of a task. No two tasks of a process have the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TaskId(pub u64);

/// One task.
#[derive(Clone, Debug)]
pub struct TaskSeen {
    /// Its number.
    pub id: TaskId,
    /// The name that it was spawned under, if any.
    pub name: Option<String>,
    /// The line that spawned it; see [`is_upkeep`](TaskSeen::is_upkeep).
    pub spawned_at: Place,
    /// The task that spawned it; none for one that was spawned from outside the runtime's tasks.
    pub parent: Option<TaskId>,
    /// When its last poll was over, by the clock of [`Snapshot::at`]; when it was spawned, if there was none yet.
    /// None where that is not known.
    pub polled_at: Option<Duration>,
    /// What it is at.
    pub state: TaskState,
}

/// What a task is at.
#[derive(Clone, Debug)]
pub enum TaskState {
    /// It is being polled.
    Polling,
    /// It waits for something at each of these leaves. None: for something that can't be seen. Tasks
    /// that are parked alike share them.
    Parked(Arc<[Leaf]>),
    /// It has ended.
    Ended(End),
}

/// How a task ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum End {
    /// Nothing told of an error. Tokio does not say how a task that was spawned without a group
    /// ended, so one that was aborted looks like this too.
    Ok,
    /// It returned an error with this text.
    Error(String),
    /// It panicked with this message.
    Panic(String),
    /// Its group cancelled it.
    Cancelled,
}

/// A place at which a task waits: one branch of a `join!` or `select!`, or the only one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Leaf {
    /// The user's own innermost line.
    pub at: Option<Place>,
    /// The functions between that line and the leaf, the one that was called there first.
    pub calls: Vec<String>,
    /// What is waited for.
    pub kind: LeafKind,
}

/// What is waited for at a leaf.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum LeafKind {
    /// A timer, which will go off.
    Timer,
    /// The timeout of `tokio::time::timeout`, or what is waited for within it.
    TimeOut,
    /// Something that comes from outside: a socket, a signal, a child process.
    Io,
    /// A task to end.
    Join,
    /// Anything that another task has to do: a lock, a permit, a channel, a notification.
    Sync,
    /// Nothing: `pending()`, or a set of futures without members.
    Never,
    /// A future that is not understood.
    Unknown,
}

#[cfg(test)]
impl Leaf {
    /// A leaf that is known by the last of the calls that lead to it.
    pub(crate) fn through(calls: &[&str]) -> Self {
        let within = |path: &str| calls.last().is_some_and(|call| call.starts_with(path));
        let kind = if within("tokio::time::timeout") {
            LeafKind::TimeOut
        } else if within("tokio::time") {
            LeafKind::Timer
        } else if within("tokio::net") {
            LeafKind::Io
        } else if within("tokio::runtime::task") {
            LeafKind::Join
        } else {
            LeafKind::Sync
        };
        Self {
            at: None,
            calls: calls.iter().map(|call| (*call).to_owned()).collect(),
            kind,
        }
    }
}

/// A timer that a task has set.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct TimerSeen {
    /// The task.
    pub task: TaskId,
    /// When it is due, by the clock of [`Snapshot::at`].
    pub due: Duration,
}

/// A poll that goes on.
#[derive(Clone, Debug)]
pub struct PollSeen {
    /// The task that is being polled.
    pub task: TaskId,
    /// What the thread does that polls it; none where the system does not tell.
    pub doing: Option<Doing>,
}

/// What a thread does, seen at two moments.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Doing {
    /// It was at work both times.
    Works,
    /// It was asleep all the time, in this function of the system, where that is told.
    Sleeps(Option<String>),
    /// Both by turns.
    WorksAndSleeps,
}

/// An [`Event`](crate::Event).
#[derive(Clone, Debug)]
pub struct EventSeen {
    /// Its name.
    pub name: String,
    /// The line that made it.
    pub made_at: Place,
    /// Whether it has been set.
    pub set: bool,
    /// How many handles could still set it: those that are not waiting.
    pub setters: usize,
    /// Who waits for it.
    pub waits: Vec<WaitSeen>,
    /// The tasks that let go of a handle, oldest first.
    pub let_go: Vec<TaskId>,
}

/// A wait for an event.
#[derive(Clone, Debug)]
pub struct WaitSeen {
    /// The task that waits.
    pub task: TaskId,
    /// The line at which it does.
    pub at: Place,
    /// Whether nothing else can wake the task: it has no wakers but those of such waits, and of waits for groups.
    pub only: bool,
}

/// A [`TaskGroup`](crate::TaskGroup) whose body is done.
#[derive(Clone, Debug)]
pub struct GroupSeen {
    /// Its name.
    pub name: String,
    /// The line that opened it.
    pub opened_at: Place,
    /// The task that waits for its children.
    pub waiter: TaskId,
    /// Whether nothing else can wake that task: it has no wakers but those of such waits.
    pub only: bool,
    /// The children that have not ended, in spawn order.
    pub open: Vec<TaskId>,
}

impl Snapshot {
    /// Shortens the names of tasks that start with `prefix`: tokio-console shows all programs of a
    /// process in one list, a report tells of one.
    pub fn shorten_names(&mut self, prefix: &str) {
        for name in self.tasks.iter_mut().filter_map(|task| task.name.as_mut()) {
            if let Some(short) = name.strip_prefix(prefix) {
                *name = short.to_owned();
            }
        }
        if let Some(pause) = &mut self.pause {
            pause.shorten_names(prefix);
        }
    }

    /// Where nobody records the spans that have the names, groups still know those of their children.
    pub(super) fn name_children(&mut self) {
        let groups = GROUPS.alive();
        let names: HashMap<TaskId, String> = groups
            .iter()
            .flat_map(|group| group.names())
            .map(|(id, name)| (id.into(), name))
            .collect();
        for task in self.tasks.iter_mut().filter(|task| task.name.is_none()) {
            task.name = names.get(&task.id).cloned();
        }
    }

    /// Whether some task waits for one of Tokio's locks or permits.
    pub(super) fn waits_for_locks(&self) -> bool {
        const LOCKS: [&str; 3] = ["mutex", "rwlock", "semaphore"];
        let is_lock = |call: &String| {
            let path = call.strip_prefix("tokio::sync::");
            path.is_some_and(|path| LOCKS.iter().any(|lock| path.starts_with(lock)))
        };
        // Tasks that are parked alike share their leaves.
        let mut known = HashSet::new();
        let leaves = self.tasks.iter().filter_map(|task| match &task.state {
            TaskState::Parked(leaves) => known.insert(leaves.as_ptr()).then_some(leaves),
            TaskState::Polling | TaskState::Ended(_) => None,
        });
        let mut leaves = leaves.flat_map(|leaves| leaves.iter());
        leaves.any(|leaf| leaf.calls.iter().any(is_lock))
    }

    /// How many tasks that a library spawned wait for their first poll.
    pub(super) fn library_unpolled(&self) -> usize {
        let of_libraries = self
            .tasks
            .iter()
            .filter(|task| task.spawned_at.is_library());
        of_libraries
            .filter(|task| self.unpolled.contains(&task.id))
            .count()
    }

    /// The timers that a task has set, the one first that is due first.
    pub fn timers_of(&self, task: TaskId) -> impl Iterator<Item = &TimerSeen> {
        let timers = self.timers.as_deref().unwrap_or_default();
        let first = timers.partition_point(|timer| timer.task < task);
        let timers = timers[first..].iter();
        timers.take_while(move |timer| timer.task == task)
    }

    /// Events, groups, locks and timers are listed for the whole process; those of other runtimes are left out.
    pub(super) fn keep_what_belongs_to_its_tasks(&mut self) {
        let is_empty = self.events.is_empty() && self.groups.is_empty();
        if is_empty && self.resources.is_empty() && self.timers.is_none() {
            return;
        }
        let ids: HashSet<TaskId> = self.tasks.iter().map(|task| task.id).collect();
        for event in &mut self.events {
            event.waits.retain(|wait| ids.contains(&wait.task));
        }
        self.events.retain(|event| !event.waits.is_empty());
        self.groups.retain(|group| ids.contains(&group.waiter));
        if let Some(timers) = &mut self.timers {
            timers.retain(|timer| ids.contains(&timer.task));
        }
        self.resources.retain(|resource| {
            let mut tasks = resource.tasks();
            tasks.any(|task| ids.contains(&task))
        });
    }
}

/// Where libraries spawn tasks that only look after the library itself, and tick for ever: parts of paths.
const UPKEEP: [&str; 1] = ["/sqlx-core"];

impl TaskSeen {
    /// Whether it only looks after a library, and wakes no task of the program. Others that a library spawned may
    /// well do the program's work.
    pub fn is_upkeep(&self) -> bool {
        let file = self.spawned_at.file();
        self.spawned_at.is_library() && UPKEEP.iter().any(|part| file.contains(part))
    }

    /// The name that it was spawned under, or its number.
    pub fn display_name(&self) -> String {
        self.name
            .clone()
            .unwrap_or_else(|| format!("task {}", self.id))
    }
}

impl From<task::Id> for TaskId {
    fn from(id: task::Id) -> Self {
        // Tokio keeps the number to itself, but prints it.
        let mut number = Number(0);
        let _ = write!(number, "{id}");
        Self(number.0)
    }
}

/// Reads the digits that are written to it.
struct Number(u64);

impl Write for Number {
    fn write_str(&mut self, digits: &str) -> fmt::Result {
        for digit in digits.bytes() {
            let digit = u64::from(digit.wrapping_sub(b'0'));
            self.0 = self.0.wrapping_mul(10).wrapping_add(digit);
        }
        Ok(())
    }
}

impl fmt::Display for TaskId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

pub(super) fn events() -> Vec<EventSeen> {
    let states = EVENTS.alive().into_iter().map(|event| event.state());
    states
        .map(|state| EventSeen {
            name: state.name,
            made_at: state.made_at,
            set: state.set,
            // A wait outside any task still has its handle to itself.
            setters: state.setters,
            waits: state
                .waits
                .into_iter()
                .filter_map(|wait| {
                    Some(WaitSeen {
                        task: wait.task?.into(),
                        at: wait.at,
                        only: false,
                    })
                })
                .collect(),
            let_go: state.let_go.into_iter().map(TaskId::from).collect(),
        })
        .collect()
}

pub(super) fn groups() -> Vec<GroupSeen> {
    let states = GROUPS.alive().into_iter().map(|group| group.state());
    states
        .filter_map(|state| {
            Some(GroupSeen {
                name: state.name,
                opened_at: state.opened_at,
                waiter: state.waiter?.into(),
                only: false,
                open: state.open.into_iter().map(TaskId::from).collect(),
            })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observe::{HolderSeen, ResourceKind};

    #[test]
    fn locks_of_other_runtimes_are_left_out_even_where_there_are_no_events() {
        let lock = |task| ResourceSeen {
            kind: ResourceKind::Mutex,
            made_at: None,
            permits: 1,
            holders: vec![HolderSeen {
                task: Some(TaskId(task)),
                permits: 1,
                certain: true,
            }],
            missing: 0,
            waiters: Vec::new(),
        };
        let mut seen = Snapshot {
            tasks: vec![TaskSeen {
                id: TaskId(1),
                name: None,
                spawned_at: Place::new("main.rs", 1),
                parent: None,
                polled_at: None,
                state: TaskState::Polling,
            }],
            resources: vec![lock(1), lock(2)],
            ..Snapshot::default()
        };
        seen.keep_what_belongs_to_its_tasks();
        let tasks = seen.resources.iter().flat_map(ResourceSeen::tasks);
        assert_eq!(tasks.collect::<Vec<_>>(), [TaskId(1)]);
    }

    #[test]
    fn the_number_of_a_task_is_the_one_that_it_prints() {
        let runtime = tokio::runtime::Builder::new_current_thread().build();
        let id = runtime.unwrap().spawn(async {}).id();
        assert_eq!(TaskId::from(id).to_string(), id.to_string());
    }
}
