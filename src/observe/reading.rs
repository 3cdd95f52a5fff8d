//! Where every task of this process is parked, as its own memory tells.
//!
//! The program's debug info is indexed once, on a thread of its own. After that a reading takes milliseconds, and polls
//! nothing. Tasks that are parked alike share their leaves.

use std::borrow::Cow;
use std::collections::HashMap;
use std::path::Path;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;

use tokio::runtime::Handle;
use unstuck_inspect::Inspector;
use unstuck_inspect::snapshot::{
    self, Address, AwaitTree, Frame, FrameIndex, HeldIn, NotifyKind, Origin, Snapshot, WaitsFor,
};

use super::snapshot::{Leaf, LeafKind, TaskId, TaskSeen, TaskState};
use super::threads;
use crate::place::Place;
use crate::sync::lock;

/// What can read this process, once it is made.
static READER: Mutex<Reader> = Mutex::new(Reader::Unbegun);
static MADE: Condvar = Condvar::new();

enum Reader {
    Unbegun,
    Indexing,
    Ready(Box<Inspector>),
    /// Why this process can't be read.
    Failed(String),
}

/// What is not known while the debug info is being indexed.
pub(super) const INDEXING: &str =
    "where tasks are parked (the program's debug info is still being read; ask again)";

/// What there is to say where a reading lacks a task that is alive.
const IN_PART: &str = "where some tasks are parked (they could not be read)";

/// Starts to index the debug info, if that was not done yet.
pub fn prepare() {
    let mut reader = lock(&READER);
    if !matches!(*reader, Reader::Unbegun) {
        return;
    }
    let index = || {
        let made = match Inspector::attach_self() {
            Ok(inspector) => Reader::Ready(Box::new(inspector)),
            Err(error) => Reader::Failed(error.to_string()),
        };
        *lock(&READER) = made;
        MADE.notify_all();
    };
    *reader = match threads::start("unstuck-index", index) {
        Ok(_) => Reader::Indexing,
        Err(error) => Reader::Failed(format!("no thread to read it on: {error}")),
    };
}

/// Whether tasks can be read, or it is known that they can't.
pub fn is_prepared() -> bool {
    matches!(*lock(&READER), Reader::Ready(_) | Reader::Failed(_))
}

/// Waits until that is so, but no longer than this.
pub fn wait_until_prepared(at_most: Duration) {
    let is_indexing = |reader: &mut Reader| matches!(reader, Reader::Indexing);
    let waited = MADE.wait_timeout_while(lock(&READER), at_most, is_indexing);
    drop(waited.unwrap_or_else(PoisonError::into_inner));
}

/// The leaves of each task.
pub(super) struct Reading {
    leaves: HashMap<TaskId, Arc<[Leaf]>>,
}

/// Reads where the tasks of a runtime are parked. Fails with what is not known then.
pub(super) fn read(runtime: &Handle) -> Result<Reading, Cow<'static, str>> {
    let handle = Address(std::ptr::from_ref(runtime).addr() as u64);
    let snapshot = match &*lock(&READER) {
        Reader::Unbegun | Reader::Indexing => return Err(INDEXING.into()),
        Reader::Failed(why) => return Err(unread(why)),
        Reader::Ready(inspector) => inspector.snapshot_of_runtime(handle),
    };
    let snapshot = snapshot.map_err(|error| unread(&error.to_string()))?;
    match snapshot.no_tasks() {
        Some(why) => Err(unread(why)),
        None => Ok(Reading::of(&snapshot)),
    }
}

fn unread(why: &str) -> Cow<'static, str> {
    format!("where tasks are parked ({why})").into()
}

impl Reading {
    fn of(snapshot: &Snapshot) -> Self {
        let mut alike: HashMap<Vec<Option<u32>>, Arc<[Leaf]>> = HashMap::new();
        let tasks = snapshot.tasks.iter().map(|task| {
            let tree = Tree {
                snapshot,
                futures: &task.futures,
            };
            let leaves = alike
                .entry(tree.shape())
                .or_insert_with(|| tree.leaves().collect());
            (TaskId(task.id), Arc::clone(leaves))
        });
        Self {
            leaves: tasks.collect(),
        }
    }

