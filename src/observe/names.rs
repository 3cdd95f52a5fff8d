//! Where tasks are parked, as far as the debug info tells: it may lack the names of functions, by which some
//! rules go, and the lines.

use std::sync::Arc;

use super::dump::{self, Dumped};
use super::snapshot::{Leaf, Snapshot, TaskSeen, TaskState};

/// What is not known where there is less of it.
const UNKNOWN: &str = "the functions in which tasks wait, which some rules need (set \
                       `debug = \"limited\"` in the profile, without `strip`)";

/// Enters where each task is parked, and whether that could not be read to the full.
pub(super) fn resolve(dump: Dumped, snapshot: &mut Snapshot) {
    let all_known = dump.resolve(&mut snapshot.tasks);
    if are_missing(&snapshot.tasks) {
        snapshot.blind.push(UNKNOWN);
    }
    // That is no more than without a dump.
    if are_none(&snapshot.tasks) {
        snapshot.dumped = false;
        forget(&mut snapshot.tasks);
    } else if !all_known {
        snapshot.dumped = false;
        snapshot.blind.push(dump::IN_PART);
    }
}

/// Whether it can be told from where these tasks are parked that there is less.
fn are_missing(tasks: &[TaskSeen]) -> bool {
    // Main is code of the program, so some line of it is on the way to each of its leaves.
    let main = tasks.first().map_or(&[][..], leaves);
    let has_no_line = !main.is_empty() && main.iter().all(|leaf| leaf.at.is_none());
    has_no_line
        || tasks
            .iter()
            .any(|task| leaves(task).iter().any(is_nameless))
}

/// Whether there is nothing but addresses to tell where these tasks are parked.
fn are_none(tasks: &[TaskSeen]) -> bool {
    let mut leaves = tasks.iter().flat_map(leaves).peekable();
    leaves.peek().is_some() && leaves.all(is_empty)
}

/// Leaves where they are parked out.
fn forget(tasks: &mut [TaskSeen]) {
    for task in tasks {
        if let TaskState::Parked(leaves) = &mut task.state {
            *leaves = Arc::default();
        }
    }
}

fn leaves(task: &TaskSeen) -> &[Leaf] {
    match &task.state {
        TaskState::Parked(leaves) => leaves,
        TaskState::Polling | TaskState::Ended(_) => &[],
    }
}

fn is_nameless(leaf: &Leaf) -> bool {
    let has_type = |call: &String| {
        let mut parts = call.split("::");
        parts.any(|part| part.starts_with(char::is_uppercase))
    };
    let mut calls = leaf.calls.iter();
    // Whatever one waits for there, it begins with a method of a type. Less debug info has the module alone.
    let first = calls.find(|call| call.starts_with("tokio::sync::"));
    is_empty(leaf) || first.is_some_and(|call| !has_type(call))
}

fn is_empty(leaf: &Leaf) -> bool {
    leaf.at.is_none() && leaf.calls.is_empty()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observe::TaskId;
    use crate::place::Place;

    fn are_missing_at(at: Option<u32>, calls: &[&str]) -> bool {
        are_missing(&parked(at, calls))
    }

    fn parked(at: Option<u32>, calls: &[&str]) -> [TaskSeen; 1] {
        let leaf = Leaf {
            at: at.map(|line| Place::new("main.rs", line)),
            calls: calls.iter().map(|call| (*call).to_owned()).collect(),
        };
        [TaskSeen {
            id: TaskId(1),
            name: None,
            spawned_at: Place::new("main.rs", 1),
            parent: None,
            polled_at: None,
            state: TaskState::Parked([leaf].into()),
        }]
    }

    #[test]
    fn all_there_is_to_know_is_known_with_limited_debug_info() {
        for calls in [
            &[
                "tokio::sync::mpsc::bounded::Receiver::recv",
                "tokio::sync::mpsc::chan::Rx::recv",
            ][..],
            &[
                "tokio::sync::watch::Receiver::changed",
                "tokio::sync::watch::changed_impl",
            ],
            &["tokio::task::yield_now::yield_now"],
            &["tokio::time::sleep::Sleep"],
        ] {
            assert!(!are_missing_at(Some(7), calls), "{calls:?}");
        }
        assert!(!are_missing(&[]));
    }

    #[test]
    fn line_tables_have_modules_instead_of_methods() {
        for calls in [
            &[
                "tokio::sync::mpsc::bounded",
                "tokio::sync::mpsc::bounded::Receiver::recv",
            ][..],
            &[
                "deadqueue::unlimited",
                "tokio::sync::semaphore",
                "tokio::sync::batch_semaphore::poll",
            ],
        ] {
            assert!(are_missing_at(Some(7), calls), "{calls:?}");
        }
    }

    #[test]
    fn without_debug_info_there_are_no_lines_and_without_symbols_there_is_nothing() {
        assert!(are_missing_at(
            None,
            &[
                "program::main",
                "tokio::sync::mpsc::bounded::Receiver::recv"
            ]
        ));
        assert!(are_missing_at(None, &[]));
        assert!(are_none(&parked(None, &[])));
        assert!(!are_none(&parked(None, &["program::main"])));
        assert!(!are_none(&[]));
    }
}
