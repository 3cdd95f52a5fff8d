//! What the threads of a process do, as far as their stacks tell.

use std::collections::HashSet;

use unstuck_inspect::snapshot::{Gap, Snapshot, StackGap, Thread, ThreadState};

/// What a thread does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    /// It waits for tasks or closures to run, and holds nothing of the program.
    Parked,
    /// It waits in a `block_on` whose future is among the actors.
    BlockOn,
    /// It is inside a future's `poll` function.
    Polls,
    /// It runs a closure of a blocking pool.
    RunsBlocking,
    /// Anything else: it may hold and wake whatever it wants.
    Other,
}

/// A worker that waits for a task, and a thread of a blocking pool that waits for a closure, are in these functions of
/// Tokio's.
const WORKER_PARKS: &str = "runtime::scheduler::multi_thread::worker::Context::park";
const WORKER: &str = "runtime::scheduler::multi_thread::worker::run";
const POOL: &str = "runtime::blocking::pool::Inner::run";
const POOL_RUNS: &str = "runtime::blocking::pool::Task::run";
/// What a worker or a `block_on` polls a task with.
const POLLS_TASK: &str = "runtime::task::raw::poll";

pub(super) fn role(snapshot: &Snapshot, thread: &Thread) -> Role {
    let mut block_ons = snapshot.block_ons.iter();
    if let Some(block_on) = block_ons.find(|it| it.thread == thread.id) {
        return if block_on.polled || polls_task(thread) {
            Role::Polls
        } else {
            Role::BlockOn
        };
    }
    let lost = |gap: &Gap| matches!(gap, Gap::UnreadableStack { thread: id, why: StackGap::LostTrail } if *id == thread.id);
    if thread.state != ThreadState::Sleeping || snapshot.gaps.iter().any(lost) {
        return Role::Other;
    }
    if is_in(thread, WORKER) {
        return if is_in(thread, WORKER_PARKS) {
            Role::Parked
        } else {
            Role::Polls
        };
    }
    if is_in(thread, POOL) {
        return if is_in(thread, POOL_RUNS) {
            Role::RunsBlocking
        } else {
            Role::Parked
        };
    }
    Role::Other
}

/// The threads that are asleep inside a `poll` function: nothing else of that future runs until it returns.
pub(super) fn blocked(snapshot: &Snapshot, moved: &HashSet<u32>) -> Vec<usize> {
    let threads = snapshot.threads.iter().enumerate();
    let blocked = threads.filter(|(_, thread)| {
        thread.state == ThreadState::Sleeping
            && !moved.contains(&thread.id)
            && role(snapshot, thread) == Role::Polls
    });
    blocked.map(|(index, _)| index).collect()
}

fn is_in(thread: &Thread, function: &str) -> bool {
    let mut functions = thread.stack.iter().filter_map(|it| it.function.as_deref());
    functions.any(|name| name.contains(function))
}

/// Whether a task is polled on top of what the thread is there for.
///
/// A worker is itself a task of the blocking pool, so the innermost function decides.
fn polls_task(thread: &Thread) -> bool {
    let names = thread.stack.iter().filter_map(|it| it.function.as_deref());
    let mut names = names.take_while(|name| !name.contains("block_on"));
    names.any(|name| name.contains(POLLS_TASK))
}