    /// Enters where each task is parked. What is not known of that.
    pub(super) fn enter(&self, tasks: &mut [TaskSeen]) -> Option<&'static str> {
        let mut all_known = true;
        for task in tasks {
            let TaskState::Parked(parked) = &mut task.state else {
                continue;
            };
            match self.leaves.get(&task.id) {
                Some(leaves) => *parked = Arc::clone(leaves),
                None => all_known = false,
            }
        }
        (!all_known).then_some(IN_PART)
    }
}

/// The futures of a task.
struct Tree<'s> {
    snapshot: &'s Snapshot,
    futures: &'s AwaitTree,
}

impl Tree<'_> {
    /// Equal for tasks that are parked alike.
    fn shape(&self) -> Vec<Option<u32>> {
        let held = |held: Option<HeldIn>| Some(u32::from(held.is_some()));
        let index = |frame: Option<FrameIndex>| frame.map(|frame| frame.0);
        let frames = self.futures.frames.iter().flat_map(|frame| {
            let awaits = frame.awaits.map(|name| name.0);
            [
                Some(frame.place.0),
                awaits,
                index(frame.parent),
                held(frame.held_in),
            ]
        });
        let leaves = self.futures.leaves.iter().flat_map(|leaf| {
            let (kind, name) = match leaf.waits_for {
                WaitsFor::Timer { .. } => (0, None),
                WaitsFor::Io { .. } => (1, None),
                WaitsFor::Task { .. } => (2, None),
                WaitsFor::Never => (3, None),
                WaitsFor::EmptySet { type_name } => (4, Some(type_name.0)),
                WaitsFor::Unknown { type_name } => (5, Some(type_name.0)),
                WaitsFor::Signal => (6, None),
                _ => (7, None),
            };
            [
                None,
                Some(kind),
                name,
                index(leaf.frame),
                held(leaf.held_in),
            ]
        });
        frames.chain(leaves).collect()
    }

    /// What the task awaits, but for what merely lies in its locals.
    fn leaves(&self) -> impl Iterator<Item = Leaf> {
        let awaited = self.futures.leaves.iter().filter(|leaf| {
            let mut above = self.futures.ancestors(leaf.frame);
            leaf.held_in.is_none() && above.all(|frame| frame.held_in.is_none())
        });
        awaited.filter_map(|leaf| self.leaf(leaf))
    }

    /// None for what the primitives of this crate know better, and for what waits for nothing.
    fn leaf(&self, leaf: &snapshot::Leaf) -> Option<Leaf> {
        let mut calls = Vec::new();
        let mut at = None;
        let mut below: Option<&Frame> = None;
        for frame in self.futures.ancestors(leaf.frame) {
            // What it awaits is named after the function below, if it is one, or else after its type.
            if let Some(awaits) = frame.awaits {
                calls.extend(path_of_type(&self.snapshot[awaits]));
            }
            below = Some(frame);
            let place = &self.snapshot[frame.place];
            if is_of_the_program(place) {
                at = Some(place_of(place));
                break;
            }
            calls.push(place.function.clone());
        }
        if below.is_none()
            && let WaitsFor::Unknown { type_name } | WaitsFor::EmptySet { type_name } =
                leaf.waits_for
        {
            calls.extend(path_of_type(&self.snapshot[type_name]));
        }
        calls.reverse();
        calls.dedup();
        let kind = kind(&leaf.waits_for, &calls)?;
        Some(Leaf { at, calls, kind })
    }
}

fn kind(waits_for: &WaitsFor, calls: &[String]) -> Option<LeafKind> {
    /// They wait for a task of the blocking pool, which waits for the system: files; standard input, output and error.
    const IO: [&str; 2] = ["tokio::fs::", "tokio::io::blocking::"];
    let within = |path: &str| calls.iter().any(|call| call.starts_with(path));
    if within("unstuck::event::") || within("unstuck::group::running::") {
        return None;
    }
    let is_close = matches!(
        waits_for,
        WaitsFor::Notify {
            of: NotifyKind::PoolClosed,
            ..
        }
    );
    if is_close || matches!(waits_for, WaitsFor::Group { .. }) {
        return None;
    }
    if within("tokio::time::timeout::") {
        return Some(LeafKind::TimeOut);
    }
    if IO.iter().any(|path| within(path)) {
        return Some(LeafKind::Io);
    }
    Some(match waits_for {
        WaitsFor::Timer { .. } => LeafKind::Timer,
        WaitsFor::Io { .. } | WaitsFor::Signal => LeafKind::Io,
        WaitsFor::Task { .. } => LeafKind::Join,
        WaitsFor::Never | WaitsFor::EmptySet { .. } => LeafKind::Never,
        WaitsFor::Unknown { .. } => LeafKind::Unknown,
        _ => LeafKind::Sync,
    })
}

