//! `unstuck explain` on programs that wait for primitives of this crate and of libraries.

use std::path::PathBuf;
use std::sync::LazyLock;

use crate::explain::{Waiting, build, without_numbers};

static LIBRARIES: LazyLock<PathBuf> = LazyLock::new(|| build("libraries"));

/// What is said of the cause, once that many tasks wait and it has come to this verdict. Without numbers of tasks.
fn why(name: &str, verdict: &str, waiting: usize) -> String {
    let program = Waiting::start_executable(&LIBRARIES, name);
    let text = program.explained_as(verdict, waiting, "");
    let mut parts = text.split("\n\n");
    let why = parts.find_map(|part| part.strip_prefix("why"));
    let why = why.unwrap_or_else(|| panic!("{text}")).split_whitespace();
    without_numbers(&why.collect::<Vec<_>>().join(" "))
}

/// A part of it is stuck beside a task that goes on, for this reason.
#[track_caller]
fn assert_part(name: &str, waiting: usize, reason: &str) {
    let why = why(name, "waiting: a part of it is stuck", waiting);
    assert!(why.contains(reason), "{why}");
}

/// It waits for a timer, and no part of it is stuck.
#[track_caller]
fn assert_well(name: &str, waiting: usize) {
    let why = why(name, "waiting: timers", waiting);
    assert!(why.contains("for a timer, due in"), "{why}");
}

#[test]
fn an_event_is_orphaned_once_all_its_handles_wait() {
    assert_part(
        "orphaned_event",
        2,
        "wait for Event #[n] to be set; all [n] handles that are left wait themselves, so nobody can set it \
         [orphaned-event, likely]",
    );
    assert_well("late_setter", 2);
}
