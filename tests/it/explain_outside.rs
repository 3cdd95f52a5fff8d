//! `unstuck explain` on programs that wait for what is outside of them, as far as the system tells what that is.

use crate::explain::{PROGRAMS, Waiting, without_numbers};

/// The reasons, once the report has this text.
fn reasons(name: &str, verdict: &str) -> String {
    let program = Waiting::start_executable(&PROGRAMS, name);
    let text = program.explained_as(verdict, 0, "");
    let mut parts = text.split("\n\n");
    let why = parts.find_map(|part| part.strip_prefix("why"));
    let why = why.unwrap_or_else(|| panic!("{text}")).split_whitespace();
    why.collect::<Vec<_>>().join(" ")
}

/// The same without numbers.
fn why(name: &str, verdict: &str) -> String {
    without_numbers(&reasons(name, verdict))
}

#[track_caller]
fn assert_why(name: &str, reason: &str) {
    let why = why(name, "waiting: ");
    assert!(why.contains(reason), "{why}");
}

#[test]
fn a_child_that_writes_to_a_full_pipe_is_told_with_who_should_read_it() {
    assert_why(
        "full_pipe",
        "for process [n] (head) to end, which sleeps in a write to its standard output, a pipe whose other end is \
         descriptor [n] of this process, for which no task waits",
    );
}

#[test]
fn a_child_whose_output_is_read_is_told_without_a_reproach() {
    let why = why("read_pipe", "waiting: ");
    assert!(why.contains("(sleep) to end [outside, likely]"), "{why}");
    assert!(
        why.contains("for I/O on descriptor [n], a pipe [outside, likely]"),
        "{why}"
    );
}

#[test]
fn both_ends_of_a_connection_are_told_of_one_program() {
    assert_why(
        "both_ends",
        "main waits at crates/inspect/tests/programs/src/descriptors.rs:60 (`both_ends`) for I/O on descriptor [n], a \
         TCP connection whose other end is descriptor [n] of this process, for which task [n] waits",
    );
}

#[test]
fn a_connection_that_nobody_accepts_is_told() {
    assert_why(
        "backlog",
        "a TCP connection that the listener of this process, descriptor [n], has not accepted",
    );
}

#[test]
fn a_blocking_thread_that_keeps_the_process_is_told() {
    assert_why(
        "returned",
        "sleeps in a read of standard input, in `read_line` at crates/inspect/tests/programs/src/descriptors.rs:81 (`returned`); \
         main has returned from `block_on`, and the runtime that it drops waits for that",
    );
}

#[test]
fn what_main_waits_for_comes_first_of_many_timers() {
    let why = reasons("one_sleeper_of_three_wakes_main", "waiting: timers (3) ");
    let (first, others) = why.split_once(" [outside, likely] ").expect("several");
    assert!(first.contains("(`retries`) for a timer"), "{why}");
    assert!(first.ends_with("; main goes on only after that"), "{why}");
    assert!(others.contains("(`rests`) for timers"), "{why}");
    assert!(!others.contains("main"), "{why}");
}

#[test]
fn neither_of_two_timers_is_all_that_may_wake_main() {
    let why = reasons("two_sleepers_wake_main", "waiting: timers (2) ");
    assert_eq!(
        why.matches("; main may go on after that").count(),
        2,
        "{why}"
    );
    assert!(!why.contains("only"), "{why}");
}
