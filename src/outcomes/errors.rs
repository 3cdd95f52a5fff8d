//! What became of the errors: which were returned, which surfaced, which nobody saw.

use std::cmp::Reverse;
use std::collections::HashSet;
use std::error::Error;

use serde::{Deserialize, Serialize};

use super::{Outcomes, TaskId, TaskOutcome};
use crate::error_group::{ErrorGroup, Failure, TaskFailure};

/// An error in what the program's main task returned.
#[derive(Clone, Debug, Deserialize, Serialize)]
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
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
pub struct Errors {
    /// All of them.
    pub returned: usize,
    /// Those that the program's main task returned in turn.
    pub surfaced: usize,
    /// The rest.
    pub swallowed: usize,
}

impl Errors {
    /// No errors at all.
    pub const NONE: Self = Self::surfaced(0);

    /// So many errors, all of which surfaced.
    pub const fn surfaced(errors: usize) -> Self {
        Self {
            returned: errors,
            surfaced: errors,
            swallowed: 0,
        }
    }

    /// So many errors, none of which surfaced.
    pub const fn swallowed(errors: usize) -> Self {
        Self {
            returned: errors,
            surfaced: 0,
            swallowed: errors,
        }
    }
}

/// The errors that tasks ended with, by whether somebody read them.
pub(super) struct Read<'o> {
    /// Errors that main returned, and no task that is listed ended with.
    of_main: usize,
    surfaced: Vec<&'o TaskOutcome>,
    pub(super) swallowed: Vec<&'o TaskOutcome>,
    /// Errors that did not surface either, of tasks that are not listed.
    pub(super) swallowed_unlisted: usize,
}

impl<'o> Read<'o> {
    pub(super) fn by_main(outcomes: &'o Outcomes) -> Self {
        let returned = outcomes.returned.iter().flat_map(|it| &it.surfaced);
        let mut of_tasks: HashSet<TaskId> =
            returned.clone().filter_map(|error| error.task).collect();
        let of_anybody = returned.filter(|error| error.task.is_none());
        let mut texts: Vec<Told> = of_anybody.map(Told::new).collect();
        let failed = |task: &&TaskOutcome| Some(task.id) != outcomes.main && task.error().is_some();
        let failed: Vec<&TaskOutcome> = outcomes.tasks.iter().filter(failed).collect();
        // What one task ended with may be part of what another one did.
        let mut longest_first = failed.clone();
        longest_first.sort_by_key(|task| Reverse(task.error().map(str::len)));
        longest_first.retain(|task| {
            let tells_of = |told: &mut Told| task.error().is_some_and(|text| told.tells_of(text));
            of_tasks.remove(&task.id) || texts.iter_mut().any(tells_of)
        });
        let told_of: HashSet<TaskId> = longest_first.iter().map(|task| task.id).collect();
        let (surfaced, swallowed) = failed
            .into_iter()
            .partition(|task| told_of.contains(&task.id));
        let of_none = texts.iter().filter(|told| !told.of_a_task).count();
        Self {
            of_main: of_tasks.len() + of_none,
            surfaced,
            swallowed,
            swallowed_unlisted: outcomes.unlisted.failed.saturating_sub(of_tasks.len()),
        }
    }

    pub(super) fn counts(&self) -> Errors {
        let surfaced = self.surfaced.len() + self.of_main;
        let swallowed = self.swallowed.len() + self.swallowed_unlisted;
        Errors {
            returned: surfaced + swallowed,
            surfaced,
            swallowed,
        }
    }
}

/// An error of main's that may tell of tasks, as far as it has not been found to.
struct Told {
    text: String,
    of_a_task: bool,
}

impl Told {
    fn new(error: &Surfaced) -> Self {
        Self {
            text: error.text.clone(),
            of_a_task: false,
        }
    }

    /// Whether it tells of one more task that ended with this error.
    fn tells_of(&mut self, error: &str) -> bool {
        let Some(at) = self.text.find(error) else {
            return false;
        };
        // What was before it and what was after it make no text together.
        self.text.replace_range(at..at + error.len(), "\0");
        self.of_a_task = true;
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::outcomes::swallowed_error::tests::failed;
    use crate::outcomes::{End, Returned};

    /// What is known once main, task 1, has returned one error with this text.
    fn outcomes(tasks: Vec<TaskOutcome>, returned: &str) -> Outcomes {
        let error = Surfaced {
            task: None,
            text: returned.to_owned(),
        };
        Outcomes {
            tasks,
            main: Some(TaskId(1)),
            returned: Some(Returned {
                end: End::Error(error.text.clone()),
                surfaced: vec![error],
                at_rest: true,
            }),
            ..Outcomes::default()
        }
    }

    /// What became of the errors of tasks 2, 3 and 4 where main, task 1, returned one with this text.
    fn counts(returned: &str) -> Errors {
        let tasks = vec![
            failed(2, 0, "no disk"),
            failed(3, 0, "no disk"),
            failed(4, 0, "no net"),
        ];
        outcomes(tasks, returned).errors()
    }

    #[test]
    fn an_error_that_is_told_once_surfaced_once() {
        let expected = Errors {
            returned: 3,
            surfaced: 1,
            swallowed: 2,
        };
        assert_eq!(counts("no disk"), expected);
        assert_eq!(counts("worker-1: no disk"), expected);
    }

    #[test]
    fn one_text_may_tell_of_several_tasks() {
        assert_eq!(counts("no disk, no net, no disk"), Errors::surfaced(3));
    }

    #[test]
    fn of_two_errors_that_are_told_the_longer_one_surfaced() {
        let tasks = vec![failed(2, 0, "no disk"), failed(3, 0, "no disk: it is full")];
        let outcomes = outcomes(tasks, "worker-1: no disk: it is full");
        let read = Read::by_main(&outcomes);
        let ids = |tasks: &[&TaskOutcome]| -> Vec<TaskId> { tasks.iter().map(|t| t.id).collect() };
        assert_eq!(ids(&read.surfaced), [TaskId(3)]);
        assert_eq!(ids(&read.swallowed), [TaskId(2)]);
    }

    #[test]
    fn what_is_left_of_a_text_is_not_put_together() {
        let expected = Errors {
            returned: 3,
            surfaced: 1,
            swallowed: 2,
        };
        assert_eq!(counts("no no diskdisk"), expected);
    }

    #[test]
    fn an_error_of_mains_own_is_one_more() {
        let expected = Errors {
            returned: 4,
            surfaced: 1,
            swallowed: 3,
        };
        assert_eq!(counts("no idea"), expected);
    }
}
