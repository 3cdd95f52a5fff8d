//! What belongs to tasks.

use crate::observe::TaskId;

/// What belongs to tasks, any number of things to each: by their numbers, and then in the order in which it came. In
/// one piece, as there may be a million tasks, which are mostly looked at one after the other.
pub(super) struct ByTask<T>(Vec<(TaskId, T)>);

impl<T> ByTask<T> {
    /// What belongs to a task.
    pub(super) fn of(&self, task: TaskId) -> impl Iterator<Item = &T> {
        let from = self.0.partition_point(|(other, _)| *other < task);
        let of_it = self.0[from..]
            .iter()
            .take_while(move |(other, _)| *other == task);
        of_it.map(|(_, thing)| thing)
    }

    /// Whether anything does.
    pub(super) fn has(&self, task: TaskId) -> bool {
        self.of(task).next().is_some()
    }

    /// The only thing that does.
    pub(super) fn get_mut(&mut self, task: TaskId) -> Option<&mut T> {
        let at = self
            .0
            .binary_search_by_key(&task, |(other, _)| *other)
            .ok()?;
        Some(&mut self.0[at].1)
    }

    pub(super) fn all_mut(&mut self) -> impl Iterator<Item = &mut T> {
        self.0.iter_mut().map(|(_, thing)| thing)
    }
}

impl<T> FromIterator<(TaskId, T)> for ByTask<T> {
    fn from_iter<I: IntoIterator<Item = (TaskId, T)>>(things: I) -> Self {
        let mut things: Vec<_> = things.into_iter().collect();
        things.sort_by_key(|(task, _)| *task);
        Self(things)
    }
}
