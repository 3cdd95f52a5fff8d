//! Every small program is judged rightly: the stuck ones, and their near misses.

use std::path::{Path, PathBuf};
use std::thread;

use crate::unstuck::{Ran, Unstuck};

fn programs() -> PathBuf {
    let debug = Path::new(env!("CARGO_BIN_EXE_unstuck"))
        .parent()
        .expect("it lies in a folder");
    let built = debug
        .join("examples")
        .join(format!("programs{}", std::env::consts::EXE_SUFFIX));
    assert!(built.exists(), "run `cargo build --examples` first");
    built
}

fn run(name: &str) -> Ran {
    Unstuck::of(&programs(), &format!("run {name} --json")).run()
}

fn names() -> Vec<String> {
    let list = Unstuck::of(&programs(), "list").run().succeeded().stdout;
    let first = |line: &str| line.split_whitespace().next().map(str::to_owned);
    list.lines().filter_map(first).collect()
}

#[test]
fn each_is_judged_as_expected() {
    let names = names();
    assert!(names.len() > 20, "{names:?}");
    let judged = |name: String| (run(&name), name);
    let running: Vec<_> = names
        .into_iter()
        .filter(|name| name != "wrong-expectation")
        .map(|name| thread::spawn(move || judged(name)))
        .collect();
    for (ran, name) in running
        .into_iter()
        .map(|thread| thread.join().expect("it is run"))
    {
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
