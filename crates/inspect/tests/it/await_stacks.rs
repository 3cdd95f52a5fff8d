//! What tasks wait for, and where.

use unstuck_inspect::snapshot::{Interest, PermitKind, Suspension, WaitsFor};

use crate::program::{Program, awaited, expected, own_stack, task};

fn permits(of: PermitKind) -> impl Fn(&WaitsFor) -> bool {
    move |waits_for| matches!(waits_for, WaitsFor::Permits { of: found, queued: true, .. } if *found == of)
}

fn notify(waits_for: &WaitsFor) -> bool {
    matches!(waits_for, WaitsFor::Notify { .. })
}

fn timer(waits_for: &WaitsFor) -> bool {
    matches!(waits_for, WaitsFor::Timer { .. })
}

fn reads(waits_for: &WaitsFor) -> bool {
    matches!(
        waits_for,
        WaitsFor::Io {
            interest: Some(Interest::Read),
            ..
        }
    )
}

type Expected<'e> = (&'e str, &'e dyn Fn(&WaitsFor) -> bool);

#[track_caller]
fn check_primitives(profile: &str) {
    let program = Program::start_with(&["primitives"], profile);
    let snapshot = program.snapshot_at_rest(23);
    assert_eq!(snapshot.gaps, [], "nothing is missing");
    assert_eq!(snapshot.process.tokio_version.as_deref(), Some("1.54.1"));
    let primitives: &[Expected<'_>] = &[
        ("mutex", &permits(PermitKind::Mutex)),
        ("owned_mutex", &permits(PermitKind::Mutex)),
        ("reader", &permits(PermitKind::RwLockRead)),
        ("writer", &permits(PermitKind::RwLockWrite)),
        ("semaphore", &permits(PermitKind::Semaphore)),
        ("receive", &|waits| {
            matches!(waits, WaitsFor::Message { .. })
        }),
        ("receive_unbounded", &|waits| {
            matches!(waits, WaitsFor::Message { .. })
        }),
        ("send", &permits(PermitKind::ChannelRoom)),
        ("closed", &notify),
        ("ask", &|waits| matches!(waits, WaitsFor::Oneshot { .. })),
        ("listen", &|waits| {
            matches!(waits, WaitsFor::Broadcast { .. })
        }),
        ("watch_changes", &notify),
        ("notify", &notify),
        ("notify_owned", &notify),
        ("barrier", &notify),
        ("initialize", &|waits| matches!(waits, WaitsFor::Never)),
        ("initialized", &permits(PermitKind::OnceCell)),
        ("sleep", &timer),
        ("interval", &timer),
        ("child", &|waits| matches!(waits, WaitsFor::Never)),
        ("join", &|waits| matches!(waits, WaitsFor::Task { .. })),
        ("accept", &reads),
        ("read", &reads),
    ];
    assert_eq!(primitives.len(), snapshot.tasks.len());
    for (name, fits) in primitives {
        let task = task(&snapshot, &format!("programs::primitives::{name}"));
        let leaves = awaited(&task.futures);
        assert_eq!(leaves.len(), 1, "{name}: {leaves:?}");
        assert!(
            fits(&leaves[0].waits_for),
            "{name}: {:?}",
            leaves[0].waits_for
        );
        let stack = own_stack(&snapshot, &task.futures, leaves[0].frame);
        assert_eq!(
            stack,
            expected(
                "src/primitives.rs",
                &[(&format!("primitives::{name}"), name)]
            )
        );
    }
    let child = task(&snapshot, "programs::primitives::child");
    let join = task(&snapshot, "programs::primitives::join");
    assert_eq!(
        awaited(&join.futures)[0].waits_for,
        WaitsFor::Task {
            task: child.address
        }
    );

    let [main] = &snapshot.block_ons[..] else {
        panic!("one main: {:?}", snapshot.block_ons)
    };
    let leaves = awaited(&main.futures);
    assert_eq!(leaves.len(), 1);
    let stack = own_stack(&snapshot, &main.futures, leaves[0].frame);
    assert_eq!(
        stack,
        expected(
            "src/primitives.rs",
            &[("primitives::main::{async block}", "main")]
        )
    );
}

#[test]
fn every_primitive_is_named_with_the_line_that_waits_for_it() {
    check_primitives("dev");
}

#[test]
fn an_optimized_program_with_debug_info_is_read_as_well() {
    check_primitives("optimized");
}

#[test]
fn a_signal_is_told_from_other_notifications() {
    for profile in ["dev", "optimized"] {
        let program = Program::start_with(&["signals"], profile);
        let snapshot = program.snapshot_at_rest(1);
        assert_eq!(snapshot.gaps, [], "nothing is missing");
        let task = task(&snapshot, "programs::signals::signal");
        let leaves = awaited(&task.futures);
        assert!(
            matches!(leaves[..], [leaf] if leaf.waits_for == WaitsFor::Signal),
            "{leaves:?}"
        );
        assert_eq!(
            own_stack(&snapshot, &task.futures, leaves[0].frame),
            expected("src/signals.rs", &[("signals::signal", "signal")])
        );
    }
}

#[test]
fn timers_tell_when_they_fire() {
    let program = Program::start(&["primitives"]);
    let snapshot = program.snapshot_at_rest(23);
    for name in ["sleep", "interval"] {
        let task = task(&snapshot, &format!("programs::primitives::{name}"));
        let WaitsFor::Timer { deadline_ns, .. } = awaited(&task.futures)[0].waits_for else {
            panic!("a timer")
        };
        let left = deadline_ns
            .checked_sub(snapshot.taken_at_ns.expect("a live process"))
            .expect("a time in the future")
            / 1_000_000_000;
        assert!((3500..=3600).contains(&left), "{name} fires in {left} s");
    }
}

