//! Whether a program that has not ended will ever go on.
//!
//! A false `stuck` costs more trust than ten missed ones, so it is said only where everything that
//! could wake a task has been ruled out, one by one.

use std::collections::HashSet;

use super::graph::{self, Graph};
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
        match &task.state {
            // It has returned, though nobody may have heard of it yet.
            TaskState::Ended(_) if task.id == main => return None,
            TaskState::Polling => return Some(likely(Verdict::Blocked)),
            // A library's upkeep may tick for ever without helping the program.
            TaskState::Parked(_) if !task.is_upkeep() => live.push(task),
            TaskState::Parked(_) | TaskState::Ended(_) => {}
        }
    }
    if seen.is_torn {
        return None;
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
    let hidden_timer = hidden::timer(seen, &waits);
    match hidden_timer {
        HiddenTimer::Sure => return None,
        HiddenTimer::Possible => return Some(likely(Verdict::Waiting)),
        HiddenTimer::Unlikely | HiddenTimer::None => {}
    }
    let graph = Graph::of(seen, &waits);
    let hopeless = live.iter().all(|task| graph.is_hopeless(task.id));
    // The guard of a lock that lives for ever may be with a thread.
    let counted_out = |task: &&TaskSeen| {
        seen.unwakeable.contains(&task.id) || graph::is_counted_out(waits.on(task.id))
    };
    let by_their_wakers = all_threads_are_known(seen) || live.iter().all(counted_out);
    if may_be_woken(seen) && !(hopeless && by_their_wakers) {
        return Some(likely(Verdict::Waiting));
    }
    // Whoever holds what: a lock is given back by a task that goes on, or by a thread.
    let known: HashSet<TaskId> = seen.tasks.iter().map(|task| task.id).collect();
    let mut of_locks = seen.resources.iter().flat_map(ResourceSeen::tasks);
    let is_only_queued =
        |task: &TaskSeen| graph.is_hopeless(task.id) || graph.is_only_queued(task.id);
    let nobody_is_left = live.len() == alive(seen)
        && of_locks.all(|task| known.contains(&task))
        && live.iter().all(|task| is_only_queued(task));
    // Of tasks that are known by their wakers, no reading could show more.
    let all_seen =
        (seen.is_read || hopeless) && !may_be_woken(seen) && hidden_timer == HiddenTimer::None;
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

/// Whether something other than a task or a timer could wake a task, or one is on its way to a worker. A `select!` may
/// have a branch that is not understood, so none of these may be there at all, but for tasks of which it is known
/// that they have no such branch.
pub(super) fn may_be_woken(seen: &Snapshot) -> bool {
    let outside = &seen.outside;
    !seen.at_rest
        || outside.blocking_calls > 0
        || outside.io_sources > 0
        || outside.signals
        || !all_threads_are_known(seen)
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
        let leaf = |calls: &&[&str]| Leaf::through(calls);
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
            is_read: true,
            at_rest: true,
            ..Snapshot::default()
        }
    }

    /// The same, waiting for an event that nobody can set.
    fn orphaned() -> Snapshot {
        let mut seen = parked(&[]);
        seen.events.push(EventSeen {
            name: "done".to_owned(),
            made_at: Place::new("main.rs", 2),
            set: false,
            setters: 0,
            waits: vec![WaitSeen {
                task: MAIN,
                at: Place::new("main.rs", 3),
                only: false,
            }],
            let_go: Vec::new(),
        });
        seen
    }

    /// The same, and it is known that nothing else can wake it.
    fn counted_out() -> Snapshot {
        let mut seen = orphaned();
        seen.events[0].waits[0].only = true;
        seen
    }

    fn verdict(seen: &Snapshot) -> Option<(Verdict, Confidence)> {
        judge(seen, MAIN).map(|judgement| (judgement.verdict, judgement.confidence))
    }

    const SQLX: &str = "/home/a/.cargo/registry/src/i/sqlx-core-0.9.0/src/pool.rs";
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
    fn without_a_reading_it_is_likely_where_nothing_is_left_that_could_wake_a_task_or_proven_by_its_wakers()
     {
        for (mut seen, expected) in [
            (counted_out(), PROVEN),
            (orphaned(), STUCK),
            (parked(&[]), STUCK),
        ] {
            seen.is_read = false;
            assert_eq!(verdict(&seen), expected);
            // Whoever set it.
            seen.outside.timers = Timers::Set(Duration::from_secs(1));
            assert_eq!(verdict(&seen), None);
            seen.outside.timers = Timers::Unknown;
            assert_eq!(verdict(&seen), WAITING);
        }
    }

    #[test]
    fn what_could_wake_a_hidden_branch_rules_out_all_but_those_that_have_none() {
        for unknown in [
            |outside: &mut Outside| outside.sleeping_threads.push("pool".to_owned()),
            |outside: &mut Outside| outside.busy_threads.push("pool".to_owned()),
            |outside: &mut Outside| outside.threads_seen = false,
            |outside: &mut Outside| outside.blocking_calls = 1,
            |outside: &mut Outside| outside.io_sources = 1,
            |outside: &mut Outside| outside.signals = true,
        ] {
            let seen = [
                (counted_out(), STUCK),
                (orphaned(), WAITING),
                (parked(&[LOCK]), WAITING),
            ];
            for (mut seen, expected) in seen {
                unknown(&mut seen.outside);
                assert_eq!(verdict(&seen), expected);
            }
        }
    }

    #[test]
    fn a_task_without_a_waker_can_be_woken_by_nobody() {
        let mut seen = parked(&[]);
        seen.unwakeable.insert(MAIN);
        assert_eq!(verdict(&seen), PROVEN);
        let mut thread = seen.clone();
        thread.outside.sleeping_threads.push("pool".to_owned());
        assert_eq!(verdict(&thread), STUCK);
        let other = TaskSeen {
            id: TaskId(2),
            ..parked(&[]).tasks.remove(0)
        };
        thread.tasks.push(other.clone());
        assert_eq!(verdict(&thread), WAITING);
        seen.tasks.push(other);
        assert_eq!(verdict(&seen), STUCK);
    }

    #[test]
    fn a_task_that_is_on_its_way_to_a_worker_may_wake_another_one() {
        for (mut seen, expected) in [(counted_out(), STUCK), (parked(&[LOCK]), WAITING)] {
            seen.at_rest = false;
            assert_eq!(verdict(&seen), expected);
        }
    }

    #[test]
    fn what_is_gone_may_have_woken_somebody() {
        let mut seen = counted_out();
        seen.is_torn = true;
        assert_eq!(verdict(&seen), None);
        // A poll that does not come back needs nobody to wake it.
        seen.tasks[0].state = TaskState::Polling;
        let blocked = Some((Verdict::Blocked, Confidence::Likely));
        assert_eq!(verdict(&seen), blocked);
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
        upkeep.spawned_at = Place::new(SQLX, 1);
        let mut seen = queued(ResourceKind::Mutex, TaskId(2));
        seen.tasks.push(upkeep.clone());
        assert_eq!(verdict(&seen), STUCK);
        let mut seen = queued(ResourceKind::Mutex, MAIN);
        seen.tasks.push(upkeep);
        assert_eq!(verdict(&seen), PROVEN);
        // But a thread may have the guard, if the lock lives for ever.
        seen.outside.sleeping_threads.push("pool".to_owned());
        assert_eq!(verdict(&seen), WAITING);
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
    fn a_timer_that_no_task_is_seen_to_wait_for_is_as_good_as_one_that_is() {
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
    fn the_timer_of_upkeep_is_none_of_the_programs_but_that_of_another_library_may_be() {
        let mut seen = parked(&[LOCK]);
        let mut upkeep = parked(&[TIMER]).tasks.remove(0);
        upkeep.id = TaskId(2);
        upkeep.spawned_at = Place::new(SQLX, 1);
        seen.tasks.push(upkeep);
        assert_eq!(verdict(&seen), STUCK);
        let tower = "/home/a/.cargo/registry/src/i/tower-0.5.0/src/buffer/service.rs";
        seen.tasks[1].spawned_at = Place::new(tower, 1);
        assert_eq!(verdict(&seen), None);
    }
}
