//! Programs that move while they are read, and memory that lies.

use std::cell::Cell;
use std::io::Write;
use std::time::{Duration, Instant};

use proptest::prelude::*;
use unstuck_inspect::Limits;
use unstuck_inspect::memory::{Memory, ProcessMemory, Torn};
use unstuck_inspect::snapshot::{Gap, Origin, Snapshot};

use crate::program::{PATIENCE, Program, awaited, expected, own_stack};

/// A snapshot is whole in itself, whatever was read: every id leads somewhere, and it can be saved.
fn check_consistency(snapshot: &Snapshot) {
    let trees = snapshot
        .tasks
        .iter()
        .map(|task| &task.futures)
        .chain(snapshot.block_ons.iter().map(|main| &main.futures))
        .chain(snapshot.objects.iter().map(|object| &object.futures));
    let held = snapshot.objects.iter().flat_map(|object| &object.handles);
    for handle in held {
        let _ = (&snapshot[handle.local], &snapshot[handle.object]);
    }
    for tree in trees {
        for handle in &tree.handles {
            let _ = (&snapshot[handle.local], &snapshot[handle.object]);
        }
        for frame in &tree.frames {
            let _ = &snapshot[frame.place].function;
            for handle in &frame.handles {
                let _ = (
                    &snapshot[handle.local],
                    &snapshot[snapshot[handle.object].type_name],
                );
            }
            assert!(
                frame
                    .parent
                    .is_none_or(|parent| (parent.0 as usize) < tree.frames.len())
            );
        }
        for leaf in &tree.leaves {
            assert!(
                leaf.frame
                    .is_none_or(|frame| (frame.0 as usize) < tree.frames.len())
            );
        }
    }
    for task in &snapshot.tasks {
        let _ = (&snapshot[task.name], &snapshot[task.future]);
        assert!(
            task.runtime
                .is_none_or(|runtime| (runtime.0 as usize) < snapshot.runtimes.len())
        );
    }
}

/// Reads programs whose tasks come and go at full speed, this often in all.
fn read_at_full_speed(times: usize) {
    for profile in ["dev", "optimized"] {
        let program = Program::start_with(&["churn"], profile);
        let inspector = program.inspector();
        let (mut slowest, mut most) = (Duration::ZERO, 0);
        for _ in 0..times / 2 {
            let started = Instant::now();
            let snapshot = inspector.snapshot().expect("a snapshot");
            slowest = slowest.max(started.elapsed());
            most = most.max(snapshot.tasks.len());
            check_consistency(&snapshot);
        }
        println!("{profile}: at most {slowest:?} and {most} tasks");
        assert!(slowest < PATIENCE, "{slowest:?}");
    }
}

#[test]
fn a_program_at_full_speed_can_be_read() {
    read_at_full_speed(100);
}

#[test]
#[ignore = "takes minutes: `just soak`"]
fn soak_a_program_at_full_speed() {
    read_at_full_speed(500);
}

#[test]
fn reading_polls_nothing() {
    let mut program = Program::start(&["lost_waker"]);
    let polls = |program: &mut Program| {
        program.input.write_all(b"\n").expect("a pipe");
        program.line("polls:")
    };
    let before = polls(&mut program);
    let inspector = program.inspector();
    for _ in 0..100 {
        let snapshot = inspector.snapshot().expect("a snapshot");
        let [task] = &snapshot.tasks[..] else {
            panic!("one task")
        };
        let leaves = awaited(&task.futures);
        let stack = own_stack(&snapshot, &task.futures, leaves[0].frame);
        assert_eq!(
            stack,
            expected(
                "src/busy.rs",
                &[("busy::loses_its_waker", "loses_its_waker")]
            )
        );
        assert_eq!(task.origin, Some(Origin::Program));
    }
    assert_eq!(polls(&mut program), before);
}

#[test]
fn a_thousand_tasks_are_all_found() {
    let program = Program::start(&["parked", "1000"]);
    let snapshot = program.snapshot_at_rest(1000);
    assert_eq!(snapshot.gaps, []);
    assert_eq!(snapshot.runtimes[0].owned, Some(1000));
    let expected = expected("src/busy.rs", &[("busy::parks_inside", "parks_inside")]);
    for task in &snapshot.tasks {
        let leaves = awaited(&task.futures);
        assert_eq!(
            own_stack(&snapshot, &task.futures, leaves[0].frame)[..1],
            expected
        );
    }
    // All of them wait in the same places: so their ids are equal.
    let places = |task: &unstuck_inspect::snapshot::Task| {
        task.futures
            .frames
            .iter()
            .map(|frame| frame.place)
            .collect::<Vec<_>>()
    };
    assert!(
        snapshot
            .tasks
            .iter()
            .all(|task| places(task) == places(&snapshot.tasks[0]))
    );
}

