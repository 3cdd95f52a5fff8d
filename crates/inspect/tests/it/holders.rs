//! What is held outside of tasks, and by locks that block their threads.

use unstuck_inspect::snapshot::{BlockingState, Counts, Handle, HandleKind, Snapshot};

use crate::program::{Program, task};

fn senders(handles: &[Handle]) -> usize {
    let kinds = handles.iter().map(|handle| handle.kind);
    kinds
        .filter(|kind| *kind == HandleKind::OneshotSender)
        .count()
}

/// How many oneshot senders a static of the program holds.
fn in_static(snapshot: &Snapshot, name: &str) -> usize {
    let name = format!("programs::holders::{name}");
    let named = snapshot.statics.iter().find(|it| it.name == name);
    named.map_or(0, |it| senders(&it.handles))
}

fn check_outside(program: &Program) {
    let snapshot = program.snapshot_when("at rest", |snapshot| {
        snapshot.blocking_tasks.len() == 2
            && matches!(
                snapshot.blocking_tasks[0].state,
                BlockingState::Running { thread: Some(_) }
            )
            && !snapshot.block_ons.is_empty()
    });
    assert_eq!(in_static(&snapshot, "WAITING"), 5);
    assert_eq!(in_static(&snapshot, "FIRST"), 1);
    assert_eq!(in_static(&snapshot, "NEVER"), 0);
    assert_eq!(in_static(&snapshot, "PLAIN"), 2);
    assert_eq!(in_static(&snapshot, "outside::INNER"), 1);

    let [running, queued] = &snapshot.blocking_tasks[..] else {
        panic!("two blocking tasks: {:#?}", snapshot.blocking_tasks)
    };
    // The closure has used one of its two senders. What it was given is all that is known.
    assert_eq!(senders(&running.handles), 2);
    assert!(running.handles.iter().all(|handle| handle.maybe_dropped));
    let [sender] = &queued.handles[..] else {
        panic!("one sender: {:#?}", queued.handles)
    };
    assert_eq!(sender.kind, HandleKind::OneshotSender);
    assert!(!sender.maybe_dropped);
    assert_eq!(snapshot[sender.local].name.as_deref(), Some("queued"));
}

#[test]
fn statics_and_closures_of_the_blocking_pool_hold_handles() {
    check_outside(&Program::start(&["outside"]));
}

#[test]
fn guards_of_locks_that_block_threads_are_found() {
    let program = Program::start(&["guards"]);
    let snapshot = program.snapshot_at_rest(1);
    let task = task(&snapshot, "programs::holders::holds_guards");
    let counts = |local: &str, kind: HandleKind| -> Vec<Counts> {
        let handles = task.futures.frames[0].handles.iter();
        let fitting = handles.filter(|handle| {
            handle.kind == kind && snapshot[handle.local].name.as_deref() == Some(local)
        });
        fitting
            .map(|handle| snapshot[handle.object].counts)
            .collect()
    };
    let held = |holders: u64, poisoned: Option<bool>| Counts {
        holders: Some(holders),
        poisoned,
        ..Counts::default()
    };
    assert_eq!(
        counts("guard", HandleKind::SyncMutexGuard),
        [held(1, Some(true))]
    );
    assert_eq!(
        counts("read", HandleKind::SyncReadGuard),
        [held(2, None); 2]
    );
    assert_eq!(
        counts("write", HandleKind::SyncWriteGuard),
        [held(1, Some(false))]
    );
    assert_eq!(
        counts("locked", HandleKind::SyncMutexGuard),
        [held(1, None)]
    );
    assert_eq!(
        counts("several", HandleKind::SyncReadGuard),
        [held(2, None); 2]
    );
}
