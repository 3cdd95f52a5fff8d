//! The versions of Tokio that are supported: the same program with each of them.

use std::path::{Path, PathBuf};

use unstuck_inspect::snapshot::{
    AwaitTree, BlockingState, Counts, HandleKind, Leaf, Object, RuntimeKind, Snapshot, WaitsFor,
    WakerPlace, Wakes,
};

use crate::program::{Program, at_rest, awaited, cargo_build, line_in, own_stack, task};

/// The functions of tasks, and what each waits for: the beginning of its `Debug` output.
const WAITS: &[(&str, &str)] = &[
    ("mutex", "Permits { of: Mutex,"),
    ("owned_mutex", "Permits { of: Mutex,"),
    ("reader", "Permits { of: RwLockRead,"),
    ("writer", "Permits { of: RwLockWrite,"),
    ("semaphore", "Permits { of: Semaphore,"),
    ("send", "Permits { of: ChannelRoom,"),
    ("receive", "Message "),
    ("ask", "Oneshot "),
    ("listen", "Broadcast "),
    ("watch_changes", "Notify "),
    ("notify", "Notify "),
    ("barrier", "Notify "),
    ("initialize", "Never"),
    ("initialized", "Permits { of: OnceCell,"),
    ("sleep", "Timer "),
    ("interval", "Timer "),
    ("child", "Never"),
    ("join", "Task "),
    ("join_set", "Task "),
    ("member", "Never"),
    ("accept", "Io "),
    ("on_current_thread", "Never"),
    ("on_local_set", "Never"),
];

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/versions")
}

/// Everything that is read of the program, with a version of Tokio.
#[track_caller]
fn check(version: &str) {
    let package = folder().join(version);
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).join("versions");
    cargo_build(&package, &target, &[]);
    let package = format!("v{}", version.replace('.', "_"));
    let program = Program::start_executable(&target.join("debug").join(&package), &[]);
    let snapshot = program.snapshot_when("at rest", |snapshot| {
        at_rest(snapshot, WAITS.len() + 1)
            && snapshot.block_ons.len() == 2
            && snapshot.block_ons.iter().all(|main| !main.polled)
    });
    assert_eq!(snapshot.gaps, [], "nothing is missing");
    let found = snapshot.process.tokio_version.as_deref();
    let found = found.expect("a version");
    assert!(found.starts_with(&format!("{version}.")), "{found}");

    for (function, waits) in WAITS {
        let task = task(&snapshot, &format!("{package}::{function}"));
        check_wait(&snapshot, &task.futures, &package, function, waits);
        let runtime = task.runtime.expect("a runtime");
        let kind = match *function {
            "on_current_thread" => RuntimeKind::CurrentThread,
            "on_local_set" => RuntimeKind::LocalSet,
            _ => RuntimeKind::MultiThread,
        };
        assert_eq!(snapshot[runtime].kind, kind, "{function}");
    }
    let selects = task(&snapshot, &format!("{package}::selects"));
    let waits = awaited(&selects.futures);
    let waits: Vec<_> = waits
        .iter()
        .map(|leaf| format!("{:?}", leaf.waits_for))
        .collect();
    assert!(
        matches!(&waits[..], [never, timer] if never == "Never" && timer.starts_with("Timer ")),
        "{waits:?}"
    );
    for function in ["several_threads_main", "local_set_main"] {
        let name = format!("{package}::{function}");
        let mut mains = snapshot.block_ons.iter();
        let main = mains.find(|main| snapshot[main.name] == name);
        let main = main.unwrap_or_else(|| panic!("no {name}: {:?}", snapshot.block_ons));
        check_wait(&snapshot, &main.futures, &package, function, "Never");
    }
    check_timer(&snapshot, &package);
    check_handles(&snapshot);
    check_wakers(&snapshot);
    check_blocking_pool(&snapshot);
}

/// Each task has the wakers that it is counted to have, and they are where its futures leave them.
#[track_caller]
fn check_wakers(snapshot: &Snapshot) {
    for task in &snapshot.tasks {
        let name = &snapshot[task.name];
        let leaves = awaited(&task.futures);
        let expected = |leaf: &Leaf| (leaf.waits_for != WaitsFor::Never).then_some(true);
        for leaf in &leaves {
            assert_eq!(leaf.registered, expected(leaf), "{name}: {leaf:?}");
        }
        let wakers = task.wakers.as_ref().expect("it is idle");
        let known = wakers.located.iter();
        let known = known.filter(|waker| waker.place != WakerPlace::Elsewhere);
        let waiting = leaves.iter().filter(|leaf| expected(leaf).is_some());
        assert_eq!(wakers.count, waiting.count() as u64, "{name}: {wakers:?}");
        assert_eq!(wakers.count, known.count() as u64, "{name}: {wakers:?}");
    }
    let accept = snapshot.tasks.iter().find_map(|task| {
        let mut leaves = task.futures.leaves.iter();
        leaves.find_map(|leaf| match leaf.waits_for {
            WaitsFor::Io { registration, .. } => Some((task.address, registration)),
            _ => None,
        })
    });
    let (task, registration) = accept.expect("a task that accepts");
    let registrations = snapshot.runtimes.iter().flat_map(|it| &it.registrations);
    let registration = registrations
        .filter(|it| it.address == registration)
        .map(|it| &it.wakes[..]);
    let wakes: Vec<_> = registration.collect();
    assert_eq!(wakes, [[Wakes::Task { task }]]);
    for main in &snapshot.block_ons {
        // It awaits what never comes, and leaves no waker. A runtime of one thread shares its waker.
        assert!(matches!(main.wakers, Some(0) | None), "{main:?}");
    }
    assert!(snapshot.block_ons.iter().any(|main| main.wakers == Some(0)));
}

