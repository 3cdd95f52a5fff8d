//! Runtimes, blocking pools, and the futures of `block_on`.

use unstuck_inspect::snapshot::{BlockingState, Lifecycle, Origin, RuntimeKind, WaitsFor};

use crate::program::{Program, awaited, expected, line_of, own_stack};

fn kinds(snapshot: &unstuck_inspect::snapshot::Snapshot) -> Vec<RuntimeKind> {
    snapshot
        .runtimes
        .iter()
        .map(|runtime| runtime.kind)
        .collect()
}

/// The future of main, which awaits a notification in a function of its own.
#[track_caller]
fn check_main(program: &Program, tasks: usize, name: &str) -> unstuck_inspect::snapshot::Snapshot {
    let snapshot = program.snapshot_when("at rest", |snapshot| {
        snapshot.tasks.len() == tasks
            && snapshot
                .tasks
                .iter()
                .all(|task| task.state.lifecycle == Lifecycle::Idle && !task.changed)
            && snapshot.block_ons.len() == 1
            && !snapshot.block_ons[0].changed
    });
    let [main] = &snapshot.block_ons[..] else {
        panic!("one main")
    };
    assert_eq!(main.thread, program.id());
    assert!(!main.polled);
    assert_eq!(main.origin, Some(Origin::Program));
    let leaves = awaited(&main.futures);
    assert!(
        matches!(leaves[..], [leaf] if matches!(leaf.waits_for, WaitsFor::Notify { .. })),
        "{leaves:?}"
    );
    let stack = [
        ("runtimes::waits_in_main", "waits_in_main"),
        (&*format!("runtimes::{name}::{{async block}}"), name),
    ];
    assert_eq!(
        own_stack(&snapshot, &main.futures, leaves[0].frame),
        expected("src/runtimes.rs", &stack)
    );
    snapshot
}

#[track_caller]
fn check_parked(snapshot: &unstuck_inspect::snapshot::Snapshot) {
    let [task] = &snapshot.tasks[..] else {
        panic!("one task: {:?}", snapshot.tasks)
    };
    let leaves = awaited(&task.futures);
    let stack = own_stack(snapshot, &task.futures, leaves[0].frame);
    assert_eq!(
        stack,
        expected("src/runtimes.rs", &[("runtimes::parked", "parked")])
    );
    assert!(task.runtime.is_some());
}

#[test]
fn a_current_thread_runtime_is_read() {
    for profile in ["dev", "optimized"] {
        let program = Program::start_with(&["current_thread"], profile);
        let snapshot = check_main(&program, 1, "current_thread");
        assert_eq!(kinds(&snapshot), [RuntimeKind::CurrentThread]);
        check_parked(&snapshot);
    }
}

#[test]
fn a_local_set_owns_its_tasks() {
    for profile in ["dev", "optimized"] {
        let program = Program::start_with(&["local_set"], profile);
        let snapshot = check_main(&program, 1, "local_set");
        check_parked(&snapshot);
        let owner = snapshot.tasks[0].runtime.expect("an owner");
        assert_eq!(snapshot[owner].kind, RuntimeKind::LocalSet);
    }
}

#[test]
fn a_runtime_without_tasks_is_found_by_its_threads() {
    for profile in ["dev", "optimized"] {
        let program = Program::start_with(&["no_tasks"], profile);
        let snapshot = check_main(&program, 0, "no_tasks");
        assert_eq!(kinds(&snapshot), [RuntimeKind::MultiThread]);
        assert_eq!(snapshot.runtimes[0].owned, Some(0));
    }
}

#[test]
fn runtimes_that_are_gone_are_not_listed() {
    let program = Program::start(&["dropped"]);
    let snapshot = check_main(&program, 0, "dropped");
    assert_eq!(kinds(&snapshot), [RuntimeKind::CurrentThread]);
    assert_eq!(snapshot.gaps, [], "nothing is missing");
}

#[test]
fn closures_of_a_blocking_pool_run_or_are_queued() {
    let program = Program::start(&["blocking"]);
    let snapshot = program.snapshot_when("blocking", |snapshot| {
        snapshot.blocking_tasks.len() == 3
            && snapshot
                .blocking_tasks
                .iter()
                .filter(|task| task.state == BlockingState::Queued)
                .count()
                == 2
            && snapshot
                .threads
                .iter()
                .all(|thread| !thread.stack.is_empty())
    });
    let pool = snapshot.runtimes[0].blocking_pool.expect("a pool");
    assert_eq!(
        (pool.threads, pool.idle, pool.limit),
        (Some(2), Some(0), Some(2))
    );
    let running = snapshot
        .blocking_tasks
        .iter()
        .find(|task| task.state != BlockingState::Queued)
        .expect("one runs");
    let BlockingState::Running {
        thread: Some(thread),
    } = running.state
    else {
        panic!("on a thread: {running:?}")
    };
    let thread = snapshot
        .threads
        .iter()
        .find(|candidate| candidate.id == thread)
        .expect("a thread");
    let own = thread
        .stack
        .iter()
        .find(|frame| frame.origin == Some(Origin::Program))
        .expect("own code");
    assert_eq!(own.function.as_deref(), Some("programs::runtimes::blocks"));
    assert_eq!(
        own.line,
        Some(line_of("src/runtimes.rs", "// waits: blocks"))
    );
    for task in &snapshot.blocking_tasks {
        assert_eq!(
            snapshot[task.closure],
            "programs::runtimes::blocking::{async block}::{closure}"
        );
    }
}

#[test]
fn a_future_that_blocks_its_thread_shows_where_and_what_else_it_awaits() {
    let program = Program::start(&["blocked"]);
    let snapshot = program.snapshot_when("blocked", |snapshot| {
        let blocked = |thread: &unstuck_inspect::snapshot::Thread| {
            thread.stack.iter().any(|frame| {
                frame
                    .function
                    .as_deref()
                    .is_some_and(|name| name.contains("blocks_in_poll"))
            })
        };
        snapshot.threads.iter().any(blocked) && snapshot.block_ons.len() == 1
    });
    let main = &snapshot.block_ons[0];
    assert!(main.polled);
    let thread = snapshot
        .threads
        .iter()
        .find(|thread| thread.id == main.thread)
        .expect("a thread");
    let own = thread
        .stack
        .iter()
        .find(|frame| frame.origin == Some(Origin::Program))
        .expect("own code");
    assert_eq!(
        own.line,
        Some(line_of("src/runtimes.rs", "// waits: blocks_in_poll"))
    );
    let leaves = awaited(&main.futures);
    let stacks: Vec<_> = leaves
        .iter()
        .map(|leaf| own_stack(&snapshot, &main.futures, leaf.frame))
        .collect();
    assert!(
        stacks.contains(&expected(
            "src/runtimes.rs",
            &[("runtimes::suspended", "suspended")]
        )),
        "{stacks:?}"
    );
}

#[test]
fn a_task_that_ended_is_listed_as_long_as_its_handle_is_held() {
    let program = Program::start(&["ended"]);
    let snapshot = program.snapshot_when("ended", |snapshot| snapshot.block_ons.len() == 1);
    let [task] = &snapshot.tasks[..] else {
        panic!("one task: {:?}", snapshot.tasks)
    };
    assert_eq!(snapshot[task.name], "programs::runtimes::ends");
    assert_eq!(task.state.lifecycle, Lifecycle::Complete);
    assert!(task.state.join_handle && !task.state.join_waker);
    assert_eq!((task.runtime, task.futures.frames.len()), (None, 0));
}
