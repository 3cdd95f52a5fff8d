//! Whether a program that has not ended will ever go on.
//!
//! A false `stuck` costs more trust than ten missed ones, so it is said only where everything that
//! could wake a task has been ruled out, one by one.

use std::collections::HashSet;

use super::graph::Graph;
use super::hidden::{self, HiddenTimer};
use super::{Confidence, Verdict, Wait, Waits};
use crate::observe::{ResourceSeen, Snapshot, TaskId, TaskSeen, TaskState};

/// A verdict on a program that has not ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Judgement {
    /// `Stuck`, `Blocked` or `Waiting`.
    pub verdict: Verdict,
    /// How sure that is.
    pub confidence: Confidence,
}

/// Threads that do nothing unless a task asks them to: by the start of their names.
const SERVANTS: [&str; 1] = ["sqlx-sqlite-wor"];

/// Judges a program that has not ended and in which nothing has moved for a while. None: it will go on
/// by itself.
///
/// `Blocked` and `Waiting` say what it is at, not that this will last: for that it has to be seen at it
/// for some time.
pub fn judge(seen: &Snapshot, main: TaskId) -> Option<Judgement> {
    let waits = Waits::of(seen);
    let mut live: Vec<&TaskSeen> = Vec::new();
    for task in &seen.tasks {
        let own = task.id == main || !task.spawned_at.is_library();
        match &task.state {
            // It has returned, though nobody may have heard of it yet.
            TaskState::Ended(_) if task.id == main => return None,
            TaskState::Polling => return Some(likely(Verdict::Blocked)),
            // A library's own upkeep may tick for ever without helping the program.
            TaskState::Parked(_) if own => live.push(task),
            TaskState::Parked(_) | TaskState::Ended(_) => {}
        }
    }

    let all = || live.iter().flat_map(|task| waits.on(task.id));
    if all().any(|wait| matches!(wait, Wait::Timer { .. } | Wait::TimeOut { .. })) {
        return None;
    }
    if all().any(|wait| matches!(wait, Wait::Io { .. })) {
        return Some(Judgement {
            verdict: Verdict::Waiting,
            confidence: Confidence::Proven,
        });
    }
    let hidden_timer = hidden::timer(seen, &waits, main);
    match hidden_timer {
        HiddenTimer::Sure => return None,
        HiddenTimer::Possible => return Some(likely(Verdict::Waiting)),
        HiddenTimer::Unlikely | HiddenTimer::None => {}
    }
    let hopeless = |wait: &Wait<'_>| match wait {
        Wait::Event { event, .. } => !event.set && event.setters == 0,
        // All its children are among the living, which are looked at themselves.
        Wait::Group { .. } => true,
        _ => false,
    };
    let graph = Graph::of(seen, &waits, main);
    let is_hopeless =
        |task: &TaskSeen| waits.on(task.id).iter().all(hopeless) || graph.is_hopeless(task.id);
    let hopeless = live.iter().all(|task| is_hopeless(task));
    if may_be_woken(seen, hopeless) {
        return Some(likely(Verdict::Waiting));
    }
    // Whoever holds what: a lock is given back by a task that goes on, or by a thread.
    let known: HashSet<TaskId> = seen.tasks.iter().map(|task| task.id).collect();
    let mut of_locks = seen.resources.iter().flat_map(ResourceSeen::tasks);
    let is_only_queued = |task: &TaskSeen| is_hopeless(task) || graph.is_only_queued(task.id);
    let nobody_is_left = live.len() == alive(seen)
        && of_locks.all(|task| known.contains(&task))
        && live.iter().all(|task| is_only_queued(task));
    let all_seen = seen.dumped && all_threads_are_known(seen) && hidden_timer == HiddenTimer::None;
    Some(Judgement {
        verdict: Verdict::Stuck,
        confidence: if (hopeless || nobody_is_left) && all_seen {
            Confidence::Proven
        } else {
            Confidence::Likely
        },
    })
}

/// How many tasks have not ended, those of libraries included.
fn alive(seen: &Snapshot) -> usize {
    let tasks = seen.tasks.iter();
    let alive = tasks.filter(|task| !matches!(task.state, TaskState::Ended(_)));
    alive.count()
}

/// Whether something that was seen, or was not looked at, could wake a task; `hopeless` if all that the
/// tasks are known to wait for can't come any more.
pub(super) fn may_be_woken(seen: &Snapshot, hopeless: bool) -> bool {
    // A `select!` may have a branch that the dump does not see, so none of these may be there at all.
    if seen.outside.blocking_calls > 0 || seen.outside.io_sources > 0 {
        return true;
    }
    // A thread, or a task of another program, can hold the other end of anything, but no handle that has been
    // counted out. And a task that was not looked at may wait for a signal.
    let all_seen = seen.dumped && all_threads_are_known(seen) && seen.outside.programs == 0;
    !hopeless && !all_seen
}

/// Whether there are no threads but the runtime's own, and those that do nothing by themselves.
fn all_threads_are_known(seen: &Snapshot) -> bool {
    let outside = &seen.outside;
    outside.threads_seen
        && outside.busy_threads.is_empty()
        && outside.sleeping_threads.iter().all(|name| is_servant(name))
}

