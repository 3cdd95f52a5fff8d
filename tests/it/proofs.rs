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

/// The same programs, built so that functions keep no note of what they have dropped.
static ABORTING: LazyLock<PathBuf> = LazyLock::new(|| build("programs", "aborting"));

/// What is said of the program once so many tasks wait.
fn explained(executable: &Path, kind: &str, how: &str, verdict: &str, waiting: usize) -> String {
    let program = Waiting::start_executable(executable, &format!("proof-{kind}{how}"));
    program.explained_as(verdict, waiting, "")
}

/// Whether the page says that some tasks wait for each other.
fn names_the_deadlock(page: &str) -> bool {
    page.contains("\nwhy      deadlock, a circular wait [")
}

#[test]
fn a_hang_is_proven_if_nothing_else_has_the_address_of_what_is_waited_for() {
    for kind in KINDS {
        let page = explained(&PROGRAMS, kind, "", "stuck", 1);
        assert!(page.contains("\nstuck (proven): "), "{page}");
        assert!(names_the_deadlock(&page), "{page}");
    }
}

#[test]
fn a_hidden_holder_takes_the_proof_away() {
    for kind in KINDS {
        let page = explained(&PROGRAMS, kind, "-hidden", "stuck", 1);
        assert!(page.contains("\nstuck (likely): "), "{page}");
        assert!(!page.contains("proven"), "{page}");
    }
}

#[test]
fn a_deadlock_is_told_beside_a_timer_though_its_handle_may_have_been_dropped() {
    for kind in KINDS {
        let page = explained(&PROGRAMS, kind, "-ticking", "waiting: a part of it", 2);
        assert!(names_the_deadlock(&page), "{page}");
    }
}

#[test]
fn what_a_hidden_holder_may_wake_beside_a_timer_is_not_stuck() {
    for kind in KINDS {
        let page = explained(&PROGRAMS, kind, "-hidden-ticking", "waiting: ", 2);
        assert!(!page.contains("is stuck"), "{page}");
        assert!(!names_the_deadlock(&page), "{page}");
    }
}

#[test]
fn a_moved_local_that_looks_as_before_proves_nothing() {
    for kind in ["notify", "barrier"] {
        let page = explained(&ABORTING, kind, "-hidden", "stuck", 1);
        assert!(page.contains("\nstuck (likely): "), "{page}");
        let page = explained(&ABORTING, kind, "-hidden-ticking", "waiting: ", 2);
        assert!(!page.contains("is stuck"), "{page}");
        let page = explained(&ABORTING, kind, "", "stuck", 1);
        assert!(page.contains("\nstuck (proven): "), "{page}");
    }
}
