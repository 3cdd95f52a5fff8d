//! Every task of a runtime: where it came from, and how it ended.

use std::collections::HashMap;
use std::panic::Location;

use foldhash::fast::FixedState;
use tokio::task;

use crate::outcomes::{End, TaskId, TaskOutcome, Unlisted};

/// Of how many tasks that ended well, and of how many that failed, more is kept than their number. A
/// server may spawn one for each request, for years.
const KEPT: usize = 10_000;

#[derive(Default)]
pub(super) struct Tasks {
    // Each task is entered and removed, so it has to be fast.
    records: HashMap<task::Id, Record, FixedState>,
    spawned: usize,
    ended: usize,
    /// How many that ended well, and how many that failed, have a record.
    kept: [usize; 2],
    unlisted: Unlisted,
    /// Names by Tokio's number of the task: the span that has the name comes before the task.
    names: HashMap<TaskId, String, FixedState>,
    /// What task groups said of children that did not end well, and are about to end.
    told: HashMap<TaskId, End, FixedState>,
}

struct Record {
    order: usize,
    /// The task that spawned it.
    parent: Option<task::Id>,
    spawned_at: &'static Location<'static>,
    fate: Fate,
}

enum Fate {
    /// With what was last heard of it: an error or a panic, and the poll in which that was.
    Alive(Option<(End, u64)>),
    /// With how many tasks had ended before.
    Ended(End, usize),
}

impl Tasks {
    /// Those that ended and have no record.
    pub(super) fn unlisted(&self) -> Unlisted {
        self.unlisted
    }

    /// To be called where the task is being spawned.
    pub(super) fn spawn(&mut self, id: task::Id, spawned_at: &'static Location<'static>) {
        let record = Record {
            order: self.spawned,
            parent: task::try_id(),
            spawned_at,
            fate: Fate::Alive(None),
        };
        self.spawned += 1;
        self.records.insert(id, record);
    }

    pub(super) fn name(&mut self, id: TaskId, name: String) {
        self.names.insert(id, name);
    }

    /// The task said that it failed, during the poll `poll` of its thread.
    pub(super) fn hear(&mut self, id: task::Id, end: End, poll: u64) {
        if let Some(record) = self.records.get_mut(&id)
            && let Fate::Alive(heard) = &mut record.fate
        {
            *heard = Some((end, poll));
        }
    }

    /// The task has caught the panic that was last heard of it.
    pub(super) fn catch(&mut self, id: task::Id) {
        if let Some(record) = self.records.get_mut(&id)
            && let Fate::Alive(heard) = &mut record.fate
        {
            heard.take_if(|(end, _)| matches!(end, End::Panic(_)));
        }
    }

    pub(super) fn tell(&mut self, id: TaskId, end: End) {
        // A destructor may panic after an error: the error came first.
        self.told.entry(id).or_insert(end);
    }

    /// The task ended during the poll `poll` of its thread. What was heard of it in an earlier poll
    /// did not end it, so it has got over that.
    pub(super) fn end(&mut self, id: task::Id, poll: Option<u64>) {
        // A `spawn_blocking` ends without having been spawned.
        let Some(record) = self.records.get_mut(&id) else {
            self.names.remove(&id.into());
            return;
        };
        let Fate::Alive(heard) = &mut record.fate else {
            return;
        };
        let end = match heard.take() {
            Some((end, heard_in)) if Some(heard_in) == poll => end,
            _ => End::Ok,
        };
        let told = if self.told.is_empty() {
            None
        } else {
            self.told.remove(&id.into())
        };
        let end = told.unwrap_or(end);
        let before = self.ended;
        self.ended += 1;
        let failed = matches!(end, End::Error(_) | End::Panic(_));
        let kept = &mut self.kept[usize::from(failed)];
        // The first task is mostly the program's main.
        if *kept < KEPT || record.order == 0 {
            *kept += 1;
            record.fate = Fate::Ended(end, before);
            return;
        }
        self.records.remove(&id);
        self.names.remove(&id.into());
        self.unlisted.tasks += 1;
        self.unlisted.failed += usize::from(failed);
    }

    /// All tasks that have a record, in spawn order.
    pub(super) fn list(&self) -> Vec<TaskOutcome> {
        let mut records: Vec<_> = self.records.iter().collect();
        records.sort_unstable_by_key(|(_, record)| record.order);
        let tasks = records.into_iter().map(|(&id, record)| {
            let id = TaskId::from(id);
            let (end, ended_after) = match &record.fate {
                Fate::Alive(_) => (None, 0),
                Fate::Ended(end, before) => (Some(end.clone()), *before),
            };
            TaskOutcome {
                id,
                name: self.names.get(&id).cloned(),
                spawned_at: record.spawned_at.into(),
                parent: record.parent.map(TaskId::from),
                end,
                ended_after,
            }
        });
        tasks.collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_very_many_tasks_that_ended_only_the_number_is_kept() {
        let runtime = tokio::runtime::Builder::new_current_thread().build();
        let runtime = runtime.unwrap();
        let mut tasks = Tasks::default();
        let mut spawn = |error: Option<&str>| {
            let id = runtime.spawn(async {}).id();
            tasks.name(TaskId::from(id), "named".to_owned());
            tasks.spawn(id, Location::caller());
            if let Some(error) = error {
                tasks.hear(id, End::Error(error.to_owned()), 1);
            }
            tasks.end(id, Some(1));
        };
        for _ in 0..KEPT + 2 {
            spawn(None);
        }
        for _ in 0..KEPT + 3 {
            spawn(Some("oh no"));
        }
        let Unlisted { tasks: all, failed } = tasks.unlisted();
        assert_eq!((all, failed), (5, 3));
        assert_eq!(
            (tasks.records.len(), tasks.names.len()),
            (2 * KEPT, 2 * KEPT)
        );
        assert_eq!((tasks.spawned, tasks.ended), (2 * KEPT + 5, 2 * KEPT + 5));
        assert_eq!(tasks.list().len(), 2 * KEPT);
    }
}
