//! Programs that would be stuck, were it not for their time-outs.
//!
//! A time-out ends the wait, and what comes of it is an error that does not say who held what. That can
//! only be seen before: while the program stands still, and nothing can move it but the time-outs.

use std::collections::BTreeSet;

use super::verdict::may_be_woken;
use super::{Case, Confidence, Finding, Judgement, Program, Verdict, Wait, rules};
use crate::observe::{End, TaskId, TaskState};

/// Why a program that has failed stood still before, if a task that had given up waiting failed.
pub(super) fn before_the_end(case: &Case<'_>) -> Vec<Finding> {
    let Some(pause) = &case.seen.pause else {
        return Vec::new();
    };
    let failed = |id: &TaskId| match case.program {
        Program::Returned(End::Ok, _) | Program::Runs(_) => false,
        Program::Returned(..) if *id == case.main => true,
        Program::Returned(..) => case.task(*id).is_some_and(|task| {
            matches!(task.state, TaskState::Ended(End::Error(_) | End::Panic(_)))
        }),
    };
    let program = Program::Runs(Judgement {
        verdict: Verdict::Stuck,
        confidence: Confidence::Likely,
    });
    let before = Case::new(pause, case.main, &program);
    match impatient(&before) {
        Some(tasks) if tasks.iter().any(failed) => {
            rules::of_locks(&before).into_iter().map(in_vain).collect()
        }
        _ => Vec::new(),
    }
}

/// The tasks that wait for a lock or permit, but not for ever; none if anything but their time-outs could
/// move the program.
fn impatient(case: &Case<'_>) -> Option<BTreeSet<TaskId>> {
    let mut impatient = BTreeSet::new();
    for task in case.tasks() {
        match task.state {
            TaskState::Ended(_) => continue,
            TaskState::Polling => return None,
            TaskState::Parked(_) => {}
        }
        for wait in case.waits.on(task.id) {
            match wait {
                Wait::Timer { .. } | Wait::Io { .. } => return None,
                // Whatever else it could be that is waited for.
                Wait::TimeOut { .. } if case.graph.queues(task.id).next().is_none() => return None,
                Wait::TimeOut { .. } => {
                    impatient.insert(task.id);
                }
                _ => {}
            }
        }
    }
    (case.seen.is_read && !may_be_woken(case.seen)).then_some(impatient)
}

fn in_vain(finding: Finding) -> Finding {
    Finding {
        confidence: Confidence::Likely,
        summary: format!("{}; then a timeout ended the wait", finding.summary),
        ..finding
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnosis::diagnose;
    use crate::observe::{
        HolderSeen, Leaf, Outside, ResourceKind, ResourceSeen, Snapshot, TaskSeen, WaiterSeen,
    };
    use crate::place::Place;

    const MAIN: TaskId = TaskId(1);

    fn task(id: TaskId, calls: &[&str]) -> TaskSeen {
        let leaf = Leaf::through(calls);
        TaskSeen {
            id,
            name: None,
            spawned_at: Place::new("main.rs", 1),
            parent: None,
            polled_at: None,
            state: TaskState::Parked([leaf].into()),
        }
    }

    /// Main and another task have a permit each, and wait for one more: main with a time-out.
    fn starved() -> Snapshot {
        let tasks = [MAIN, TaskId(2)];
        Snapshot {
            tasks: vec![
                task(
                    MAIN,
                    &["pool::Pool::acquire", "tokio::time::timeout::Timeout"],
                ),
                task(TaskId(2), &["tokio::sync::semaphore::Semaphore::acquire"]),
            ],
            resources: vec![ResourceSeen {
                kind: ResourceKind::Semaphore,
                made_at: None,
                permits: 2,
                holders: tasks
                    .map(|id| HolderSeen {
                        task: Some(id),
                        permits: 1,
                        certain: true,
                    })
                    .into(),
                missing: 0,
                waiters: tasks
                    .map(|id| WaiterSeen {
                        task: Some(id),
                        wants: 1,
                        got: 0,
                        only: false,
                    })
                    .into(),
            }],
            outside: Outside {
                threads_seen: true,
                ..Outside::default()
            },
            is_read: true,
            at_rest: true,
            ..Snapshot::default()
        }
    }

    /// What is found once main has ended like this.
    fn found(pause: Option<Snapshot>, end: End) -> Vec<(&'static str, Confidence)> {
        let ended = Snapshot {
            pause: pause.map(Box::new),
            ..Snapshot::default()
        };
        let diagnosis = diagnose(&ended, MAIN, &Program::Returned(end, Vec::new()));
        let findings = diagnosis.findings.into_iter();
        findings.map(|it| (it.rule, it.confidence)).collect()
    }

    fn error() -> End {
        End::Error("deadline has elapsed".to_owned())
    }

    #[test]
    fn a_time_out_is_explained_by_what_was_seen_before() {
        let expected = vec![("starved-pool", Confidence::Likely)];
        assert_eq!(found(Some(starved()), error()), expected);
        assert_eq!(found(None, error()), vec![]);
    }

    #[test]
    fn a_program_that_got_over_it_has_nothing_to_explain() {
        assert_eq!(found(Some(starved()), End::Ok), vec![]);
        let mut of_another = starved();
        of_another.tasks.swap(0, 1);
        of_another.tasks[0].id = MAIN;
        of_another.tasks[1].id = TaskId(2);
        assert_eq!(found(Some(of_another), error()), vec![]);
    }

    #[test]
    fn nothing_is_said_of_what_may_not_have_been_in_vain() {
        for could_have_moved in [
            |pause: &mut Snapshot| pause.is_read = false,
            |pause: &mut Snapshot| pause.outside.blocking_calls = 1,
            |pause: &mut Snapshot| pause.outside.busy_threads.push("pool".to_owned()),
            |pause: &mut Snapshot| pause.tasks[1].state = TaskState::Polling,
            |pause: &mut Snapshot| {
                let sleep = ["tokio::time::sleep::Sleep"];
                pause.tasks.push(task(TaskId(3), &sleep));
            },
            |pause: &mut Snapshot| {
                let socket = ["tokio::net::TcpStream"];
                pause.tasks.push(task(TaskId(3), &socket));
            },
            // A time-out on something other than a lock.
            |pause: &mut Snapshot| {
                let timeout = ["tokio::time::timeout::Timeout"];
                pause.tasks.push(task(TaskId(3), &timeout));
            },
            |pause: &mut Snapshot| pause.resources[0].missing = 1,
        ] {
            let mut pause = starved();
            could_have_moved(&mut pause);
            assert_eq!(found(Some(pause), error()), vec![]);
        }
    }
}
