//! What lies outside the tasks, and could wake one.

use super::Timers;

/// What there is, besides the tasks, that could wake one.
#[derive(Clone, Debug, Default)]
pub struct Outside {
    /// Calls that run, or wait for a thread, in the runtime's pool for blocking work.
    pub blocking_calls: usize,
    /// Sockets, pipes and the like that the runtime listens to.
    pub io_sources: usize,
    /// Timers of the runtime, whoever set them.
    pub timers: Timers,
    /// Whether the program listens to signals, or that is not known.
    pub signals: bool,
    /// Whether the system tells of threads at all.
    pub threads_seen: bool,
    /// Names of threads, other than the runtime's, that were at work.
    pub busy_threads: Vec<String>,
    /// Names of threads, other than the runtime's, that were asleep all the time.
    pub sleeping_threads: Vec<String>,
}

impl Outside {
    /// Whether something has gone since `earlier` that could wake a task.
    pub(crate) fn lacks_some_of(&self, earlier: &Outside) -> bool {
        let threads =
            |outside: &Outside| outside.busy_threads.len() + outside.sleeping_threads.len();
        let has_gone_off = match (earlier.timers, self.timers) {
            // Less and less is left of the same one.
            (Timers::Set(then), Timers::Set(now)) => now > then,
            (Timers::Set(_), Timers::None) => true,
            _ => false,
        };
        has_gone_off
            || self.blocking_calls < earlier.blocking_calls
            || self.io_sources < earlier.io_sources
            || threads(self) < threads(earlier)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn what_could_wake_a_task_and_is_gone_is_missed() {
        let second = Duration::from_secs(1);
        let all = Outside {
            blocking_calls: 1,
            io_sources: 1,
            timers: Timers::Set(second),
            busy_threads: vec!["busy".to_owned()],
            sleeping_threads: vec!["asleep".to_owned()],
            ..Outside::default()
        };
        assert!(!all.lacks_some_of(&all));
        assert!(!all.lacks_some_of(&Outside::default()));
        for goes in [
            |outside: &mut Outside| outside.blocking_calls = 0,
            |outside: &mut Outside| outside.io_sources = 0,
            |outside: &mut Outside| outside.timers = Timers::None,
            |outside: &mut Outside| outside.timers = Timers::Set(Duration::from_secs(2)),
            |outside: &mut Outside| outside.busy_threads.clear(),
            |outside: &mut Outside| outside.sleeping_threads.clear(),
        ] {
            let mut now = all.clone();
            goes(&mut now);
            assert!(now.lacks_some_of(&all), "{now:?}");
        }
        let mut now = all.clone();
        now.timers = Timers::Set(second / 2);
        now.sleeping_threads.append(&mut now.busy_threads);
        assert!(!now.lacks_some_of(&all));
    }
}
