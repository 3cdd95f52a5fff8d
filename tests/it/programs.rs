//! Every small program is judged rightly: the stuck ones, and their near misses.

use std::path::PathBuf;
use std::sync::LazyLock;

use crate::examples::example;
use crate::unstuck::{Ran, Unstuck, several_at_once};

/// Most of them only wait, but some need a processor.
const AT_A_TIME: usize = 12;

pub(crate) fn programs() -> PathBuf {
    example("programs")
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
    several_at_once(AT_A_TIME, names.into_iter().filter(right), |name| {
        (run(&name), name)
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