/// The own stacks of everything that a task awaits.
#[track_caller]
fn stacks(name: &str, check: impl Fn(&[Vec<(String, String, u32)>], &[&WaitsFor])) {
    let program = Program::start(&["containers"]);
    let snapshot = program.snapshot_at_rest(16);
    assert_eq!(snapshot.gaps, [], "nothing is missing");
    let task = task(&snapshot, &format!("programs::containers::{name}"));
    let leaves = awaited(&task.futures);
    let stacks: Vec<_> = leaves
        .iter()
        .map(|leaf| own_stack(&snapshot, &task.futures, leaf.frame))
        .collect();
    let waits: Vec<_> = leaves.iter().map(|leaf| &leaf.waits_for).collect();
    check(&stacks, &waits);
}

/// A task that awaits the same through one container, several times.
#[track_caller]
fn rings_in(name: &str, times: usize) {
    stacks(name, |stacks, waits| {
        assert!(waits.iter().all(|waits| notify(waits)), "{waits:?}");
        let one = expected(
            "src/containers.rs",
            &[
                ("containers::rings", "rings"),
                (&format!("containers::{name}"), name),
            ],
        );
        assert_eq!(stacks, vec![one; times]);
    });
}

#[test]
fn members_of_a_futures_unordered_are_seen() {
    rings_in("unordered", 3);
}

#[test]
fn members_of_a_join_all_are_seen_whether_they_are_few_or_many() {
    rings_in("joined_few", 3);
    rings_in("joined_many", 100);
}

#[test]
fn a_boxed_future_is_seen() {
    rings_in("boxes", 1);
}

#[test]
fn an_instrumented_future_is_seen() {
    rings_in("instruments", 1);
}

#[test]
fn a_task_that_is_a_boxed_future_is_named_after_its_function() {
    rings_in("spawned_in_a_box", 1);
}

#[test]
fn a_timeout_waits_for_its_future_and_for_its_timer() {
    stacks("times_out", |stacks, waits| {
        let through = ("containers::times_out", "times_out");
        let rings = expected(
            "src/containers.rs",
            &[("containers::rings", "rings"), through],
        );
        assert_eq!(stacks, [rings, expected("src/containers.rs", &[through])]);
        assert!(notify(waits[0]) && timer(waits[1]), "{waits:?}");
    });
}

#[test]
fn an_async_closure_is_a_function_of_its_own() {
    stacks("closure", |stacks, _| {
        let stack = [
            ("containers::rings", "rings"),
            ("containers::closure::{async closure}", "in_closure"),
            ("containers::closure", "closure"),
        ];
        assert_eq!(stacks, [expected("src/containers.rs", &stack)]);
    });
}

#[test]
fn recursion_is_followed_to_its_end() {
    stacks("recursion", |stacks, waits| {
        let mut stack = vec![
            ("containers::rings", "rings"),
            ("containers::recursion", "recursion_end"),
        ];
        stack.extend([("containers::recursion", "recursion"); 100]);
        assert_eq!(stacks, [expected("src/containers.rs", &stack)]);
        assert!(notify(waits[0]));
    });
}

#[test]
fn a_join_set_waits_for_its_tasks() {
    let program = Program::start(&["containers"]);
    let snapshot = program.snapshot_at_rest(16);
    let set = task(&snapshot, "programs::containers::join_set");
    let mut waited: Vec<_> = awaited(&set.futures)
        .iter()
        .map(|leaf| match leaf.waits_for {
            WaitsFor::Task { task } => task,
            ref other => panic!("a task: {other:?}"),
        })
        .collect();
    waited.sort_unstable();
    let members = snapshot
        .tasks
        .iter()
        .filter(|task| snapshot[task.name] == "programs::containers::member");
    let mut members: Vec<_> = members.map(|task| task.address).collect();
    members.sort_unstable();
    assert_eq!(waited, members);
    assert_eq!(members.len(), 3);
}

#[test]
fn select_and_join_wait_for_each_of_their_futures() {
    let program = Program::start(&["containers"]);
    let snapshot = program.snapshot_at_rest(16);
    for name in ["selects", "joins"] {
        let function = format!("containers::{name}");
        let task = task(&snapshot, &format!("programs::{function}"));
        let leaves = awaited(&task.futures);
        assert_eq!(leaves.len(), 2, "{name}: {leaves:?}");
        let stack = [("containers::rings", "rings"), (&*function, name)];
        assert_eq!(
            own_stack(&snapshot, &task.futures, leaves[0].frame),
            expected("src/containers.rs", &stack)
        );
    }
}

#[test]
fn a_future_that_is_not_polled_any_more_is_told_apart() {
    let program = Program::start(&["containers"]);
    let snapshot = program.snapshot_at_rest(16);
    let task = task(&snapshot, "programs::containers::leaves_a_future_behind");
    let leaves = awaited(&task.futures);
    assert!(
        matches!(leaves[..], [leaf] if leaf.waits_for == WaitsFor::Never),
        "{leaves:?}"
    );
    let held = task
        .futures
        .frames
        .iter()
        .find(|frame| frame.held_in.is_some())
        .expect("a future that is held");
    assert_eq!(snapshot[held.place].function, "programs::containers::rings");
    assert_eq!(held.suspension, Suspension::Suspended(0));
    let local = held.held_in.expect("a local").local;
    assert_eq!(snapshot[local].name.as_deref(), Some("behind"));
    assert!(
        task.futures
            .leaves
            .iter()
            .any(|leaf| notify(&leaf.waits_for)),
        "what it waits for is there as well"
    );
}
