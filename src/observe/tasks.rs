//! The tasks of a runtime of which there is a record: where they came from, and how they ended.

use std::collections::HashMap;
use std::panic::Location;

use foldhash::fast::FixedState;
use tokio::task;

use super::Keep;
use super::polls::Poll;
use crate::outcomes::{End, Outcomes, TaskId, TaskOutcome, Unlisted};

/// Of how many tasks that ended well, and of how many that failed, more is kept than their number. A
/// server may spawn one for each request, for years.
const KEPT: usize = 10_000;

pub(super) struct Tasks {
    keep: Keep,
    /// Those that are alive, if every task is kept.
    alive: HashMap<TaskId, TaskOutcome, FixedState>,
    /// Those that ended, if every task is kept, in that order.
    ended: Vec<TaskOutcome>,
    /// How many of them ended well, and how many failed.
    kept: [usize; 2],
    /// How tasks end, if the poll in which that was heard is their last one.
    heard: HashMap<TaskId, TaskOutcome, FixedState>,
    /// In how many polls something was heard.
    polls_heard: usize,
    unlisted: Unlisted,
    /// The first task is mostly the program's main.
    first: Option<TaskId>,
    /// Of tasks that are alive. The span that has the name comes before the task.
    pub(super) names: HashMap<TaskId, String, FixedState>,
}

impl Tasks {
    pub(super) fn new(keep: Keep) -> Self {
        Self {
            keep,
            alive: HashMap::default(),
            ended: Vec::new(),
            kept: [0; 2],
            heard: HashMap::default(),
            polls_heard: 0,
            unlisted: Unlisted::default(),
            first: None,
            names: HashMap::default(),
        }
    }

    /// To be called where the task is being spawned, if every task is kept.
    pub(super) fn spawn(&mut self, id: task::Id, spawned_at: &'static Location<'static>) {
        let id = TaskId::from(id);
        self.first.get_or_insert(id);
        let task = TaskOutcome {
            name: self.names.remove(&id),
            parent: task::try_id().map(TaskId::from),
            ..alive(id, spawned_at)
        };
        self.alive.insert(id, task);
    }

    /// The task is said to end like this, as it was not yet in this poll, or was in another way.
    pub(super) fn hear(&mut self, poll: Poll, end: End, is_first: bool) {
        let id = TaskId::from(poll.task);
        if let Some(heard) = self.heard.get_mut(&id) {
            heard.end = Some(end);
        } else if self.keep == Keep::EveryTask || self.heard.len() < KEPT {
            let task = TaskOutcome {
                name: self.names.get(&id).cloned(),
                end: Some(end),
                ended_after: self.polls_heard,
                ..alive(id, poll.spawned_at)
            };
            self.heard.insert(id, task);
        } else if is_first {
            self.unlisted.failed += 1;
        }
        self.polls_heard += usize::from(is_first);
    }

    /// What was heard of the task was not its end.
    pub(super) fn forget(&mut self, id: task::Id) {
        if self.heard.remove(&id.into()).is_none() {
            self.unlisted.failed = self.unlisted.failed.saturating_sub(1);
        }
    }

    /// The task has ended. To be called if every task is kept.
    pub(super) fn end(&mut self, id: task::Id) {
        let id = TaskId::from(id);
        let heard = self.heard.remove(&id);
        // A `spawn_blocking` ends without having been spawned.
        let Some(task) = self.alive.remove(&id) else {
            return;
        };
        let end = heard.and_then(|it| it.end).unwrap_or(End::Ok);
        let has_failed = matches!(end, End::Error(_) | End::Panic(_));
        let kept = &mut self.kept[usize::from(has_failed)];
        if *kept < KEPT || self.first == Some(id) {
            *kept += 1;
            self.ended.push(TaskOutcome {
                end: Some(end),
                ended_after: self.ended.len(),
                ..task
            });
        } else {
            self.unlisted.tasks += 1;
            self.unlisted.failed += usize::from(has_failed);
        }
    }

    /// What is known of them, in spawn order.
    pub(super) fn outcomes(&self) -> Outcomes {
        let mut tasks: Vec<_> = match self.keep {
            Keep::EveryTask => self.alive.values().chain(&self.ended).cloned().collect(),
            Keep::Failures => self.heard.values().cloned().collect(),
        };
        // Tokio counts tasks as they are spawned.
        tasks.sort_unstable_by_key(|task| task.id);
        let names = self.names.iter().map(|(id, name)| (*id, name.clone()));
        Outcomes {
            tasks,
            names: names.collect(),
            unlisted: self.unlisted,
            ..Outcomes::default()
        }
    }
}

fn alive(id: TaskId, spawned_at: &'static Location<'static>) -> TaskOutcome {
    TaskOutcome {
        id,
        name: None,
        spawned_at: spawned_at.into(),
        parent: None,
        end: None,
        ended_after: 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Enters tasks that end well and tasks that fail, so many above what is kept.
    fn ended(keep: Keep, well: usize, failed: usize) -> Outcomes {
        let runtime = tokio::runtime::Builder::new_current_thread().build();
        let runtime = runtime.unwrap();
        let mut tasks = Tasks::new(keep);
        let mut end = |error: Option<&str>| {
            let id = runtime.spawn(async {}).id();
            if keep == Keep::EveryTask {
                tasks.names.insert(id.into(), "named".to_owned());
                tasks.spawn(id, Location::caller());
            }
            if let Some(error) = error {
                Poll::begin(id, Location::caller());
                let poll = Poll::of(id).unwrap();
                tasks.hear(poll, End::Error(error.to_owned()), true);
            }
            if keep == Keep::EveryTask {
                tasks.end(id);
            }
            id
        };
        for _ in 0..KEPT + well {
            end(None);
        }
        let last = (0..=KEPT + failed).map(|_| end(Some("oh no"))).last();
        if keep == Keep::Failures {
            tasks.forget(last.unwrap());
        }
        assert_eq!(tasks.names.len(), 0);
        tasks.outcomes()
    }

    #[test]
    fn of_very_many_tasks_that_ended_only_the_number_is_kept() {
        let outcomes = ended(Keep::EveryTask, 2, 2);
        let Unlisted { tasks, failed } = outcomes.unlisted;
        assert_eq!((tasks, failed), (5, 3));
        assert_eq!(outcomes.tasks.len(), 2 * KEPT);
        assert!(outcomes.tasks.iter().all(|task| task.name.is_some()));
    }

    #[test]
    fn of_tasks_that_ended_well_nothing_is_kept_where_only_failures_are() {
        let outcomes = ended(Keep::Failures, 2, 3);
        assert_eq!(outcomes.unlisted.failed, 3);
        assert_eq!(outcomes.tasks.len(), KEPT);
        let is_failed = |task: &TaskOutcome| task.error() == Some("oh no");
        assert!(outcomes.tasks.iter().all(is_failed));
    }
}
