//! Generated wait-for graphs, solved by brute force as well.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use proptest::prelude::*;
use unstuck_inspect::snapshot::HandleKind;

use super::super::graph::Graph;
use super::super::motion::Motion;
use super::super::solution::Solutions;
use super::super::{Actor, Positions, diagnose};
use super::program::{Program, TaskId, timer};

/// What a task waits for.
#[derive(Clone, Debug)]
enum Wait {
    Timer,
    /// A message of the channel with this number.
    Message(usize),
    /// The lock with this number.
    Lock(usize),
    /// The end of the task with this number.
    End(usize),
}

#[derive(Clone, Debug)]
struct WaitForGraph {
    /// Of each task. Several are branches of one function, the first of which decides.
    waits: Vec<Vec<Wait>>,
    /// The tasks that hold senders of each channel.
    senders: Vec<Vec<usize>>,
    /// The task that holds each lock.
    guards: Vec<usize>,
}

fn graphs(tasks: usize) -> impl Strategy<Value = WaitForGraph> {
    let wait = prop_oneof![
        1 => Just(Wait::Timer),
        3 => (0..tasks).prop_map(Wait::Message),
        3 => (0..tasks).prop_map(Wait::Lock),
        3 => (0..tasks).prop_map(Wait::End),
    ];
    let waits = prop::collection::vec(prop::collection::vec(wait, 1..3), tasks);
    let senders = prop::collection::vec(prop::collection::vec(0..tasks, 1..3), tasks);
    let guards = prop::collection::vec(0..tasks, tasks);
    (waits, senders, guards).prop_map(|(waits, senders, guards)| WaitForGraph {
        waits,
        senders,
        guards,
    })
}

impl WaitForGraph {
    fn program(&self) -> Program {
        let mut program = Program::new();
        for _ in &self.waits {
            program.task();
        }
        let mut channels = Vec::new();
        for senders in &self.senders {
            let channel = program.channel(senders.len() as u64);
            for sender in senders {
                program.holds(TaskId(*sender), HandleKind::MpscSender, channel);
            }
            channels.push(channel);
        }
        let mut locks = Vec::new();
        for guard in &self.guards {
            let lock = program.mutex();
            program.holds(TaskId(*guard), HandleKind::MutexGuard, lock);
            locks.push(lock);
        }
        for (task, waits) in self.waits.iter().enumerate() {
            for wait in waits {
                let waits_for = match wait {
                    Wait::Timer => timer(),
                    Wait::Message(channel) => channels[*channel].message(),
                    Wait::Lock(lock) => locks[*lock].lock(),
                    Wait::End(task) => program.end_of(TaskId(*task)),
                };
                program.waits(TaskId(task), waits_for);
            }
        }
        program.main_waits(timer());
        program
    }

    /// The union of all sets in which each task waits only for others of the set: tries each subset.
    fn stuck(&self) -> BTreeSet<usize> {
        let tasks = self.waits.len();
        let mut stuck = BTreeSet::new();
        for set in 0_u32..1 << tasks {
            let is_in = |task: &usize| set >> task & 1 == 1;
            let in_vain = |wait: &Wait| match wait {
                Wait::Timer => false,
                Wait::Message(channel) => self.senders[*channel].iter().all(is_in),
                Wait::Lock(lock) => is_in(&self.guards[*lock]),
                Wait::End(task) => is_in(task),
            };
            let mut members = (0..tasks).filter(is_in);
            if members.all(|task| self.waits[task].iter().all(in_vain)) {
                stuck.extend((0..tasks).filter(is_in));
            }
        }
        stuck
    }
}

fn stuck_by_reachability(program: &Program) -> BTreeSet<usize> {
    let graph = Graph::of(&program.0, &Motion::default());
    let solutions = Solutions::of(&graph, false);
    let tasks = 0..program.0.tasks.len();
    let is_stuck =
        |task: &usize| solutions.moves_only_if_cancelled(graph.scopes(Actor::Task(*task)).whole);
    tasks.filter(is_stuck).collect()
}

fn check(graph: &WaitForGraph) {
    let program = graph.program();
    let stuck = graph.stuck();
    assert_eq!(stuck_by_reachability(&program), stuck);
    // Whatever is stuck is in a finding, or waits for one.
    let diagnosis = diagnose(&Positions::of(&program.0), &program.0);
    assert_eq!((diagnosis.waits().count() == 0), stuck.is_empty());
    let named = diagnosis.waits().flat_map(|(_, wait)| &wait.links);
    let mut named = named.flat_map(|link| link.waiters.iter().map(|it| it.actor));
    assert!(named.all(|actor| matches!(actor, Actor::Task(task) if stuck.contains(&task))));
}

fn cases(cases: u32) -> ProptestConfig {
    ProptestConfig {
        cases,
        failure_persistence: None,
        ..ProptestConfig::default()
    }
}

proptest! {
    #![proptest_config(cases(300))]

    #[test]
    fn the_stuck_set_is_that_of_brute_force(graph in graphs(6)) {
        check(&graph);
    }
}

proptest! {
    #![proptest_config(cases(10_000))]

    #[test]
    #[ignore = "takes some seconds"]
    fn the_stuck_set_is_that_of_brute_force_in_ten_thousand_graphs(graph in graphs(8)) {
        check(&graph);
    }
}

/// A circle of tasks that each hold the lock of the one before, with senders of channels across it.
fn circles(tasks: usize) -> Program {
    let mut program = Program::new();
    for _ in 0..tasks {
        program.task();
    }
    for task in 0..tasks {
        let lock = program.mutex();
        program.holds(TaskId(task), HandleKind::MutexGuard, lock);
        program.waits(TaskId((task + 1) % tasks), lock.lock());
        let channel = program.channel(2);
        program.holds(TaskId(task), HandleKind::MpscSender, channel);
        program.holds(TaskId(task * 7 % tasks), HandleKind::MpscSender, channel);
        program.waits(TaskId((task + tasks / 2) % tasks), channel.message());
    }
    program.main_waits(program.end_of(TaskId(0)));
    program
}

#[test]
#[ignore = "measures time"]
fn ten_thousand_waiting_leaves_in_circles_take_less_than_a_second() {
    let program = circles(5_000);
    let begun = Instant::now();
    let diagnosis = diagnose(&Positions::of(&program.0), &program.0);
    let took = begun.elapsed();
    assert_eq!(diagnosis.waits().count(), 1);
    assert!(took < Duration::from_secs(1), "{took:?}");
}
