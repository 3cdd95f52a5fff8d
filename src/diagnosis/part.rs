//! The part of a program that is stuck, while the rest may go on.

use std::collections::BTreeSet;

use super::graph::{is_counted_out, may_be_lost};
use super::{Case, Confidence, Finding, Judgement, Program, Verdict, Waits, rules};
use crate::observe::{Snapshot, TaskId};

/// Tasks that will never go on, whatever the other tasks do, short of cancelling them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StuckPart {
    /// All such tasks: those that hold one another up, and those that wait for them.
    pub tasks: Vec<TaskId>,
    /// Those among them that hold up others of them, however many more come to wait.
    pub holding_up: BTreeSet<TaskId>,
    /// Why.
    pub findings: Vec<Finding>,
}

/// Whether all that a task is known to wait for are events that nobody can set any more, and groups.
pub(crate) fn waits_in_vain(seen: &Snapshot, task: TaskId) -> bool {
    let waits = Waits::of(seen);
    let waits = waits.on(task);
    let all_known = seen.is_read || is_counted_out(waits);
    all_known && !waits.is_empty() && waits.iter().all(may_be_lost)
}

/// The stuck part of a program, as far as it follows from its locks alone: no reading is needed, and the
/// program need not be quiet. None: there is no such part, or it doesn't follow.
///
/// It is likely, as it rests on one thing that no record tells: that a guard which borrows its lock was not sent to
/// a task or a thread that was there already. Only one of a lock that lives for ever (a static, or one that is
/// leaked) can be, or one within a boxed future that is sent on halfway.
pub fn stuck_part(seen: &Snapshot, main: TaskId) -> Option<StuckPart> {
    let program = Program::Runs(Judgement {
        verdict: Verdict::Waiting,
        confidence: Confidence::Likely,
    });
    let case = Case::new(seen, main, &program);
    let findings = rules::of_a_part(&case);
    (!findings.is_empty()).then(|| StuckPart {
        tasks: case.graph.hopeless().collect(),
        holding_up: case.graph.holding_up(),
        findings,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observe::{
        GroupSeen, HolderSeen, ResourceKind, ResourceSeen, TaskSeen, TaskState, WaiterSeen,
    };
    use crate::place::Place;

    /// Tasks 1 to 4, of which nothing is known but what locks tell.
    fn program(resources: Vec<ResourceSeen>) -> Snapshot {
        let task = |id| TaskSeen {
            id: TaskId(id),
            name: None,
            spawned_at: Place::new("main.rs", 1),
            parent: None,
            polled_at: None,
            state: TaskState::Parked([].into()),
        };
        Snapshot {
            tasks: (1..5).map(task).collect(),
            resources,
            ..Snapshot::default()
        }
    }

    fn waiter(id: u64) -> WaiterSeen {
        WaiterSeen {
            task: Some(TaskId(id)),
            wants: 1,
            got: 0,
            only: true,
        }
    }

    fn held(id: u64, waiters: &[u64]) -> ResourceSeen {
        ResourceSeen {
            kind: ResourceKind::Mutex,
            made_at: Some(Place::new("main.rs", 2)),
            permits: 1,
            holders: vec![HolderSeen {
                task: Some(TaskId(id)),
                permits: 1,
                certain: true,
            }],
            missing: 0,
            waiters: waiters.iter().map(|id| waiter(*id)).collect(),
        }
    }

    fn ring() -> Vec<ResourceSeen> {
        vec![held(1, &[2, 3]), held(2, &[1])]
    }

    /// The tasks that are stuck, and by what rules.
    fn stuck(seen: &Snapshot) -> Option<(Vec<u64>, Vec<&'static str>)> {
        stuck_part(seen, TaskId(1)).map(|part| {
            let rules = part.findings.iter().map(|finding| finding.rule);
            (
                part.tasks.iter().map(|task| task.0).collect(),
                rules.collect(),
            )
        })
    }

    #[test]
    fn a_ring_is_stuck_and_so_is_who_waits_for_it() {
        let expected = (vec![1, 2, 3], vec!["lock-cycle"]);
        assert_eq!(stuck(&program(ring())), Some(expected));
    }

    #[test]
    fn whatever_might_break_the_ring_leaves_nothing_proven() {
        for doubt in [
            |ring: &mut Vec<ResourceSeen>| ring[0].holders[0].certain = false,
            |ring: &mut Vec<ResourceSeen>| ring[0].holders[0].task = None,
            |ring: &mut Vec<ResourceSeen>| ring[0].missing = 1,
            |ring: &mut Vec<ResourceSeen>| ring[0].waiters[0].only = false,
            |ring: &mut Vec<ResourceSeen>| ring[0].kind = ResourceKind::Semaphore,
            // A second lock that it waits for at the same time, and that will be free.
            |ring: &mut Vec<ResourceSeen>| ring.push(held(4, &[2])),
            // Whoever is first in the queue may leave it.
            |ring: &mut Vec<ResourceSeen>| ring[0].holders[0].task = Some(TaskId(4)),
        ] {
            let mut ring = ring();
            doubt(&mut ring);
            assert_eq!(stuck(&program(ring)), None);
        }
        let mut busy = program(ring());
        busy.tasks[0].state = TaskState::Polling;
        assert_eq!(stuck(&busy), None);
    }

    #[test]
    fn a_group_might_be_ended_by_what_is_not_seen() {
        let mut seen = program(vec![held(1, &[2])]);
        seen.groups.push(GroupSeen {
            name: "group".to_owned(),
            opened_at: Place::new("main.rs", 3),
            waiter: TaskId(1),
            only: false,
            open: vec![TaskId(2)],
        });
        assert_eq!(stuck(&seen), None);
    }

    #[test]
    fn a_lock_taken_twice_is_stuck_even_behind_somebody_else() {
        let mut lock = held(1, &[4, 1]);
        lock.kind = ResourceKind::RwLock;
        lock.permits = 10;
        lock.waiters[0].wants = 10;
        lock.waiters[0].got = 9;
        let expected = (vec![1, 4], vec!["self-deadlock"]);
        assert_eq!(stuck(&program(vec![lock.clone()])), Some(expected));
        // Somebody else reads, but the writer still waits for both.
        lock.holders.push(HolderSeen {
            task: Some(TaskId(2)),
            ..lock.holders[0].clone()
        });
        lock.waiters[0].got = 8;
        let expected = (vec![1, 4], vec!["self-deadlock"]);
        assert_eq!(stuck(&program(vec![lock.clone()])), Some(expected));
        // The writer gives up after a while.
        lock.waiters[0].only = false;
        assert_eq!(stuck(&program(vec![lock])), None);
    }

    #[test]
    fn what_was_granted_to_a_future_that_nobody_polls_is_held() {
        let mut lock = held(1, &[1, 1, 2]);
        lock.holders.clear();
        lock.waiters[0].got = 1;
        let expected = (vec![1, 2], vec!["futurelock"]);
        assert_eq!(stuck(&program(vec![lock])), Some(expected));
    }
}