#[track_caller]
fn check_wait(
    snapshot: &Snapshot,
    futures: &AwaitTree,
    package: &str,
    function: &str,
    waits: &str,
) {
    let leaves = awaited(futures);
    let [leaf] = leaves[..] else {
        panic!("{function}: {leaves:?}")
    };
    let found = format!("{:?}", leaf.waits_for);
    assert!(found.starts_with(waits), "{function}: {found}");
    let source = folder().join("primitives.rs");
    let line = line_in(&source, &format!("// waits: {function}"));
    let stack = own_stack(snapshot, futures, leaf.frame);
    let [(name, file, at)] = &stack[..] else {
        panic!("{function}: {stack:?}")
    };
    let file = Path::new(file)
        .canonicalize()
        .expect("the program's source");
    assert_eq!(
        (name.clone(), file, *at),
        (format!("{package}::{function}"), source, line)
    );
}

#[track_caller]
fn check_timer(snapshot: &Snapshot, package: &str) {
    let sleep = task(snapshot, &format!("{package}::sleep"));
    let WaitsFor::Timer { deadline_ns, .. } = awaited(&sleep.futures)[0].waits_for else {
        panic!("a timer")
    };
    let now = snapshot.taken_at_ns.expect("a live process has a clock");
    let left = deadline_ns.checked_sub(now);
    let left = left.expect("a time in the future") / 1_000_000_000;
    assert!((3500..=3600).contains(&left), "it fires in {left} s");
}

#[track_caller]
fn check_handles(snapshot: &Snapshot) {
    let tasks = snapshot.tasks.iter().map(|task| &task.futures);
    let mains = snapshot.block_ons.iter().map(|main| &main.futures);
    let frames = || tasks.clone().chain(mains.clone()).flat_map(|it| &it.frames);
    let object = |kind: HandleKind, local: &str| -> &Object {
        let mut handles = frames().flat_map(|frame| &frame.handles);
        let handle = handles.find(|handle| {
            handle.kind == kind && snapshot[handle.local].name.as_deref() == Some(local)
        });
        let handle = handle.unwrap_or_else(|| panic!("no {kind:?} in `{local}`"));
        &snapshot[handle.object]
    };
    let channel = |counts: Counts| (counts.senders, counts.receivers);
    for (kind, local, left) in [
        (HandleKind::MutexGuard, "_guard", 0),
        (HandleKind::RwLockWriteGuard, "_writer", 0),
        (HandleKind::SemaphorePermit { permits: 1 }, "_one", 0),
    ] {
        assert_eq!(object(kind, local).counts.permits, Some(left), "{local}");
    }
    let queue = object(HandleKind::MpscSender, "_sender");
    assert_eq!(channel(queue.counts), (Some(1), None));
    let news = object(HandleKind::BroadcastSender, "_news");
    assert_eq!(channel(news.counts), (Some(1), Some(1)));
    let setting = object(HandleKind::WatchSender, "_setting");
    assert_eq!(channel(setting.counts), (Some(1), Some(1)));
    let reply = object(HandleKind::OneshotSender, "_reply");
    assert_eq!(reply.counts.strong, Some(2));
}

#[track_caller]
fn check_blocking_pool(snapshot: &Snapshot) {
    let states: Vec<_> = snapshot
        .blocking_tasks
        .iter()
        .map(|task| task.state)
        .collect();
    assert!(
        matches!(
            states[..],
            [
                BlockingState::Running { thread: Some(_) },
                BlockingState::Queued
            ]
        ),
        "{states:?}"
    );
    let pools = snapshot
        .runtimes
        .iter()
        .filter(|it| it.kind == RuntimeKind::MultiThread);
    let pools: Vec<_> = pools.filter_map(|it| it.blocking_pool).collect();
    let [pool] = pools[..] else {
        panic!("one pool: {pools:?}")
    };
    assert_eq!(
        (pool.threads, pool.idle, pool.limit),
        (Some(2), Some(0), Some(2))
    );
}

#[test]
fn tokio_1_43_is_read() {
    check("1.43");
}

#[test]
fn tokio_1_47_is_read() {
    check("1.47");
}

#[test]
fn tokio_1_54_is_read() {
    check("1.54");
}
