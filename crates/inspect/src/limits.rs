//! How much is read at most.

/// How much is read at most. What is beyond a limit is reported as
/// [`Gap::LimitReached`](crate::snapshot::Gap::LimitReached).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// How many bytes of the program's memory are searched for tasks.
    pub searched_bytes: u64,
    /// How many tasks are read, of all runtimes together.
    pub tasks: u64,
    /// How many values are visited for one task.
    pub visits_per_task: u64,
    /// How many values are visited for all tasks together.
    pub visits: u64,
    /// How many elements of one container are visited.
    pub elements: u64,
    /// How often a list of tasks is read again that changed while it was read.
    pub attempts: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            searched_bytes: 16 << 30,
            tasks: 4_000_000,
            visits_per_task: 4_000_000,
            visits: 200_000_000,
            elements: 1_000_000,
            attempts: 10,
        }
    }
}
