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

#[test]
fn a_scope_of_a_task_group_waits_for_its_tasks() {
    let circle = "main waits at crates/inspect/tests/libraries/src/groups.rs:40 (`hold_around`), from \
                  crates/inspect/tests/libraries/src/groups.rs:15 (`in_circle`) for the tasks of a TaskGroup to end; \
                  task [n] and task [n] wait for the lock of Mutex #[n]";
    assert_part(
        "group_in_circle",
        3,
        "deadlock, a circular wait [lock-cycle, likely]:",
    );
    assert_part("group_in_circle", 3, circle);
    assert_part("group_past_deadline", 3, "deadlock until a timeout in");
    assert_part(
        "group_of_orphans",
        4,
        "all [n] handles that are left wait themselves, so nobody can set it; [n] others wait because of it",
    );
    assert_well("group_of_sleepers", 2);
}
