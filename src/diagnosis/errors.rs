//! What became of the errors: which were returned, which surfaced, which nobody saw.

use std::error::Error;

use crate::error_group::{ErrorGroup, Failure, TaskFailure};
use crate::observe::{End, Snapshot, TaskId, TaskSeen, TaskState};

use super::Program;

/// An error in what the program's main task returned.
#[derive(Clone, Debug)]
pub struct Surfaced {
    /// The task that it came from, where the error says.
    pub task: Option<TaskId>,
    /// Its text.
    pub text: String,
}

impl Surfaced {
    /// The errors in what a main function returned: all of a group's, or the one.
    pub fn all_in(error: &(dyn Error + 'static)) -> Vec<Self> {
        let Some(group) = error.downcast_ref::<ErrorGroup>() else {
            return vec![Self {
                task: None,
                text: error.to_string(),
            }];
        };
        let leaf = |leaf: &TaskFailure| Self {
            task: leaf.id().map(TaskId::from),
            text: match leaf.failure() {
                Failure::Panic(panic) => panic.message().to_owned(),
                other => other.to_string(),
            },
        };
        group.leaves().map(leaf).collect()
    }
}

/// How many errors, and panics, the tasks of a program ended with.
///
/// At the time of the verdict: a program that is still there might yet look at them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "guard", derive(serde::Serialize))]
pub struct Errors {
    /// All of them.
    pub returned: usize,
    /// Those that the program's main task returned in turn.
    pub surfaced: usize,
    /// The rest.
    pub swallowed: usize,
}

/// The errors that tasks ended with.
pub(super) struct Returned<'s> {
    /// Errors that main returned, and no task that is known ended with.
    of_main: usize,
    surfaced: Vec<&'s TaskSeen>,
    pub(super) swallowed: Vec<&'s TaskSeen>,
}

impl<'s> Returned<'s> {
    pub(super) fn of(seen: &'s Snapshot, main: TaskId, program: &Program) -> Self {
        let mut unmatched = match program {
            Program::Returned(_, errors) => errors.clone(),
            Program::Runs(_) => Vec::new(),
        };
        let failed = |task: &&TaskSeen| task.id != main && text(task).is_some();
        let (surfaced, swallowed) = seen.tasks.iter().filter(failed).partition(|task| {
            let same = |error: &Surfaced| match error.task {
                Some(id) => id == task.id,
                None => text(task).is_some_and(|text| error.text.contains(text)),
            };
            let found = unmatched.iter().position(same);
            found.map(|at| unmatched.swap_remove(at)).is_some()
        });
        Self {
            of_main: unmatched.len(),
            surfaced,
            swallowed,
        }
    }

    pub(super) fn counts(&self) -> Errors {
        let surfaced = self.surfaced.len() + self.of_main;
        let swallowed = self.swallowed.len();
        Errors {
            returned: surfaced + swallowed,
            surfaced,
            swallowed,
        }
    }
}

/// The text of the error or panic that a task ended with.
pub(super) fn text(task: &TaskSeen) -> Option<&str> {
    match &task.state {
        TaskState::Ended(End::Error(text) | End::Panic(text)) => Some(text),
        _ => None,
    }
}