/// Whether it is the user's own code. The primitives of this crate are a library to whoever uses them, wherever it
/// lies.
fn is_of_the_program(place: &snapshot::Place) -> bool {
    let file = Place::new(place.function_file.clone(), place.first_line);
    let own = file.file().strip_prefix(env!("CARGO_MANIFEST_DIR"));
    place.origin == Origin::Program
        && !file.is_library()
        && !place.function.starts_with("tokio::")
        && !own.is_some_and(|own| own.starts_with("/src/"))
}

/// Debug info has whole paths, `#[track_caller]` has them from the root of the workspace.
fn place_of(place: &snapshot::Place) -> Place {
    let (file, line) = if place.has_own_line() {
        (&place.file, place.line)
    } else {
        (&place.function_file, place.first_line)
    };
    let here = std::env::current_dir().ok();
    let roots = [here.as_deref(), Some(Path::new(env!("CARGO_MANIFEST_DIR")))];
    let below = |root| Path::new(file).strip_prefix(root).ok();
    let below = roots.into_iter().flatten().find_map(below);
    let file = below.map_or_else(|| file.clone(), |path| path.display().to_string());
    Place::new(file, line)
}

/// The path of a type, without its arguments, and without what only wraps it. None for a future that is a function.
fn path_of_type(name: &str) -> Option<String> {
    const WRAPPERS: [&str; 6] = [
        "&mut ",
        "alloc::boxed::Box<",
        "core::future::ready::",
        "core::panic::unwind_safe::AssertUnwindSafe<",
        "core::pin::Pin<",
        "tokio::task::coop::Coop<",
    ];
    let mut name = name;
    while let Some(wrapped) = WRAPPERS.iter().find_map(|it| name.strip_prefix(it)) {
        name = wrapped;
    }
    let path = name.split(['<', '>', ',']).next().unwrap_or(name);
    let is_path = path.contains("::") && !path.contains(['{', ' ', '(']);
    let is_std = ["alloc::", "core::", "std::"]
        .iter()
        .any(|std| path.starts_with(std));
    (is_path && !is_std).then(|| path.to_owned())
}

#[cfg(test)]
mod tests {
    use std::future::pending;

    use futures_util::StreamExt as _;
    use futures_util::stream::FuturesUnordered;
    use tokio::runtime::Builder;
    use tokio::sync::oneshot;
    use unstuck_inspect::snapshot::NameId;

    use super::*;
    use crate::{BoxError, TaskGroup};

    const TASK: WaitsFor = WaitsFor::Task { task: Address(1) };
    const NOTIFY: WaitsFor = WaitsFor::Notify {
        notify: Address(1),
        of: NotifyKind::Notify,
    };
    const SLEEP: WaitsFor = WaitsFor::Timer {
        deadline_ns: 1,
        of_timeout: false,
    };
    const UNKNOWN: WaitsFor = WaitsFor::Unknown {
        type_name: NameId(0),
    };

