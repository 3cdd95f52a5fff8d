//! Locals of the same name, of which a state's debug info has only the first.

use unstuck_inspect::snapshot::{HandleKind, Snapshot};

use crate::program::{Program, task};

/// What the locals of a function are handles of, all with one name.
#[track_caller]
fn held(snapshot: &Snapshot, function: &str, name: &str) -> Vec<HandleKind> {
    let task = task(snapshot, &format!("programs::shadows::{function}"));
    let frame = task.futures.frames.first().expect("a frame");
    let handles = frame.handles.iter().filter(|it| !it.maybe_dropped);
    let mut kinds: Vec<HandleKind> = handles
        .inspect(|it| assert_eq!(snapshot[it.local].name.as_deref(), Some(name)))
        .map(|it| it.kind)
        .collect();
    kinds.sort_by_key(|kind| format!("{kind:?}"));
    kinds
}

#[track_caller]
fn snapshot(profile: &str) -> Snapshot {
    let program = Program::start_with(&["shadows"], profile);
    let snapshot = program.snapshot_at_rest(7);
    assert_eq!(snapshot.gaps, [], "nothing is missing");
    snapshot
}

#[test]
fn a_local_that_shadows_another_is_read() {
    for profile in ["dev", "optimized"] {
        let snapshot = snapshot(profile);
        for function in ["guard_of_a_parameter", "guard_around_a_macro"] {
            assert_eq!(
                held(&snapshot, function, "account"),
                [HandleKind::Arc, HandleKind::MutexGuard],
                "{profile} {function}"
            );
        }
    }
}

#[test]
fn one_of_a_block_that_has_ended_is_not_taken_for_another() {
    for profile in ["dev", "optimized"] {
        assert_eq!(
            held(
                &snapshot(profile),
                "guard_in_a_block_that_has_ended",
                "account"
            ),
            [HandleKind::Arc],
            "{profile}"
        );
    }
}

#[test]
fn what_a_block_captured_is_read_beside_a_local_of_the_same_name() {
    for profile in ["dev", "optimized"] {
        let snapshot = snapshot(profile);
        let block = task(
            &snapshot,
            "programs::shadows::main::{async block}::{async block}",
        );
        let handles = &block.futures.frames[0].handles;
        let senders = handles
            .iter()
            .filter(|it| it.kind == HandleKind::MpscSender);
        assert_eq!(senders.count(), 2, "{profile} {handles:?}");
    }
}

/// An optimized function does not tell where its locals are. There one is read only if there is one place for it.
#[test]
fn several_are_read_where_it_is_known_where_they_lie() {
    let snapshot = snapshot("dev");
    assert_eq!(
        held(&snapshot, "guard_in_one_block_and_another", "account"),
        [HandleKind::Arc, HandleKind::MutexGuard]
    );
    assert_eq!(
        held(&snapshot, "two_of_one_type", "sender"),
        [HandleKind::MpscSender; 2]
    );
    assert_eq!(
        held(&snapshot, "three_of_different_types", "it"),
        [
            HandleKind::Arc,
            HandleKind::MpscSender,
            HandleKind::OneshotSender
        ]
    );
}
