//! What threads do for a runtime, as far as the functions on their stacks tell.

use std::collections::HashSet;

use crate::snapshot::{Gap, Snapshot, StackGap, Thread, ThreadActivity, ThreadState};

/// A worker that waits for a task, and a thread of a blocking pool that waits for a closure, are in these functions of
/// Tokio's.
const WORKER_PARKS: &str = "runtime::scheduler::multi_thread::worker::Context::park";
const WORKER: &str = "runtime::scheduler::multi_thread::worker::run";
const POOL: &str = "runtime::blocking::pool::Inner::run";
const POOL_RUNS: &str = "runtime::blocking::pool::Task::run";
/// A thread that drops a runtime waits in this function for the threads of its blocking pool.
const SHUTS_DOWN: &str = "runtime::blocking::pool::BlockingPool::shutdown";
/// What a worker or a `block_on` polls a task with.
const POLLS_TASK: &str = "runtime::task::raw::poll";

/// Notes what each thread does. All else must be in the snapshot already.
pub(crate) fn note_activities(snapshot: &mut Snapshot) {
    let lost: HashSet<u32> = snapshot
        .gaps
        .iter()
        .filter_map(|gap| match gap {
            Gap::UnreadableStack {
                thread,
                why: StackGap::LostTrail,
            } => Some(*thread),
            _ => None,
        })
        .collect();
    let block_ons: Vec<(u32, bool)> = snapshot
        .block_ons
        .iter()
        .map(|it| (it.thread, it.polled))
        .collect();
    for thread in &mut snapshot.threads {
        let mut block_ons = block_ons.iter();
        let polled = block_ons
            .find(|(id, _)| *id == thread.id)
            .map(|(_, polled)| *polled);
        thread.activity = activity(thread, polled, !lost.contains(&thread.id));
    }
}

/// What a thread does. `polled` is that of its `block_on` future, if it has one.
fn activity(thread: &Thread, polled: Option<bool>, is_whole: bool) -> ThreadActivity {
    if let Some(polled) = polled {
        return if polled || polls_task(thread) {
            ThreadActivity::Polls
        } else {
            ThreadActivity::BlockOn
        };
    }
    if thread.state != ThreadState::Sleeping || !is_whole {
        return ThreadActivity::Other;
    }
    if is_in(thread, WORKER) {
        return if is_in(thread, WORKER_PARKS) {
            ThreadActivity::ParkedWorker
        } else {
            ThreadActivity::Polls
        };
    }
    if is_in(thread, POOL) {
        return if is_in(thread, POOL_RUNS) {
            ThreadActivity::RunsClosure
        } else {
            ThreadActivity::IdlePoolThread
        };
    }
    if is_in(thread, SHUTS_DOWN) && !polls_task(thread) {
        return ThreadActivity::DropsRuntime;
    }
    ThreadActivity::Other
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
    let mut names = names.take_while(|name| !name.contains(super::names::BLOCK_ON));
    names.any(|name| name.contains(POLLS_TASK))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::snapshot::NativeFrame;

    fn thread(functions: &[&str]) -> Thread {
        let frame = |name: &&str| NativeFrame {
            function: Some(format!("tokio::{name}")),
            file: None,
            line: None,
            origin: None,
            inlined: false,
        };
        Thread {
            id: 1,
            name: String::new(),
            state: ThreadState::Sleeping,
            system_call: None,
            stack: functions.iter().map(frame).collect(),
            activity: ThreadActivity::Other,
        }
    }

    #[test]
    fn the_functions_on_a_stack_tell_what_the_thread_does() {
        let poll = "runtime::task::raw::poll<app::task>";
        for (functions, expected) in [
            (
                &[WORKER_PARKS, WORKER, POLLS_TASK, POOL_RUNS, POOL][..],
                ThreadActivity::ParkedWorker,
            ),
            (
                &["futex_wait", poll, WORKER, POLLS_TASK, POOL_RUNS, POOL],
                ThreadActivity::Polls,
            ),
            (
                &["read", POLLS_TASK, POOL_RUNS, POOL],
                ThreadActivity::RunsClosure,
            ),
            (&["futex_wait", POOL], ThreadActivity::IdlePoolThread),
            (&["futex_wait", SHUTS_DOWN], ThreadActivity::DropsRuntime),
            (&["futex_wait", SHUTS_DOWN, poll], ThreadActivity::Other),
            (&["futex_wait"], ThreadActivity::Other),
        ] {
            let thread = thread(functions);
            assert_eq!(activity(&thread, None, true), expected, "{functions:?}");
            assert_eq!(activity(&thread, None, false), ThreadActivity::Other);
        }
    }

    #[test]
    fn a_task_that_is_polled_within_block_on_occupies_its_thread() {
        let block_on = "runtime::scheduler::current_thread::CurrentThread::block_on";
        for (functions, polled, expected) in [
            (&["park", block_on][..], false, ThreadActivity::BlockOn),
            (&["futex_wait", block_on], true, ThreadActivity::Polls),
            (
                &["futex_wait", POLLS_TASK, block_on],
                false,
                ThreadActivity::Polls,
            ),
            (
                &["park", block_on, POLLS_TASK, WORKER],
                false,
                ThreadActivity::BlockOn,
            ),
        ] {
            let thread = thread(functions);
            assert_eq!(activity(&thread, Some(polled), true), expected);
        }
    }
}
