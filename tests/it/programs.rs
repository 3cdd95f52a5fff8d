//! Every small program is judged rightly: the stuck ones, and their near misses.

use std::path::PathBuf;
use std::sync::LazyLock;

use serde_json::Value;

use crate::examples::example;
use crate::unstuck::{Ran, Unstuck};

pub(crate) fn programs() -> PathBuf {
    example("programs")
}

pub(crate) fn run(name: &str) -> Ran {
    Unstuck::of(&programs(), &format!("run {name} --json")).run()
}

/// What became of each, but for the one whose expectation is wrong.
pub(crate) fn run_all() -> Vec<Value> {
    let ran = Unstuck::of(&programs(), "run --all --json").run();
    assert_eq!(ran.code, 3, "one expectation is wrong: {ran:#?}");
    let mut documents: Vec<Value> = serde_json::from_str(&ran.stdout).expect("a list");
    documents.retain(|document| document["scenario"] != "wrong-expectation");
    assert!(documents.len() > 20, "{documents:?}");
    documents
}

/// The same, once for all tests.
pub(crate) static RAN: LazyLock<Vec<Value>> = LazyLock::new(run_all);

/// Fails if a side did not do what is expected of it.
pub(crate) fn assert_as_expected(document: &Value) {
    for side in document["sides"].as_array().expect("a list") {
        let unexpected = side["unexpected"].as_array().expect("a list");
        assert!(unexpected.is_empty(), "{document:#}");
    }
}

#[test]
fn each_is_judged_as_expected() {
    RAN.iter().for_each(assert_as_expected);
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
