//! Every task of a runtime: where it came from, and how it ended.

use std::collections::HashMap;
use std::panic::Location;

use tokio::task;

use super::dump::Leaves;
use super::snapshot::{End, TaskId, TaskSeen, TaskState};
use crate::place::Place;

#[derive(Default)]
pub(super) struct Tasks {
    records: HashMap<task::Id, Record>,
    ended: usize,
    /// Names by Tokio's number of the task: the span that has the name comes before the task.
    names: HashMap<TaskId, String>,
    /// What task groups said of children that did not end well.
    told: HashMap<TaskId, End>,
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
    Ended(End),
}

impl Tasks {
    pub(super) fn spawned(&self) -> usize {
        self.records.len()
    }

    pub(super) fn ended(&self) -> usize {
        self.ended
    }

    /// To be called where the task is being spawned.
    pub(super) fn spawn(&mut self, id: task::Id, spawned_at: &'static Location<'static>) {
        let record = Record {
            order: self.records.len(),
            parent: task::try_id(),
            spawned_at,
            fate: Fate::Alive(None),
        };
        self.records.insert(id, record);
    }

    /// Whether the task is one of this runtime's.
    pub(super) fn has(&self, id: TaskId) -> bool {
        self.records.keys().any(|known| TaskId::from(*known) == id)
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

    pub(super) fn tell(&mut self, id: TaskId, end: End) {
        self.told.insert(id, end);
    }

    /// The task ended, during the poll `poll` of its thread. What was heard of it in an earlier poll
    /// did not end it, so it has got over that.
    pub(super) fn end(&mut self, id: task::Id, poll: Option<u64>) {
        // A `spawn_blocking` ends without having been spawned.
        let Some(record) = self.records.get_mut(&id) else {
            return;
        };
        let Fate::Alive(heard) = &mut record.fate else {
            return;
        };
        let end = match heard.take() {
            Some((end, heard_in)) if Some(heard_in) == poll => end,
            _ => End::Ok,
        };
        record.fate = Fate::Ended(end);
        self.ended += 1;
    }

    /// Whether a task is alive that no library spawned.
    pub(super) fn has_own_alive(&self) -> bool {
        let mut records = self.records.values();
        records.any(|record| {
            matches!(record.fate, Fate::Alive(_)) && !Place::from(record.spawned_at).is_library()
        })
    }

    /// All tasks in spawn order.
    pub(super) fn seen(&self, polling: &[task::Id], leaves: &Leaves) -> Vec<TaskSeen> {
        let mut records: Vec<_> = self.records.iter().collect();
        records.sort_unstable_by_key(|(_, record)| record.order);
        records
            .into_iter()
            .map(|(&id, record)| {
                let number = TaskId::from(id);
                TaskSeen {
                    id: number,
                    name: self.names.get(&number).cloned(),
                    spawned_at: record.spawned_at.into(),
                    parent: record.parent.map(TaskId::from),
                    state: match &record.fate {
                        Fate::Ended(end) => {
                            TaskState::Ended(self.told.get(&number).unwrap_or(end).clone())
                        }
                        Fate::Alive(_) if polling.contains(&id) => TaskState::Polling,
                        Fate::Alive(_) => TaskState::Parked(leaves.of(id)),
                    },
                }
            })
            .collect()
    }
}