    fn kind_of(waits_for: &WaitsFor, calls: &[&str]) -> Option<LeafKind> {
        let calls: Vec<String> = calls.iter().map(|call| (*call).to_owned()).collect();
        kind(waits_for, &calls)
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn the_tasks_of_a_runtime_are_read_by_its_handle() {
        const LONG: Duration = Duration::from_hours(1);
        prepare();
        wait_until_prepared(Duration::from_mins(1));
        for mut builder in [Builder::new_current_thread(), Builder::new_multi_thread()] {
            let [runtime, other] = [(); 2].map(|()| builder.enable_time().build().unwrap());
            other.spawn(pending::<()>());
            let (tell, told) = oneshot::channel::<()>();
            let waits = runtime.spawn(told);
            let sleeps = runtime.spawn(async { tokio::time::sleep(LONG).await });
            let group = TaskGroup::new("group");
            let scope = group.scope(async |group| {
                let mut futures = FuturesUnordered::from_iter([pending(), pending()]);
                group.spawn("child", pending::<Result<(), BoxError>>())?;
                let () = futures.select_next_some().await;
                Ok(())
            });
            let in_a_scope = runtime.spawn(scope);
            // Until each has been polled.
            runtime.block_on(async {
                while Handle::current().metrics().num_alive_tasks() < 4 {
                    tokio::task::yield_now().await;
                }
                tokio::time::sleep(Duration::from_millis(1)).await;
            });
            let reading = read(runtime.handle()).unwrap();
            assert_eq!(reading.leaves.len(), 4);
            let kinds = |task: tokio::task::Id| -> Vec<LeafKind> {
                let leaves = reading.leaves[&TaskId::from(task)].iter();
                leaves.map(|leaf| leaf.kind).collect()
            };
            assert_eq!(kinds(waits.id()), [LeafKind::Sync]);
            assert_eq!(kinds(sleeps.id()), [LeafKind::Timer]);
            assert_eq!(kinds(in_a_scope.id()), [LeafKind::Never; 2]);
            drop(tell);
            runtime.shutdown_background();
        }
    }

    #[test]
    fn a_lock_with_a_timeout_is_no_lock_and_a_signal_is_no_channel() {
        let pool = [
            "sqlx_core::pool::Pool::acquire",
            "tokio::time::timeout::Timeout",
            "tokio::sync::semaphore::Semaphore::acquire",
        ];
        assert_eq!(kind_of(&NOTIFY, &pool), Some(LeafKind::TimeOut));
        assert_eq!(
            kind_of(&SLEEP, &["tokio::time::sleep::Sleep"]),
            Some(LeafKind::Timer)
        );
        let changed = ["tokio::sync::watch::Receiver::changed"];
        assert_eq!(kind_of(&WaitsFor::Signal, &changed), Some(LeafKind::Io));
        assert_eq!(kind_of(&NOTIFY, &changed), Some(LeafKind::Sync));
    }

    #[test]
    fn a_task_of_the_blocking_pool_that_reads_a_file_comes_from_outside() {
        let handle = "tokio::runtime::task::join::JoinHandle";
        assert_eq!(
            kind_of(&TASK, &["tokio::fs::read::read", handle]),
            Some(LeafKind::Io)
        );
        let stdin = ["tokio::io::blocking::Blocking", handle];
        assert_eq!(kind_of(&TASK, &stdin), Some(LeafKind::Io));
        assert_eq!(kind_of(&TASK, &[handle]), Some(LeafKind::Join));
    }

    #[test]
    fn of_an_event_and_a_group_more_is_known_elsewhere() {
        for own in [
            "unstuck::event::Event::wait",
            "unstuck::group::running::Running",
        ] {
            assert_eq!(kind_of(&UNKNOWN, &[own]), None);
        }
        assert_eq!(kind_of(&UNKNOWN, &["app::Nap"]), Some(LeafKind::Unknown));
    }

    #[test]
    fn what_wraps_a_future_is_left_out_of_its_name() {
        let path = |name| path_of_type(name);
        let named = |name: &str| Some(name.to_owned());
        assert_eq!(
            path(
                "core::pin::Pin<alloc::boxed::Box<tokio::time::sleep::Sleep, alloc::alloc::Global>>"
            ),
            named("tokio::time::sleep::Sleep")
        );
        assert_eq!(
            path(
                "futures_util::future::join_all::JoinAll<tokio::runtime::task::join::JoinHandle<()>>"
            ),
            named("futures_util::future::join_all::JoinAll")
        );
        assert_eq!(path("app::worker::{async_fn_env#0}<u8>"), None);
        assert_eq!(
            path("core::future::poll_fn::PollFn<app::main::{closure_env#0}>"),
            None
        );
        assert_eq!(
            path("alloc::boxed::Box<dyn core::future::future::Future, alloc::alloc::Global>"),
            None
        );
    }
}
