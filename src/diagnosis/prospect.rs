//! What a dump could lead to, going by what is seen without one: it stops the workers of a runtime for a moment, so
//! it had better be worth it.

use super::hidden::{self, HiddenTimer};
use super::verdict::may_be_woken;
use crate::observe::Snapshot;

/// Whether it might be told of a program at rest, once its tasks are dumped, that it is stuck; or, if it `lasts`, that
/// it waits. `hopeless` if some task may wait for what can't come any more.
pub(crate) fn may_be_told(
    mut seen: Snapshot,
    lasts: bool,
    mut hopeless: impl FnMut() -> bool,
) -> bool {
    match hidden::timer_at_best(&seen) {
        HiddenTimer::None | HiddenTimer::Unlikely => {}
        HiddenTimer::Possible => return lasts,
        // Who waits for a socket is said to wait, whatever timers there are that no dump shows.
        HiddenTimer::Sure => return lasts && seen.outside.io_sources > 0,
    }
    seen.dumped = true;
    lasts || !may_be_woken(&seen) || hopeless()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::observe::{Outside, TaskId, TaskSeen, TaskState, TimerSeen, Timers};
    use crate::place::Place;

    const MAIN: TaskId = TaskId(1);
    const UPKEEP: TaskId = TaskId(2);
    const SHORT: Timers = Timers::Set(Duration::from_millis(300));
    const LONG: Timers = Timers::Set(Duration::from_mins(10));

    /// Main alone, or beside a task of a library.
    fn at_rest(timers: Timers, has_upkeep: bool) -> Snapshot {
        const LIBRARY: &str = "/home/a/.cargo/registry/src/i/sqlx-core-0.9.0/src/pool.rs";
        let task = |id, spawned_at| TaskSeen {
            id,
            name: None,
            spawned_at: Place::new(spawned_at, 1),
            parent: None,
            polled_at: None,
            state: TaskState::Parked([].into()),
        };
        let mut tasks = vec![task(MAIN, "main.rs")];
        if has_upkeep {
            tasks.push(task(UPKEEP, LIBRARY));
        }
        Snapshot {
            tasks,
            outside: Outside {
                timers,
                threads_seen: true,
                ..Outside::default()
            },
            at_rest: true,
            ..Snapshot::default()
        }
    }

    /// Whether it is worth a dump at once, and whether it is once it lasts.
    fn worth(seen: &Snapshot) -> (bool, bool) {
        let told = |lasts| may_be_told(seen.clone(), lasts, || false);
        (told(false), told(true))
    }

    #[test]
    fn where_nothing_else_could_wake_the_program_it_is_worth_it_at_once() {
        for (timers, has_upkeep) in [
            (Timers::None, false),
            (Timers::Unknown, false),
            (LONG, true),
        ] {
            assert_eq!(worth(&at_rest(timers, has_upkeep)), (true, true));
        }
    }

    #[test]
    fn where_a_timer_will_go_off_it_is_not() {
        assert_eq!(worth(&at_rest(SHORT, false)), (false, false));
        assert_eq!(worth(&at_rest(LONG, false)), (false, false));
        assert_eq!(worth(&at_rest(SHORT, true)), (false, true));
        let mut server = at_rest(LONG, false);
        server.outside.io_sources = 1;
        assert_eq!(worth(&server), (false, true));
    }

    #[test]
    fn a_timer_that_is_known_to_be_a_librarys_says_nothing() {
        for (task, expected) in [(UPKEEP, (true, true)), (MAIN, (false, false))] {
            let mut seen = at_rest(SHORT, true);
            let due = Duration::ZERO;
            seen.timers = Some(vec![TimerSeen { task, due }]);
            assert_eq!(worth(&seen), expected);
        }
    }

    #[test]
    fn what_may_be_woken_from_outside_is_not_looked_at_before_it_lasts() {
        for outside in [
            |outside: &mut Outside| outside.io_sources = 1,
            |outside: &mut Outside| outside.blocking_calls = 1,
            |outside: &mut Outside| outside.busy_threads.push("pool".to_owned()),
            |outside: &mut Outside| outside.threads_seen = false,
        ] {
            let mut seen = at_rest(Timers::None, false);
            outside(&mut seen.outside);
            assert_eq!(worth(&seen), (false, true));
        }
    }

    #[test]
    fn no_thread_can_bring_what_can_not_come_any_more() {
        let mut seen = at_rest(Timers::None, false);
        seen.outside.busy_threads.push("pool".to_owned());
        assert!(may_be_told(seen, false, || true));
    }
}
