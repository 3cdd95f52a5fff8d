//! Healthy programs, over and over, in every mode: none is ever called stuck.

use std::collections::BTreeMap;
use std::hint;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use crate::programs::{programs, run};
use crate::unstuck::{Ran, Unstuck};

/// As a scenario; under a guard that watches, on each of these runtimes; under a check.
const MODES: [&str; 5] = ["demo", "current-thread", "1", "4", "check"];
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
fn soak() {
    let runs = std::env::var("UNSTUCK_SOAK_RUNS").map_or(100, |it| it.parse().expect("a number"));
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
