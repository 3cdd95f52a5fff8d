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
            if found == "proven" {
                assert!(page.contains(" holds "), "{kind} in {place}: {page}");
            }
        }
    }
}

/// Where the holder was, and from where it was moved to where only a number tells. What was left there has the same
/// bytes.
const HIDDEN: [&str; 7] = [
    "hidden",
    "hiddenbox",
    "hiddenvec",
    "hiddenmap",
    "hiddenarc",
    "hiddenfuture",
    "freedarc",
];

/// Those of some kinds are as good as those of all.
const SOME: [&str; 2] = ["mpsc", "notify"];

#[test]
fn a_deadlock_is_told_beside_a_timer_though_its_handle_may_have_been_dropped() {
    let all = KINDS.map(|kind| (&PROGRAMS, kind, "moved-ticking"));
    let in_places = ["movedvec", "vec", "hashmap", "btreemap", "arc"];
    let built = [&PROGRAMS, &ABORTING];
    let some = built.iter().flat_map(|executable| {
        let places = in_places.iter();
        places.map(move |place| (*executable, "mpsc", *place))
    });
    let some = some.map(|(executable, kind, place)| (executable, kind, format!("{place}-ticking")));
    let all = all.map(|(executable, kind, how)| (executable, kind, how.to_owned()));
    for (executable, kind, how) in all.into_iter().chain(some) {
        let page = explained(executable, kind, &how, "waiting: a part of it", 2);
        assert!(names_the_deadlock(&page), "{page}");
    }
}

#[test]
fn a_hidden_holder_takes_the_proof_away() {
    for executable in [&PROGRAMS, &ABORTING] {
        for (kind, place) in SOME
            .iter()
            .flat_map(|kind| HIDDEN.map(|place| (kind, place)))
        {
            let page = explained(executable, kind, place, "stuck", 1);
            assert!(
                page.contains("\nstuck (likely): "),
                "{kind} {place}: {page}"
            );
        }
    }
}

#[test]
fn what_a_hidden_holder_may_wake_beside_a_timer_is_not_stuck() {
    let all = KINDS.map(|kind| (&PROGRAMS, kind, "hidden"));
    let some = [&PROGRAMS, &ABORTING].into_iter().flat_map(|executable| {
        let kinds = SOME
            .iter()
            .flat_map(|kind| HIDDEN.map(|place| (kind, place)));
        kinds.map(move |(kind, place)| (executable, *kind, place))
    });
    for (executable, kind, place) in all.into_iter().chain(some) {
        let page = explained(
            executable,
            kind,
            &format!("{place}-ticking"),
            "waiting: ",
            2,
        );
        assert!(!page.contains("is stuck"), "{kind} {place}: {page}");
        assert!(!names_the_deadlock(&page), "{kind} {place}: {page}");
    }
}

#[test]
fn where_functions_keep_no_note_of_what_they_dropped_a_hang_is_proven_all_the_same() {
    for place in ["local", "moved", "vec", "btreemap", "arc", "mutex"] {
        for kind in ["mpsc", "notify"] {
            let page = explained(&ABORTING, kind, place, "stuck", 1);
            assert!(
                page.contains("\nstuck (proven): "),
                "{kind} {place}: {page}"
            );
        }
    }
}
