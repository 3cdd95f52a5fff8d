//! What is known of libraries: their threads and tasks that do nothing for the program by themselves.
//!
//! Each entry says why. What is not here may wake whatever it wants.

use unstuck_inspect::snapshot::{NativeFrame, Origin, PlaceId, Snapshot, Task, Thread};

/// A thread that a library starts, and that does nothing unless a task asks it to.
struct Servant {
    /// The beginning of the name of the library's function that is at the bottom of the thread.
    runs: &'static str,
    /// The beginnings of the names of functions that it is in only while it waits to be asked.
    idles_in: &'static [&'static str],
}

const SERVANTS: &[Servant] = &[
    // Each connection to SQLite has a thread, which takes commands from a queue.
    Servant {
        runs: "sqlx_sqlite::connection::worker::",
        idles_in: &["flume::Receiver<T>::recv"],
    },
    // The harness waits for tests to end, each of which has a thread of its own. How the compiler writes names depends
    // on its version.
    Servant {
        runs: "test::run_tests",
        idles_in: &[
            "<std::sync::mpsc::Receiver<test::event::CompletedTest>>::recv",
            "std::sync::mpsc::Receiver<T>::recv",
        ],
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
    let begins = |frame: &NativeFrame, name: &str| {
        let function = frame.function.as_deref();
        function.is_some_and(|function| function.starts_with(name))
    };
    SERVANTS.iter().any(|servant| {
        let runs = |frame: &NativeFrame| begins(frame, servant.runs);
        let Some(depth) = thread.stack.iter().position(runs) else {
            return false;
        };
        let inside = &thread.stack[..depth];
        let idles = |frame: &NativeFrame| servant.idles_in.iter().any(|name| begins(frame, name));
        inside.iter().any(idles)
            && inside
                .iter()
                .all(|frame| frame.origin != Some(Origin::Program))
    })
}

/// Whether a task only looks after a library. One that has called the program back may do anything.
pub(super) fn is_upkeep(snapshot: &Snapshot, task: &Task) -> bool {
    let name = &snapshot[task.name];
    let is_own = |place: PlaceId| snapshot[place].origin == Origin::Program;
    task.origin == Some(Origin::Library)
        && UPKEEP.iter().any(|upkeep| name.starts_with(upkeep))
        && !task.futures.frames.iter().any(|frame| is_own(frame.place))
}
