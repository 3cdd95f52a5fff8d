//! Where every task is parked, from Tokio's own task dump.
//!
//! Equal traces are resolved once: most of the time goes into reading the debug info.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use super::snapshot::{Leaf, TaskId, TaskSeen, TaskState};

/// The leaves of each task that a dump saw.
type Leaves = HashMap<TaskId, Arc<[Leaf]>>;

/// A dump, of which only the addresses are known yet.
pub(super) struct Dumped(Box<dyn FnOnce() -> Leaves>);

/// What there is to say where a dump does not show all.
pub(super) const IN_PART: &str = "where some tasks are parked (the dump lacks them, or shows functions that unstuck does not know)";

impl Dumped {
    /// Enters where each task is parked. Takes a while, as debug info has to be read. Whether all are known: what
    /// is none of Tokio's leaves was not recognized, and a dump may lack tasks.
    pub(super) fn resolve(self, tasks: &mut [TaskSeen]) -> bool {
        let dumped = (self.0)();
        let mut all_known = true;
        for task in tasks {
            let TaskState::Parked(parked) = &mut task.state else {
                continue;
            };
            let leaves = dumped.get(&task.id);
            all_known &= leaves.is_some_and(|leaves| leaves.iter().all(is_of_tokio));
            if let Some(leaves) = leaves {
                *parked = Arc::clone(leaves);
            }
        }
        all_known
    }
}

fn is_of_tokio(leaf: &Leaf) -> bool {
    leaf.calls.iter().any(|call| call.starts_with("tokio::"))
}

/// Whether some task waits for one of Tokio's locks or permits.
pub(super) fn wait_for_locks(tasks: &[TaskSeen]) -> bool {
    // Tasks that are parked alike share their leaves.
    let mut known = HashSet::new();
    let leaves = tasks.iter().filter_map(|task| match &task.state {
        TaskState::Parked(leaves) => known.insert(leaves.as_ptr()).then_some(leaves),
        TaskState::Polling | TaskState::Ended(_) => None,
    });
    leaves.flat_map(|leaves| leaves.iter()).any(is_of_lock)
}

fn is_of_lock(leaf: &Leaf) -> bool {
    const LOCKS: [&str; 3] = ["mutex", "rwlock", "semaphore"];
    let is_lock = |call: &String| {
        let path = call.strip_prefix("tokio::sync::");
        path.is_some_and(|path| LOCKS.iter().any(|lock| path.starts_with(lock)))
    };
    leaf.calls.iter().any(is_lock)
}

#[cfg(not(all(
    target_os = "linux",
    any(
        target_arch = "aarch64",
        target_arch = "x86",
        target_arch = "x86_64",
        target_arch = "s390x"
    )
)))]
pub(super) fn take(
    _runtime: &tokio::runtime::Handle,
    _at_most: std::time::Duration,
) -> Result<Dumped, &'static str> {
    Err("where tasks are parked (Tokio dumps tasks on Linux only)")
}

#[cfg(all(
    target_os = "linux",
    any(
        target_arch = "aarch64",
        target_arch = "x86",
        target_arch = "x86_64",
        target_arch = "s390x"
    )
))]
pub(super) use linux::take;

#[cfg(all(
    target_os = "linux",
    any(
        target_arch = "aarch64",
        target_arch = "x86",
        target_arch = "x86_64",
        target_arch = "s390x"
    )
))]
mod linux {
    use std::collections::HashMap;
    use std::fmt::Write as _;
    use std::path::Path;
    use std::sync::{Arc, mpsc};
    use std::time::Duration;

    use tokio::runtime::dump::{Backtrace, BacktraceFrame, Dump};
    use tokio::runtime::{Builder, Handle, RuntimeFlavor};

    use super::super::snapshot::{Leaf, TaskId};
    use super::super::threads;
    use super::super::unrecorded;
    use super::{Dumped, Leaves};
    use crate::place::Place;

