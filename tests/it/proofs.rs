//! When a hang is proven, and when a part of a program is stuck beside others that go on: nothing that is hidden may
//! have what it takes to wake it.

use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use crate::explain::{PROGRAMS, Waiting, build};

/// What is waited for in the programs.
const KINDS: [&str; 10] = [
    "mpsc",
    "full",
    "oneshot",
    "watch",
    "broadcast",
    "notify",
    "barrier",
    "mutex",
    "rwlock",
    "semaphore",
];

/// Where main has what wakes the task that it waits for.
const PLACES: [&str; 16] = [
    "local", "moved", "box", "vec", "deque", "hashmap", "btreemap", "arc", "mutex", "parking",
    "rwlock", "tokio", "queue", "static", "thread", "hidden",
];

/// The same programs, built so that functions keep no note of what they have dropped.
static ABORTING: LazyLock<PathBuf> = LazyLock::new(|| build("programs", "aborting"));

/// What is said of the program once so many tasks wait.
fn explained(executable: &Path, kind: &str, how: &str, verdict: &str, waiting: usize) -> String {
    let program = Waiting::start_executable(executable, &format!("proof-{kind}-{how}"));
    program.explained_as(verdict, waiting, "")
}

/// Whether the page says that some tasks wait for each other.
fn names_the_deadlock(page: &str) -> bool {
    page.contains("\nwhy      deadlock, a circular wait [")
}

/// The cells of the table in the docs, by row.
fn documented() -> Vec<Vec<String>> {
    let table = include_str!("../../docs/holders.md").lines();
    let rows = table.filter(|line| line.starts_with('|')).skip(2);
    let cells = |row: &str| -> Vec<String> {
        let cells = row.trim_matches('|').split('|').skip(1);
        cells.map(|cell| cell.trim().to_owned()).collect()
    };
    rows.map(cells).collect()
}

#[test]
fn holders_are_found_where_the_docs_say() {
    let documented = documented();
    assert_eq!(documented.len(), KINDS.len());
    for (kind, row) in KINDS.into_iter().zip(documented) {
        assert_eq!(row.len(), PLACES.len(), "{kind}");
        for (place, cell) in PLACES.into_iter().zip(row) {
            let page = explained(&PROGRAMS, kind, place, "stuck", 1);
            let found = if page.contains("proven") {
                "proven"
            } else if page.contains("\nwhy ") {
                "likely"
            } else {
                "not seen"
            };
            assert_eq!(found, cell, "{kind} in {place}: {page}");
        }
    }
}

#[test]
fn a_deadlock_is_told_beside_a_timer_though_its_handle_may_have_been_dropped() {
    for kind in KINDS {
        let page = explained(&PROGRAMS, kind, "moved-ticking", "waiting: a part of it", 2);
        assert!(names_the_deadlock(&page), "{page}");
    }
}

#[test]
fn what_a_hidden_holder_may_wake_beside_a_timer_is_not_stuck() {
    for kind in KINDS {
        let page = explained(&PROGRAMS, kind, "hidden-ticking", "waiting: ", 2);
        assert!(!page.contains("is stuck"), "{page}");
        assert!(!names_the_deadlock(&page), "{page}");
    }
}

#[test]
fn a_moved_local_that_looks_as_before_proves_nothing() {
    for kind in ["notify", "barrier"] {
        let page = explained(&ABORTING, kind, "hidden", "stuck", 1);
        assert!(page.contains("\nstuck (likely): "), "{page}");
        let page = explained(&ABORTING, kind, "hidden-ticking", "waiting: ", 2);
        assert!(!page.contains("is stuck"), "{page}");
        let page = explained(&ABORTING, kind, "moved", "stuck", 1);
        assert!(page.contains("\nstuck (proven): "), "{page}");
    }
}