pub(super) fn is_servant(thread: &str) -> bool {
    SERVANTS.iter().any(|servant| thread.starts_with(servant))
}

fn likely(verdict: Verdict) -> Judgement {
    Judgement {
        verdict,
        confidence: Confidence::Likely,
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::observe::{
        End, EventSeen, HolderSeen, Leaf, Outside, ResourceKind, TimerSeen, Timers, WaitSeen,
        WaiterSeen,
    };
    use crate::place::Place;

    const MAIN: TaskId = TaskId(1);

    /// A program of which everything was seen, whose main task is parked in these calls.
    fn parked(leaves: &[&[&str]]) -> Snapshot {
        let leaf = |calls: &&[&str]| Leaf {
            at: None,
            calls: calls.iter().map(|call| (*call).to_owned()).collect(),
        };
        Snapshot {
            tasks: vec![TaskSeen {
                id: MAIN,
                name: None,
                parent: None,
                polled_at: None,
                spawned_at: Place::new("main.rs", 1),
                state: TaskState::Parked(leaves.iter().map(leaf).collect()),
            }],
            outside: Outside {
                threads_seen: true,
                timers: Timers::None,
                ..Outside::default()
            },
            dumped: true,
            at_rest: true,
            ..Snapshot::default()
        }
    }

    /// The same, waiting for an event that nobody can set.
    fn orphaned() -> Snapshot {
        let mut seen = parked(&[&["unstuck::event::Event::wait"]]);
        seen.events.push(EventSeen {
            name: "done".to_owned(),
            made_at: Place::new("main.rs", 2),
            set: false,
            setters: 0,
            waits: vec![WaitSeen {
                task: MAIN,
                at: Place::new("main.rs", 3),
            }],
            let_go: Vec::new(),
        });
        seen
    }

    fn verdict(seen: &Snapshot) -> Option<(Verdict, Confidence)> {
        judge(seen, MAIN).map(|judgement| (judgement.verdict, judgement.confidence))
    }

    const LOCK: &[&str] = &["tokio::sync::mutex::Mutex::lock"];
    const TIMER: &[&str] = &["tokio::time::sleep::Sleep"];
    const SOCKET: &[&str] = &["tokio::net::tcp::stream::TcpStream::read"];
    const STUCK: Option<(Verdict, Confidence)> = Some((Verdict::Stuck, Confidence::Likely));
    const PROVEN: Option<(Verdict, Confidence)> = Some((Verdict::Stuck, Confidence::Proven));
    const WAITING: Option<(Verdict, Confidence)> = Some((Verdict::Waiting, Confidence::Likely));

    #[test]
    fn an_event_that_nobody_can_set_is_a_proof_where_everything_was_seen() {
        assert_eq!(verdict(&orphaned()), PROVEN);
    }

    #[test]
    fn without_a_dump_an_orphaned_event_is_likely_and_anything_else_unknown() {
        let mut seen = orphaned();
        seen.dumped = false;
        assert_eq!(verdict(&seen), STUCK);
        let mut seen = parked(&[]);
        seen.dumped = false;
        assert_eq!(verdict(&seen), WAITING);
    }

    #[test]
    fn a_thread_of_unknown_purpose_rules_out_all_but_the_orphaned_event() {
        for unknown in [
            |outside: &mut Outside| outside.sleeping_threads.push("pool".to_owned()),
            |outside: &mut Outside| outside.busy_threads.push("pool".to_owned()),
            |outside: &mut Outside| outside.threads_seen = false,
        ] {
            let (mut event, mut lock) = (orphaned(), parked(&[LOCK]));
            unknown(&mut event.outside);
            unknown(&mut lock.outside);
            assert_eq!(verdict(&event), STUCK);
            assert_eq!(verdict(&lock), WAITING);
        }
    }

    /// Waiting for all of these permits, of which one is with somebody.
    fn queued(kind: ResourceKind, holder: TaskId) -> Snapshot {
        let mut seen = parked(&[LOCK]);
        seen.resources.push(ResourceSeen {
            kind,
            made_at: None,
            permits: 1,
            holders: vec![HolderSeen {
                task: Some(holder),
                permits: 1,
                certain: true,
            }],
            missing: 0,
            waiters: vec![WaiterSeen {
                task: Some(MAIN),
                wants: 1,
                got: 0,
                only: true,
            }],
        });
        seen
    }

    #[test]
    fn whoever_holds_a_lock_nobody_gives_it_back_if_all_only_wait_for_locks() {
        let ended = TaskSeen {
            id: TaskId(2),
            state: TaskState::Ended(End::Ok),
            ..parked(&[]).tasks.remove(0)
        };
        let mut semaphore = queued(ResourceKind::Semaphore, ended.id);
        // Until that task is known: one of another runtime may go on.
        assert_eq!(verdict(&semaphore), STUCK);
        semaphore.tasks.push(ended);
        assert_eq!(verdict(&semaphore), PROVEN);
        let mut more = semaphore.clone();
        more.resources[0].waiters[0].only = false;
        assert_eq!(verdict(&more), STUCK);
        for could_have_it in [
            |seen: &mut Snapshot| seen.outside.sleeping_threads.push("pool".to_owned()),
            |seen: &mut Snapshot| seen.outside.blocking_calls = 1,
            |seen: &mut Snapshot| seen.dumped = false,
        ] {
            let mut seen = semaphore.clone();
            could_have_it(&mut seen);
            assert_eq!(verdict(&seen), WAITING);
        }
    }

    #[test]
    fn a_library_may_have_what_the_program_waits_for_unless_the_program_has_it_itself() {
        let mut upkeep = parked(&[TIMER]).tasks.remove(0);
        upkeep.id = TaskId(2);
        upkeep.spawned_at = Place::new("/home/a/.cargo/registry/src/i/pool-1.0.0/src/lib.rs", 1);
        let mut seen = queued(ResourceKind::Mutex, TaskId(2));
        seen.tasks.push(upkeep.clone());
        assert_eq!(verdict(&seen), STUCK);
        let mut seen = queued(ResourceKind::Mutex, MAIN);
        seen.tasks.push(upkeep);
        assert_eq!(verdict(&seen), PROVEN);
        // A thread can't have it either, though there may be more that it can do.
        seen.outside.sleeping_threads.push("pool".to_owned());
        assert_eq!(verdict(&seen), STUCK);
    }

    #[test]
    fn a_thread_that_serves_tasks_only_rules_out_nothing() {
        let mut seen = parked(&[LOCK]);
        seen.outside
            .sleeping_threads
            .push("sqlx-sqlite-wor".to_owned());
        assert_eq!(verdict(&seen), STUCK);
    }

    #[test]
    fn what_can_wake_a_hidden_branch_rules_out_everything() {
        for hidden in [
            |outside: &mut Outside| outside.blocking_calls = 1,
            |outside: &mut Outside| outside.io_sources = 1,
        ] {
            let mut seen = orphaned();
            hidden(&mut seen.outside);
            assert_eq!(verdict(&seen), WAITING);
        }
    }

    #[test]
    fn a_timer_that_no_dump_shows_is_as_good_as_one_that_it_shows() {
        let second = Duration::from_secs(1);
        for seen in [orphaned(), parked(&[LOCK]), parked(&[])] {
            assert_ne!(verdict(&seen), None);
            let mut timer = seen.clone();
            timer.outside.timers = Timers::Set(second);
            assert_eq!(verdict(&timer), None);
            // Recorded, it is known to be somebody else's, or not.
            let others = TimerSeen {
                task: TaskId(2),
                due: second,
            };
            timer.timers = Some(vec![others]);
            assert_eq!(verdict(&timer), verdict(&seen));
            timer.timers = Some(vec![TimerSeen {
                task: MAIN,
                ..others
            }]);
            assert_eq!(verdict(&timer), None);
        }
    }

    #[test]
    fn where_it_can_not_be_told_who_has_set_a_timer_nothing_is_proven() {
        let mut seen = orphaned();
        seen.outside.timers = Timers::Unknown;
        assert_eq!(verdict(&seen), STUCK);
        let mut seen = parked(&[]);
        seen.outside.timers = Timers::Unknown;
        assert_eq!(verdict(&seen), WAITING);
    }

    #[test]
    fn another_program_may_have_what_is_waited_for_but_no_handle_that_was_counted_out() {
        for (seen, expected) in [(orphaned(), PROVEN), (parked(&[LOCK]), WAITING)] {
            let mut among_others = seen.clone();
            among_others.outside.programs = 1;
            assert_eq!(verdict(&among_others), expected);
        }
    }

    #[test]
    fn a_program_that_has_just_returned_is_not_stuck() {
        let mut seen = parked(&[]);
        seen.tasks[0].state = TaskState::Ended(End::Ok);
        assert_eq!(verdict(&seen), None);
        let left = TaskSeen {
            id: TaskId(2),
            ..parked(&[LOCK]).tasks.remove(0)
        };
        seen.tasks.push(left);
        assert_eq!(verdict(&seen), None);
    }

    #[test]
    fn one_branch_that_goes_on_is_enough() {
        assert_eq!(verdict(&parked(&[LOCK, TIMER])), None);
        let waiting = Some((Verdict::Waiting, Confidence::Proven));
        assert_eq!(verdict(&parked(&[LOCK, SOCKET])), waiting);
    }

    #[test]
    fn the_timer_of_a_library_is_none_of_the_programs() {
        let mut seen = parked(&[LOCK]);
        let mut upkeep = parked(&[TIMER]).tasks.remove(0);
        upkeep.id = TaskId(2);
        upkeep.spawned_at = Place::new(
            "/home/a/.cargo/registry/src/i/sqlx-core-0.9.0/src/pool.rs",
            1,
        );
        seen.tasks.push(upkeep);
        assert_eq!(verdict(&seen), STUCK);
    }
}
