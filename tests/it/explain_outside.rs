//! `unstuck explain` on programs that wait for what is outside of them, as far as the system tells what that is.

use crate::explain::{PROGRAMS, Waiting, without_numbers};

/// The reasons, without numbers, once the report has this text.
fn why(name: &str, verdict: &str) -> String {
    let program = Waiting::start_executable(&PROGRAMS, name);
    let text = program.explained_as(verdict, 0, "");
    let mut parts = text.split("\n\n");
    let why = parts.find_map(|part| part.strip_prefix("why"));
    let why = why.unwrap_or_else(|| panic!("{text}")).split_whitespace();
    without_numbers(&why.collect::<Vec<_>>().join(" "))
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
