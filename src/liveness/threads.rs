//! What the threads of a process may do to its tasks.

use unstuck_inspect::snapshot::{Snapshot, Thread, ThreadActivity, ThreadState};

use super::libraries::is_idle_servant;
use super::maps::HashSet;

/// Whether a thread does nothing but wait for tasks or closures to run, or for a future that is among the actors.
pub(super) fn rests(thread: &Thread) -> bool {
    let waits = matches!(
        thread.activity,
        ThreadActivity::ParkedWorker | ThreadActivity::IdlePoolThread | ThreadActivity::BlockOn
    );
    waits || only_watches(thread) || is_idle_servant(thread)
}

/// Whether it is one of [ours](crate::own_threads) in a program that watches itself.
fn only_watches(thread: &Thread) -> bool {
    let mut functions = thread.stack.iter().filter_map(|it| it.function.as_deref());
    functions.any(|function| function.starts_with("unstuck::own_threads::"))
}

/// The ids of those.
pub(super) fn watchers(snapshot: &Snapshot) -> HashSet<u32> {
    let threads = snapshot.threads.iter();
    let watchers = threads.filter(|thread| only_watches(thread));
    watchers.map(|thread| thread.id).collect()
}

/// Threads that the program or a library started for itself: they may hold and wake whatever they want.
pub(super) fn others(snapshot: &Snapshot) -> Vec<usize> {
    indices(snapshot, is_other)
}

pub(super) fn is_other(thread: &Thread) -> bool {
    matches!(
        thread.activity,
        ThreadActivity::Other | ThreadActivity::DropsRuntime
    ) && thread.state != ThreadState::Dead
        && !only_watches(thread)
        && !is_idle_servant(thread)
}

/// The threads that are asleep inside a `poll` function: nothing else of that future runs until it returns.
pub(super) fn blocked(snapshot: &Snapshot, moved: &HashSet<u32>) -> Vec<usize> {
    indices(snapshot, |thread| {
        thread.state == ThreadState::Sleeping
            && !moved.contains(&thread.id)
            && thread.activity == ThreadActivity::Polls
    })
}

fn indices(snapshot: &Snapshot, is_one: impl Fn(&Thread) -> bool) -> Vec<usize> {
    let threads = snapshot.threads.iter().enumerate();
    let found = threads.filter(|(_, thread)| is_one(thread));
    found.map(|(index, _)| index).collect()
}
