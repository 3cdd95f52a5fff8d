//! Whether a program that has not ended will ever go on.
//!
//! A false `stuck` costs more trust than ten missed ones, so it is said only where everything that
//! could wake a task has been ruled out, one by one.

use super::{Confidence, Verdict, Wait, Waits};
use crate::observe::{Snapshot, TaskId, TaskSeen, TaskState};

/// A verdict on a program that has not ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Judgement {
    /// `Stuck`, `Blocked` or `Waiting`.
    pub verdict: Verdict,
    /// How sure that is.
    pub confidence: Confidence,
}

/// Threads that do nothing unless a task asks them to: by the start of their names.
const SERVANTS: [&str; 1] = ["sqlx-sqlite-wor"];

/// Judges a program that has not ended and in which nothing has moved for a while. None: it will go on
/// by itself.
///
/// `Blocked` and `Waiting` say what it is at, not that this will last: for that it has to be seen at it
/// for some time.
pub fn judge(seen: &Snapshot, main: TaskId) -> Option<Judgement> {
    let waits = Waits::of(seen);
    let mut live: Vec<&TaskSeen> = Vec::new();
    for task in &seen.tasks {
        let own = task.id == main || !task.spawned_at.is_library();
        match &task.state {
            TaskState::Polling => return Some(likely(Verdict::Blocked)),
            // A library's own upkeep may tick for ever without helping the program.
            TaskState::Parked(_) if own => live.push(task),
            TaskState::Parked(_) | TaskState::Ended(_) => {}
        }
    }

    let all = || live.iter().flat_map(|task| waits.on(task.id));
    if all().any(|wait| matches!(wait, Wait::Timer { .. })) {
        return None;
    }
    if all().any(|wait| matches!(wait, Wait::Io { .. })) {
        return Some(Judgement {
            verdict: Verdict::Waiting,
            confidence: Confidence::Proven,
        });
    }
    let hopeless = |wait: &Wait<'_>| match wait {
        Wait::Event { event, .. } => !event.set && event.setters == 0,
        // All its children are among the living, which are looked at themselves.
        Wait::Group { .. } => true,
        _ => false,
    };
    let outside = &seen.outside;
    // A `select!` may hide a branch that the dump does not see, so none of these may be there at all.
    let hidden_wakers = outside.blocking_calls > 0 || outside.io_sources > 0;
    // A thread can hold anything but a handle of an event that has been counted out.
    let unknown_threads = !outside.busy_threads.is_empty()
        || outside
            .sleeping_threads
            .iter()
            .any(|name| !is_servant(name));
    let proven = all().all(hopeless);
    if hidden_wakers || (unknown_threads && !proven) {
        return Some(likely(Verdict::Waiting));
    }
    Some(Judgement {
        verdict: Verdict::Stuck,
        confidence: if proven && !unknown_threads {
            Confidence::Proven
        } else {
            Confidence::Likely
        },
    })
}

fn is_servant(thread: &str) -> bool {
    SERVANTS.iter().any(|servant| thread.starts_with(servant))
}

fn likely(verdict: Verdict) -> Judgement {
    Judgement {
        verdict,
        confidence: Confidence::Likely,
    }
}