    /// Dumps the tasks of `runtime`, which polls each of them once more.
    pub(in super::super) fn take(
        runtime: &Handle,
        at_most: Duration,
    ) -> Result<Dumped, &'static str> {
        const LATE: &str = "where tasks are parked (the task dump timed out)";
        // A task that wakes itself during a dump makes such a runtime panic.
        if runtime.runtime_flavor() == RuntimeFlavor::CurrentThread {
            return Err("where tasks are parked (a current_thread runtime can't be dumped safely)");
        }
        let (done, dumped) = mpsc::channel();
        let runtime = runtime.clone();
        let dumping = move || {
            let _unrecorded = unrecorded();
            // A runtime of its own, as the timers and workers of the other may be what is stuck.
            if let Ok(waiting) = Builder::new_current_thread().build() {
                let _ = done.send(waiting.block_on(runtime.dump()));
            }
        };
        threads::start(threads::DUMPS, dumping)
            .map_err(|_| "where tasks are parked (no thread to dump them on)")?;
        let dump = dumped.recv_timeout(at_most).map_err(|_| LATE)?;
        Ok(Dumped(Box::new(move || resolve(&dump))))
    }

    fn resolve(dump: &Dump) -> Leaves {
        let mut resolved: HashMap<String, Arc<[Leaf]>> = HashMap::new();
        let mut key = String::new();
        let tasks = dump.tasks().iter().map(|task| {
            // The raw addresses, which are the same for the same wait at the same line.
            key.clear();
            let _ = write!(key, "{:?}", task.trace());
            let leaves = resolved.get(&key).cloned().unwrap_or_else(|| {
                let backtraces = task.trace().resolve_backtraces();
                let leaves: Arc<[Leaf]> = backtraces.iter().map(leaf).collect();
                resolved.insert(key.clone(), Arc::clone(&leaves));
                leaves
            });
            (TaskId::from(task.id()), leaves)
        });
        tasks.collect()
    }

    /// Walks outwards from the leaf to the first line that is the user's own.
    fn leaf(backtrace: &Backtrace) -> Leaf {
        let mut calls = Vec::new();
        let mut at = None;
        for symbol in backtrace.frames().flat_map(BacktraceFrame::symbols) {
            let file = symbol
                .filename()
                .map(|path| Place::new(path.display().to_string(), 0));
            let name = symbol.name_demangled().unwrap_or_default();
            let Some(file) = file else {
                calls.extend(function(name, None));
                continue;
            };
            let module = library_module(&file);
            // Wherever a copy of Tokio lies.
            let is_of_tokio = function(name, None).is_some_and(|it| it.starts_with("tokio::"));
            if module.is_none() && !file.is_library() && !is_of_tokio {
                let line = symbol.lineno().unwrap_or_default();
                at = Some(Place::new(below_root(file.file()), line));
                break;
            }
            calls.extend(function(name, module.as_deref()));
        }
        calls.reverse();
        calls.dedup();
        Leaf { at, calls }
    }

    /// Debug info has whole paths, `#[track_caller]` has them from the root of the workspace.
    fn below_root(file: &str) -> String {
        let here = std::env::current_dir().ok();
        let roots = [here.as_deref(), Some(Path::new(env!("CARGO_MANIFEST_DIR")))];
        let below = |root| Path::new(file).strip_prefix(root).ok();
        let below = roots.into_iter().flatten().find_map(below);
        below.map_or_else(|| file.to_owned(), |path| path.display().to_string())
    }

    /// The module that a file of a library is, `tokio::time::sleep` for
    /// `…/tokio-1.54.1/src/time/sleep.rs`. None for a file that belongs to no library.
    fn library_module(file: &Place) -> Option<String> {
        let path = match file
            .file()
            .strip_prefix(concat!(env!("CARGO_MANIFEST_DIR"), "/src/"))
        {
            // This crate, wherever it lies, is a library to whoever uses its primitives.
            Some(path) if path.starts_with("event") || path.starts_with("group") => {
                format!("unstuck/{path}")
            }
            _ if file.is_library() => {
                let (folder, path) = file.file().rsplit_once("/src/")?;
                let package = folder.rsplit('/').next()?;
                let is_version = |tail: &str| tail.starts_with(|c: char| c.is_ascii_digit());
                let name = match package.rsplit_once('-') {
                    Some((name, version)) if is_version(version) => name,
                    _ => package,
                };
                format!("{}/{path}", name.replace('-', "_"))
            }
            _ => return None,
        };
        let path = path.trim_end_matches(".rs").trim_end_matches("/mod");
        Some(path.replace('/', "::"))
    }

    /// The path of a function, without what the compiler adds: `tokio::sync::Semaphore::acquire` for
    /// `tokio::sync::Semaphore::acquire::{{closure}}::h0123456789abcdef`, and the type for its `poll`.
    ///
    /// Sparse debug info has no paths: there the module has to do, and the name if it is one.
    fn function(name: &str, module: Option<&str>) -> Option<String> {
        let name = match name.rsplit_once("::h") {
            Some((name, hash)) if hash.len() == 16 => name,
            _ => name,
        };
        let name = name.replace("::{{closure}}", "");
        let name = match name
            .strip_prefix('<')
            .and_then(|name| name.split_once(" as "))
        {
            Some((implementor, _)) => implementor,
            None => &name,
        };
        let name = without_generics(name);
        let is_path = name.contains("::") && !name.contains('{');
        match module {
            _ if name.starts_with("core::") || name.starts_with("alloc::") => None,
            _ if is_path => Some(name),
            None => None,
            Some(module) if name.is_empty() || name.contains('{') => Some(module.to_owned()),
            Some(module) => Some(format!("{module}::{name}")),
        }
    }

    fn without_generics(name: &str) -> String {
        let mut depth = 0;
        let kept = name.chars().filter(|c| match c {
            '<' => {
                depth += 1;
                false
            }
            '>' => {
                depth -= 1;
                false
            }
            _ => depth == 0,
        });
        kept.collect()
    }

    #[cfg(test)]
    mod tests {
        use std::future::pending;

        use tokio::sync::Notify;

        use super::super::super::Observer;
        use super::super::{TaskSeen, TaskState};
        use super::*;

        #[test]
        fn a_dump_that_a_blocked_worker_keeps_waiting_is_given_up() {
            let runtime = Builder::new_multi_thread().worker_threads(1).build();
            let runtime = runtime.unwrap();
            let (let_go, told) = mpsc::channel::<()>();
            let (begins, begun) = mpsc::channel();
            runtime.spawn(async move {
                begins.send(()).unwrap();
                let _ = told.recv();
            });
            begun.recv().unwrap();
            let dump = take(runtime.handle(), Duration::from_millis(100));
            let late = "where tasks are parked (the task dump timed out)";
            assert_eq!(dump.err(), Some(late));
            drop(let_go);
        }

        const SLEEP: &str = "/home/a/.cargo/registry/src/index-0123/tokio-1.54.1/src/time/sleep.rs";

        #[test]
        fn a_task_that_a_dump_lacks_or_does_not_understand_is_not_known() {
            let task = |id| TaskSeen {
                id: TaskId(id),
                name: None,
                spawned_at: Place::new("main.rs", 1),
                parent: None,
                polled_at: None,
                state: TaskState::Parked([].into()),
            };
            let leaf = |call: &str| Leaf {
                at: None,
                calls: vec![call.to_owned()],
            };
            let known = |calls: &[&str], tasks: &mut [TaskSeen]| {
                let leaves: Arc<[Leaf]> = calls.iter().map(|call| leaf(call)).collect();
                let dumped = HashMap::from([(TaskId(1), leaves)]);
                Dumped(Box::new(move || dumped)).resolve(tasks)
            };
            let sleep = "tokio::time::sleep::Sleep";
            assert!(known(&[sleep], &mut [task(1)]));
            assert!(known(&[], &mut [task(1)]));
            assert!(!known(&[sleep, "app::nap"], &mut [task(1)]));
            assert!(!known(&[sleep], &mut [task(1), task(2)]));
        }

        /// Among so many tasks a worker takes a second dump before the first one has been fetched.
        #[test]
        fn a_dump_has_the_tasks_that_are_there_now() {
            let observer = Observer::new();
            let mut builder = Builder::new_multi_thread();
            observer.attach(builder.worker_threads(1));
            let runtime = builder.build().unwrap();
            let notify = Arc::new(Notify::new());
            for _ in 0..100 {
                let notify = Arc::clone(&notify);
                runtime.spawn(async move { notify.notified().await });
            }
            for again in 0..50 {
                let new = runtime.spawn(pending::<()>());
                let Dumped(resolve) = observer.dump(runtime.handle()).unwrap();
                let id = TaskId::from(new.id());
                assert!(resolve().contains_key(&id), "dump {again}");
                new.abort();
            }
        }

        #[test]
        fn functions_are_named_as_in_the_source() {
            let named = |name| function(name, None);
            assert_eq!(
                named("tokio::sync::rwlock::RwLock<T>::read::{{closure}}::h7e67b07b1ce158b5")
                    .unwrap(),
                "tokio::sync::rwlock::RwLock::read"
            );
            assert_eq!(
                named("<tokio::time::sleep::Sleep as core::future::future::Future>::poll::hbec94ca548445d11").unwrap(),
                "tokio::time::sleep::Sleep"
            );
            assert_eq!(
                named(
                    "<core::pin::Pin<P> as core::future::future::Future>::poll::hbec94ca548445d11"
                ),
                None
            );
        }

        #[test]
        fn where_debug_info_has_no_paths_the_file_tells_the_module() {
            let module = library_module(&Place::new(SLEEP, 384)).unwrap();
            assert_eq!(module, "tokio::time::sleep");
            let named = |name| function(name, Some(&module)).unwrap();
            assert_eq!(named("poll_elapsed"), "tokio::time::sleep::poll_elapsed");
            assert_eq!(
                named("{async_fn#0}<core::time::Duration>"),
                "tokio::time::sleep"
            );
        }

        #[test]
        fn a_copy_of_a_library_is_known_by_its_folder() {
            let module = |file| library_module(&Place::new(file, 1));
            let vendored = module("/home/a/app/vendor/tokio-util/src/sync/poll_semaphore.rs");
            assert_eq!(
                vendored.as_deref(),
                Some("tokio_util::sync::poll_semaphore")
            );
            assert_eq!(module("/home/a/app/src/main.rs"), None);
        }

        #[test]
        fn the_primitives_of_this_crate_are_no_lines_of_the_user() {
            let of = |file| {
                library_module(&Place::new(
                    format!("{}/{file}", env!("CARGO_MANIFEST_DIR")),
                    1,
                ))
            };
            assert_eq!(of("src/event.rs").as_deref(), Some("unstuck::event"));
            assert_eq!(of("src/group.rs").as_deref(), Some("unstuck::group"));
            assert_eq!(of("scenarios/swallowed_errors/worker.rs"), None);
        }
    }
}