#[test]
fn a_limit_that_is_reached_is_reported() {
    let program = Program::start(&["containers"]);
    program.snapshot_at_rest(16);
    let limits = |change: fn(&mut Limits)| {
        let mut limits = Limits::default();
        change(&mut limits);
        let mut inspector = program.inspector();
        inspector.set_limits(limits);
        let snapshot = inspector.snapshot().expect("a snapshot");
        check_consistency(&snapshot);
        let reached = snapshot.gaps.iter().filter_map(|gap| match gap {
            Gap::LimitReached { what, .. } => Some(what.clone()),
            _ => None,
        });
        reached.collect::<Vec<_>>()
    };
    assert_eq!(
        limits(|limits| limits.searched_bytes = 0),
        ["the search for tasks in memory"]
    );
    assert_eq!(
        limits(|limits| limits.tasks = 3),
        ["a runtime's list of tasks"]
    );
    assert_eq!(
        limits(|limits| limits.visits_per_task = 50),
        ["the futures of a task"]
    );
    assert_eq!(
        limits(|limits| limits.visits = 50),
        ["the futures of all tasks"]
    );
    // Tokio's own statics have longer containers.
    assert_eq!(
        limits(|limits| limits.elements = 50)[..1],
        ["the members of a set of futures"]
    );
}

#[test]
fn a_snapshot_can_be_saved_and_read_again() {
    let program = Program::start(&["containers"]);
    let snapshot = program.snapshot_at_rest(16);
    let saved = serde_json::to_string(&snapshot).expect("it can be saved");
    let read: Snapshot = serde_json::from_str(&saved).expect("it can be read again");
    assert_eq!(read, snapshot);
}

/// Removes these fields from all objects in it.
fn remove(value: &mut serde_json::Value, fields: &[&str]) {
    match value {
        serde_json::Value::Object(map) => {
            map.retain(|name, _| !fields.contains(&&**name));
            map.values_mut().for_each(|value| remove(value, fields));
        }
        serde_json::Value::Array(list) => {
            for value in list {
                remove(value, fields);
            }
        }
        _ => {}
    }
}

#[test]
fn a_snapshot_from_before_these_facts_were_read_can_still_be_read() {
    let program = Program::start(&["wakers"]);
    let snapshot = program.snapshot_at_rest(11);
    let mut saved = serde_json::to_value(&snapshot).expect("it can be saved");
    let added = [
        "statics",
        "registrations",
        "holders",
        "poisoned",
        "wakers",
        "registered",
    ];
    remove(&mut saved, &added);
    for object in saved["objects"].as_array_mut().expect("a list") {
        remove(object, &["handles", "futures", "channel"]);
    }
    for task in saved["tasks"].as_array_mut().expect("a list") {
        let futures = task["futures"].as_object_mut().expect("an object");
        futures.remove("handles");
    }
    let read: Snapshot = serde_json::from_value(saved).expect("it can be read");
    assert_eq!(read.tasks.len(), 11);
    assert!(read.tasks.iter().all(|task| task.wakers.is_none()));
}

/// Programs at rest for all cases: what differs is how the memory lies.
struct Targets {
    programs: Vec<(Program, unstuck_inspect::Inspector)>,
}

impl Targets {
    fn start() -> Self {
        let programs = [
            "primitives",
            "containers",
            "handles",
            "queues",
            "wakers",
            "outside",
            "guards",
            "shared",
            "local_set",
            "blocking",
        ]
        .map(|name| {
            let program = Program::start(&[name]);
            let inspector = program.inspector();
            (program, inspector)
        });
        Self {
            programs: programs.into(),
        }
    }
}

/// Reads programs from memory that lies in another way each time.
fn read_memory_that_lies(times: u32) {
    let targets = Targets::start();
    let config = ProptestConfig {
        cases: times,
        failure_persistence: None,
        ..ProptestConfig::default()
    };
    let slowest = Cell::new(Duration::ZERO);
    proptest!(config, |(seed: u64, number in 0..targets.programs.len())| {
        let (program, inspector) = &targets.programs[number];
        let memory = ProcessMemory::open(&program.id().to_string()).expect("the program's memory");
        let memory: &dyn Memory = &Torn::new(memory, seed);
        let started = Instant::now();
        check_consistency(&inspector.snapshot_of(memory).expect("a snapshot"));
        slowest.set(slowest.get().max(started.elapsed()));
    });
    let slowest = slowest.get();
    println!("{times} times: at most {slowest:?}");
    assert!(slowest < PATIENCE, "{slowest:?}");
}

#[test]
fn memory_that_lies_leads_to_no_panic_and_no_endless_walk() {
    read_memory_that_lies(300);
}

#[test]
#[ignore = "takes minutes: `just soak`"]
fn soak_memory_that_lies() {
    read_memory_that_lies(10_000);
}
