//! What is known of libraries: their threads and tasks that do nothing for the program by themselves.
//!
//! Each entry says why. What is not here may wake whatever it wants.

use unstuck_inspect::snapshot::{Origin, PlaceId, Snapshot, Task, Thread};

/// A thread that a library starts, and that does nothing unless a task asks it to.
struct Servant {
    /// The beginning of the name of the library's function that is at the bottom of the thread.
    runs: &'static str,
    /// The beginning of the name of a function that it is in only while it waits to be asked.
    idles_in: &'static str,
}

const SERVANTS: &[Servant] = &[
    // Each connection to SQLite has a thread, which takes commands from a queue.
    Servant {
        runs: "sqlx_sqlite::connection::worker::",
        idles_in: "flume::Receiver<T>::recv",
    },
];

/// The beginnings of the names of functions that run as tasks for ever, and only look after the library itself.
const UPKEEP: &[&str] = &[
    // Closes connections that have been idle for too long. A task that waits for a connection waits for one that is in
    // use, which this does not touch.
    "sqlx_core::pool::inner::spawn_maintenance_tasks",
];

/// Whether a thread waits until a task asks it for something. One that has called the program back may do anything.
pub(super) fn is_idle_servant(thread: &Thread) -> bool {
    let mut frames = thread.stack.iter();
    if frames.any(|frame| frame.origin == Some(Origin::Program)) {
        return false;
    }
    let is_in = |name: &str| {
        let mut functions = thread.stack.iter().filter_map(|it| it.function.as_deref());
        functions.any(|function| function.starts_with(name))
    };
    SERVANTS
        .iter()
        .any(|servant| is_in(servant.runs) && is_in(servant.idles_in))
}

/// Whether a task only looks after a library. One that has called the program back may do anything.
pub(super) fn is_upkeep(snapshot: &Snapshot, task: &Task) -> bool {
    let name = &snapshot[task.name];
    let is_own = |place: PlaceId| snapshot[place].origin == Origin::Program;
    task.origin == Some(Origin::Library)
        && UPKEEP.iter().any(|upkeep| name.starts_with(upkeep))
        && !task.futures.frames.iter().any(|frame| is_own(frame.place))
}
