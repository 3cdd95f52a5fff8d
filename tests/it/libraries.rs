//! `unstuck explain` on programs that wait for primitives of this crate and of libraries.

use std::path::PathBuf;
use std::sync::LazyLock;

use crate::explain::{Waiting, build, without_numbers};

static LIBRARIES: LazyLock<PathBuf> = LazyLock::new(|| build("libraries", "dev"));

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
    assert!(why.contains(" timer"), "{why}");
}

#[test]
fn an_event_is_orphaned_once_all_its_handles_wait() {
    assert_part(
        "orphaned_event",
        2,
        "wait for the Event `opened` to be set; all [n] handles that are left wait themselves, so nobody can set it \
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

#[test]
fn who_initializes_a_once_cell_is_waited_for() {
    assert_part(
        "once_cell_in_circle",
        2,
        "for the value of a OnceCell; task [n] is initializing it and waits for the lock of Mutex #[n]",
    );
    assert_well("slow_once_cell", 2);
}

#[test]
fn a_set_once_is_set_by_whoever_has_an_arc_of_it() {
    assert_part("orphaned_set_once", 2, "wait for SetOnce #[n] to be set;");
    assert_part(
        "orphaned_set_once",
        2,
        "all [n] `Arc`s were found [orphaned-event, likely]",
    );
    assert_well("late_set_once", 1);
}

#[test]
fn a_token_is_cancelled_by_its_handles_and_those_above() {
    assert_part(
        "orphaned_token",
        3,
        "for CancellationToken #[n] to be cancelled; all who could cancel it wait for that themselves; \
         [n] other waits because of it [orphaned-event, likely]",
    );
    assert_part(
        "token_of_a_parent",
        2,
        "it waits with the only handle that is left, so nobody can set it; [n] other waits because of it",
    );
    assert_well("late_token", 1);
    assert_well("token_of_a_thread", 1);
}

#[test]
fn a_task_tracker_waits_to_be_closed_and_for_its_tasks() {
    assert_part(
        "open_tracker",
        1,
        "for TaskTracker #[n] to be closed and empty; it is empty, but nobody has closed it; main itself holds an \
         `Arc` in `tracker`; no other holder exists [orphaned-event, likely]",
    );
    assert_part("tracker_of_the_stuck", 2, "[n] other waits because of it");
    assert_well("slow_tracker", 2);
}

#[test]
fn who_has_a_connection_of_a_pool_keeps_others_waiting() {
    let each = "wait at crates/inspect/tests/libraries/src/connections.rs:23 (`sqlx_in_use`) for a connection of pool \
                #[n]; task [n] and task [n] hold a connection in `transaction` and wait for it, too; all [n] \
                connections were found; stuck until a timeout in";
    assert_part("sqlx_pool_in_use", 3, each);
    assert_well("sqlx_pool_returned_late", 3);
    assert_part(
        "deadpool_in_use",
        1,
        "for a connection of pool #[n]; main itself holds a connection in `_first`; no other connection exists \
         [starved-pool, likely]",
    );
    assert_well("deadpool_returned_late", 1);
}
