//! Whom a task waits for through plain handles.
//!
//! No source tells which task a `JoinHandle` belongs to. But most handles are awaited by the task that got them:
//! one that waits for as many tasks to end as are left of those that it spawned waits for these, most likely.

use std::collections::BTreeMap;

use super::{Wait, Waits};
use crate::observe::{Snapshot, TaskId, TaskState};

/// The tasks that each one awaits, most likely; nothing of those where there are several possibilities.
pub(super) fn of(seen: &Snapshot, waits: &Waits<'_>) -> BTreeMap<TaskId, Vec<TaskId>> {
    let handles = |task| {
        let joins = waits.on(task).iter();
        joins
            .filter(|wait| matches!(wait, Wait::Join { .. }))
            .count()
    };
    let joining = seen.tasks.iter().filter(|task| handles(task.id) > 0);
    let mut joins: BTreeMap<TaskId, Vec<TaskId>> =
        joining.map(|task| (task.id, Vec::new())).collect();
    for task in &seen.tasks {
        let is_alive = !matches!(task.state, TaskState::Ended(_));
        if let Some(children) = task.parent.and_then(|parent| joins.get_mut(&parent))
            && is_alive
            && !task.spawned_at.is_library()
        {
            children.push(task.id);
        }
    }
    for group in &seen.groups {
        if let Some(children) = joins.get_mut(&group.waiter) {
            children.retain(|child| !group.open.contains(child));
        }
    }
    joins.retain(|task, children| (1..=handles(*task)).contains(&children.len()));
    joins
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observe::{End, GroupSeen, Leaf, TaskSeen};
    use crate::place::Place;

    const MAIN: TaskId = TaskId(1);

    /// Main, which awaits one handle, and children with these numbers.
    fn awaiting(children: &[u64]) -> Snapshot {
        let handle = Leaf::through(&["tokio::runtime::task::join::JoinHandle"]);
        let main = TaskSeen {
            id: MAIN,
            name: None,
            spawned_at: Place::new("main.rs", 1),
            parent: None,
            polled_at: None,
            state: TaskState::Parked([handle].into()),
        };
        let child = |id: &u64| TaskSeen {
            id: TaskId(*id),
            parent: Some(MAIN),
            state: TaskState::Parked([].into()),
            ..main.clone()
        };
        let children: Vec<TaskSeen> = children.iter().map(child).collect();
        Snapshot {
            tasks: [vec![main], children].concat(),
            is_read: true,
            ..Snapshot::default()
        }
    }

    fn joined(seen: &Snapshot) -> Option<Vec<u64>> {
        let joins = of(seen, &Waits::of(seen));
        let joined = joins.get(&MAIN)?.iter();
        Some(joined.map(|task| task.0).collect())
    }

    #[test]
    fn the_only_task_left_is_the_one_that_is_awaited() {
        assert_eq!(joined(&awaiting(&[2])), Some(vec![2]));
        let mut seen = awaiting(&[2, 3]);
        assert_eq!(joined(&seen), None);
        seen.tasks[1].state = TaskState::Ended(End::Ok);
        assert_eq!(joined(&seen), Some(vec![3]));
    }

    #[test]
    fn neither_a_child_of_a_group_nor_a_task_of_a_library_has_a_handle_that_is_awaited() {
        let mut seen = awaiting(&[2, 3, 4]);
        let library = "/home/a/.cargo/registry/src/i/pool-1.0.0/src/lib.rs";
        seen.tasks[1].spawned_at = Place::new(library, 1);
        seen.groups.push(GroupSeen {
            name: "group".to_owned(),
            opened_at: Place::new("main.rs", 2),
            waiter: MAIN,
            only: false,
            open: vec![TaskId(3)],
        });
        assert_eq!(joined(&seen), Some(vec![4]));
    }
}
