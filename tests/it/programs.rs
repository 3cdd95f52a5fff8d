//! Every small program is judged rightly: the stuck ones, and their near misses.

use std::path::{Path, PathBuf};
use std::sync::{LazyLock, Mutex};
use std::thread;

use crate::unstuck::{Ran, Unstuck};

/// Most of them only wait, but some need a processor.
const AT_A_TIME: usize = 12;

pub(crate) fn programs() -> PathBuf {
    let debug = Path::new(env!("CARGO_BIN_EXE_unstuck"))
        .parent()
        .expect("it lies in a folder");
    let built = debug
        .join("examples")
        .join(format!("programs{}", std::env::consts::EXE_SUFFIX));
    assert!(built.exists(), "run `cargo build --examples` first");
    built
}

pub(crate) fn run(name: &str) -> Ran {
    Unstuck::of(&programs(), &format!("run {name} --json")).run()
}

fn names() -> Vec<String> {
    let list = Unstuck::of(&programs(), "list").run().succeeded().stdout;
    // Those of chapters are not indented.
    let scenarios = list.lines().filter_map(|line| line.strip_prefix("  "));
    let first = |line: &str| line.split_whitespace().next().map(str::to_owned);
    scenarios.filter_map(first).collect()
}

/// What became of each, but for the one whose expectation is wrong.
pub(crate) fn run_all() -> Vec<(Ran, String)> {
    let names = names();
    assert!(names.len() > 20, "{names:?}");
    let right = |name: &String| name != "wrong-expectation";
    let left = Mutex::new(names.into_iter().filter(right));
    let next = || left.lock().expect("no test failed").next();
    let judged = || std::iter::from_fn(|| next().map(|name| (run(&name), name))).collect();
    thread::scope(|scope| {
        let running: Vec<_> = (0..AT_A_TIME).map(|_| scope.spawn(judged)).collect();
        let done = running.into_iter().map(thread::ScopedJoinHandle::join);
        done.flat_map(|ran: Result<Vec<_>, _>| ran.expect("they are run"))
            .collect()
    })
}

/// The same, once for all tests.
pub(crate) static RAN: LazyLock<Vec<(Ran, String)>> = LazyLock::new(run_all);

#[test]
fn each_is_judged_as_expected() {
    for (ran, name) in &*RAN {
        assert_eq!(ran.code, 0, "{name}: {ran:#?}");
    }
}

#[test]
fn a_wrong_expectation_is_noticed_and_named() {
    let ran = run("wrong-expectation");
    assert_eq!(ran.code, 3);
    assert_eq!(
        ran.stderr,
        "not as expected: wrong-expectation: verdict: expected completed, got stuck\n"
    );
    let plain = Unstuck::of(&programs(), "run wrong-expectation").run();
    assert_eq!(plain.code, 3);
    assert!(
        plain
            .stdout
            .contains("not as expected: wrong-expectation: verdict: expected completed, got stuck")
    );
}
