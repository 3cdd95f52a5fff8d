//! The same over and over: no healthy program is ever called stuck, and no verdict differs.

use std::collections::BTreeMap;
use std::hint;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
use std::time::Duration;

#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
use crate::guard::{nothing_is_reported_of_an_idle_server, report_of_a_blocked_program};
use crate::programs::{assert_as_expected, programs, run, run_all};
use crate::unstuck::{Ran, Unstuck};

/// How many times healthy programs are played.
fn runs() -> usize {
    std::env::var("UNSTUCK_SOAK_RUNS").map_or(100, |it| it.parse().expect("a number"))
}

/// How many times all that there is to play is played.
fn rounds() -> usize {
    (runs() / 50).max(1)
}

/// As a scenario; under a guard that watches, on each of these runtimes; under a check. With records of locks and
/// timers, and without.
const MODES: [&str; 9] = [
    "demo",
    "current-thread",
    "1",
    "4",
    "check",
    "unrecorded-current-thread",
    "unrecorded-1",
    "unrecorded-4",
    "unrecorded-check",
];
const AT_A_TIME: usize = 8;
const BUSY_LOOPS: usize = 3;

/// What is wrong with the verdict, if it is.
fn wrong(mode: &str, program: &str) -> Option<Ran> {
    let ran = if mode == "demo" {
        run(program)
    } else {
        Unstuck::of(&programs(), &format!("around {mode} {program}")).run()
    };
    let is_right = match (mode, ran.code) {
        (_, 0) => true,
        // Not as expected: a machine that is very slow makes it `waiting`, which is true.
        ("demo", 3) => !ran.stdout.contains("\"verdict\": \"stuck\""),
        _ => false,
    };
    (!is_right).then_some(ran)
}

/// Plays the runs with these numbers. How many there were in each mode.
fn play(runs: std::ops::Range<usize>, names: &[&str]) -> BTreeMap<&'static str, usize> {
    let (runs, played) = (Mutex::new(runs), Mutex::new(BTreeMap::new()));
    let next = || runs.lock().expect("no run failed").next();
    thread::scope(|scope| {
        for _ in 0..AT_A_TIME {
            scope.spawn(|| {
                while let Some(n) = next() {
                    let (mode, name) =
                        (MODES[n % MODES.len()], names[n / MODES.len() % names.len()]);
                    if let Some(ran) = wrong(mode, name) {
                        panic!("{mode} {name}: {ran:#?}");
                    }
                    *played.lock().expect("as above").entry(mode).or_default() += 1;
                }
            });
        }
    });
    played.into_inner().expect("no run failed")
}

#[test]
#[ignore = "takes as long as it is told to: `just soak`"]
fn every_program_is_judged_as_expected_each_time() {
    for _ in 0..rounds() {
        run_all().iter().for_each(assert_as_expected);
    }
}

#[test]
#[ignore = "takes as long as it is told to: `just soak`"]
fn every_lesson_goes_as_expected_each_time() {
    for round in 0..rounds() {
        let ran = Unstuck::new("run --all").run();
        assert_eq!(ran.code, 0, "round {round}: {ran:#?}");
    }
}

#[test]
#[ignore = "takes as long as it is told to: `just soak`"]
fn healthy_programs_are_never_called_stuck() {
    let runs = runs();
    let list = Unstuck::of(&programs(), "around").run().succeeded().stdout;
    let names: Vec<&str> = list.lines().collect();
    assert!(names.len() > 20, "{names:?}");
    println!("at ease: {:?}", play(0..runs / 2, &names));
    let done = AtomicBool::new(false);
    let busy = || {
        while !done.load(Ordering::Relaxed) {
            hint::spin_loop();
        }
    };
    thread::scope(|scope| {
        for _ in 0..BUSY_LOOPS {
            scope.spawn(busy);
        }
        let played = thread::scope(|scope| scope.spawn(|| play(runs / 2..runs, &names)).join());
        done.store(true, Ordering::Relaxed);
        println!("under load: {:?}", played.expect("all were right"));
    });
}

#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
#[test]
#[ignore = "takes as long as it is told to: `just soak`"]
fn a_blocked_program_leaves_a_report_within_two_seconds() {
    let signals = ["-TERM", "-QUIT"].iter().cycle();
    let took = signals
        .take(runs().min(200))
        .map(|signal| report_of_a_blocked_program(signal));
    let longest = took.max().expect("at least one");
    println!("the longest took {longest:?}");
    assert!(longest < Duration::from_secs(2), "{longest:?}");
}

/// A tenth of a second for each run.
#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
#[test]
#[ignore = "takes as long as it is told to: `just soak`"]
fn of_a_server_that_waits_for_clients_nothing_is_ever_reported() {
    let tenths = u32::try_from(runs()).expect("a number of runs");
    nothing_is_reported_of_an_idle_server(Duration::from_millis(100) * tenths);
}
