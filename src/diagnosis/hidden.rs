//! Timers that no task was seen to wait for, such as those within a future that is not understood.

use std::collections::HashSet;
use std::time::Duration;

use super::{Wait, Waits};
use crate::observe::{Snapshot, TaskSeen, TaskState, Timers};

/// Whether a task of the program may be woken by a timer that is not among what it is seen to wait for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum HiddenTimer {
    /// None will be.
    None,
    /// None will be for a while, most likely.
    Unlikely,
    /// It can't be told.
    Possible,
    /// One will be.
    Sure,
}

/// Looks for one in a program that is at rest, in which no task is seen to wait for a timer, but the upkeep of
/// libraries.
pub(super) fn timer(seen: &Snapshot, waits: &Waits<'_>) -> HiddenTimer {
    let set_for = match seen.outside.timers {
        Timers::None => return HiddenTimer::None,
        Timers::Set(time) => Some(time.saturating_sub(seen.quiet_for)),
        Timers::Unknown => None,
    };
    let parked = || {
        let tasks = seen.tasks.iter();
        tasks.filter(|task| matches!(task.state, TaskState::Parked(_)))
    };
    let is_own = |task: &&TaskSeen| !task.is_upkeep();
    if let Some(recorded) = &seen.timers
        && (!recorded.is_empty() || set_for.is_none())
    {
        let has_one = |task: &TaskSeen| seen.timers_of(task.id).next().is_some();
        return if parked().filter(is_own).any(has_one) {
            HiddenTimer::Sure
        } else {
            HiddenTimer::None
        };
    }

    let may_be_upkeep = parked()
        .filter(|task| task.is_upkeep())
        .any(|task| !seen.is_read || waits.on(task.id).iter().any(is_timer_or_unseen));
    // The children of a task that waits unseen are mostly what it waits for, in a `JoinSet`.
    let parents: HashSet<_> = parked().filter_map(|task| task.parent).collect();
    let is_unseen = |task: &TaskSeen| {
        let mut waits = waits.on(task.id).iter();
        waits.any(|wait| matches!(wait, Wait::Unseen { .. })) && !parents.contains(&task.id)
    };
    if set_for.is_some() && !may_be_upkeep {
        HiddenTimer::Sure
    } else if set_for.is_some_and(|time| time < SOON)
        || !seen.is_read
        || parked().filter(is_own).any(is_unseen)
    {
        HiddenTimer::Possible
    } else {
        HiddenTimer::Unlikely
    }
}

/// Upkeep mostly takes longer.
const SOON: Duration = Duration::from_mins(1);

fn is_timer_or_unseen(wait: &Wait<'_>) -> bool {
    matches!(
        wait,
        Wait::Timer { .. } | Wait::TimeOut { .. } | Wait::Unseen { .. }
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observe::{Leaf, TaskId, TimerSeen};
    use crate::place::Place;

    const MAIN: TaskId = TaskId(1);
    const UPKEEP: TaskId = TaskId(2);
    const LONG: Duration = Duration::from_mins(10);

    fn task(id: TaskId, spawned_at: &'static str, calls: &[&str]) -> TaskSeen {
        let leaf = |call: &&str| Leaf::through(&[*call]);
        TaskSeen {
            id,
            name: None,
            spawned_at: Place::new(spawned_at, 1),
            parent: None,
            polled_at: None,
            state: TaskState::Parked(calls.iter().map(leaf).collect()),
        }
    }

    /// Main waits for a lock, and a task of a library for a timer.
    fn with_upkeep(timers: Timers) -> Snapshot {
        let library = "/home/a/.cargo/registry/src/i/sqlx-core-0.9.0/src/pool/inner.rs";
        let mut seen = Snapshot {
            tasks: vec![
                task(MAIN, "main.rs", &["tokio::sync::mutex::Mutex::lock"]),
                task(UPKEEP, library, &["tokio::time::sleep::Sleep"]),
            ],
            is_read: true,
            ..Snapshot::default()
        };
        seen.outside.timers = timers;
        seen
    }

    fn found(seen: &Snapshot) -> HiddenTimer {
        timer(seen, &Waits::of(seen))
    }

    #[test]
    fn where_none_is_set_there_is_none_and_where_one_is_it_is_somebodys() {
        let mut seen = with_upkeep(Timers::None);
        assert_eq!(found(&seen), HiddenTimer::None);
        seen.outside.timers = Timers::Set(LONG);
        seen.tasks.pop();
        assert_eq!(found(&seen), HiddenTimer::Sure);
    }

    #[test]
    fn one_that_a_library_may_have_set_is_most_likely_its_own_unless_it_goes_off_soon() {
        let mut seen = with_upkeep(Timers::Set(LONG));
        assert_eq!(found(&seen), HiddenTimer::Unlikely);
        seen.quiet_for = LONG.saturating_sub(SOON / 2);
        assert_eq!(found(&seen), HiddenTimer::Possible);
        assert_eq!(found(&with_upkeep(Timers::Unknown)), HiddenTimer::Unlikely);
    }

    #[test]
    fn a_task_that_waits_unseen_may_have_set_one_unless_it_has_children_to_wait_for() {
        for timers in [Timers::Set(LONG), Timers::Unknown] {
            let mut seen = with_upkeep(timers);
            seen.tasks[0] = task(MAIN, "main.rs", &[]);
            assert_eq!(found(&seen), HiddenTimer::Possible);
            let mut child = task(TaskId(3), "main.rs", &["tokio::sync::mutex::Mutex::lock"]);
            child.parent = Some(MAIN);
            seen.tasks.push(child);
            assert_eq!(found(&seen), HiddenTimer::Unlikely);
            seen.is_read = false;
            assert_eq!(found(&seen), HiddenTimer::Possible);
        }
    }

    #[test]
    fn where_they_are_recorded_it_is_known_whose_they_are() {
        let of = |task| TimerSeen { task, due: LONG };
        for timers in [Timers::Set(Duration::ZERO), Timers::Unknown] {
            let mut seen = with_upkeep(timers);
            seen.timers = Some(vec![of(UPKEEP)]);
            assert_eq!(found(&seen), HiddenTimer::None);
            seen.timers = Some(vec![of(MAIN), of(UPKEEP)]);
            assert_eq!(found(&seen), HiddenTimer::Sure);
        }
        // It was set before anybody recorded them.
        let mut seen = with_upkeep(Timers::Set(Duration::ZERO));
        seen.timers = Some(Vec::new());
        assert_eq!(found(&seen), HiddenTimer::Possible);
    }
}
