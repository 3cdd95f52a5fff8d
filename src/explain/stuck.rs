//! Whether a whole process is stuck, from two readings of it.

use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash, Hasher};

use unstuck_inspect::snapshot::{AwaitTree, Lifecycle, Snapshot, Thread, WaitsFor};

/// Which tasks are stuck, and where. Equal for readings of the same hang.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Stuck(u64);

/// `Some` if all of a process waits for itself: nothing moved between the readings, everything was read, and there is
/// no timer, no I/O, no thread outside the runtimes and no future that is not understood.
pub(super) fn stuck(before: &Snapshot, after: &Snapshot) -> Option<Stuck> {
    let is_still = before.tasks == after.tasks
        && before.block_ons == after.block_ons
        && before.threads == after.threads;
    let is_whole = after.gaps.is_empty() && after.blocking_tasks.is_empty();
    let tasks_wait = after.tasks.iter().all(|task| {
        !task.changed
            && task.state.lifecycle == Lifecycle::Idle
            && !task.state.cancelled
            && waits_inside(&task.futures)
    });
    let block_ons_wait = after
        .block_ons
        .iter()
        .all(|block_on| !block_on.changed && !block_on.polled && waits_inside(&block_on.futures));
    let is_stuck = is_still
        && is_whole
        && tasks_wait
        && block_ons_wait
        && !after.block_ons.is_empty()
        && after.threads.iter().all(is_of_runtime);
    is_stuck.then(|| {
        let mut hasher = DefaultHasher::new();
        for task in &after.tasks {
            (task.id, task.address, task.state.references).hash(&mut hasher);
            for frame in &task.futures.frames {
                (frame.address, frame.place).hash(&mut hasher);
            }
        }
        Stuck(hasher.finish())
    })
}

fn waits_inside(futures: &AwaitTree) -> bool {
    !futures.leaves.is_empty()
        && futures.leaves.iter().all(|leaf| {
            matches!(
                leaf.waits_for,
                WaitsFor::Message { .. }
                    | WaitsFor::Broadcast { .. }
                    | WaitsFor::Oneshot { .. }
                    | WaitsFor::Permits { .. }
                    | WaitsFor::Task { .. }
            )
        })
}

/// A worker that is parked, or a thread in `block_on`.
fn is_of_runtime(thread: &Thread) -> bool {
    const FUTEX: u64 = 202;
    const EPOLL_WAIT: u64 = 232;
    let is_parked = thread
        .system_call
        .is_some_and(|call| [FUTEX, EPOLL_WAIT].contains(&call.number));
    let runtime = |name: &String| name.contains("tokio::runtime::");
    let mut functions = thread
        .stack
        .iter()
        .filter_map(|frame| frame.function.as_ref());
    is_parked && functions.any(runtime)
}
