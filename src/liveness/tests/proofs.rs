//! What a search of memory tells.

use unstuck_inspect::snapshot::{Address, ObjectId, Pointer, Pointers};

use super::program::Thing;
use super::*;

/// A task that waits for a lock whose guard main may have, or may have moved somewhere else, and main for the task.
fn kept() -> (Program, Thing) {
    let mut program = Program::new();
    let lock = program.shared_mutex(2);
    let task = program.task();
    program.holds(task, HandleKind::Arc, lock);
    program.waits(task, lock.lock());
    program.main_may_hold(HandleKind::MutexGuard, lock);
    program.main_waits(program.end_of(task));
    (program, lock)
}

/// Memory was searched, and has the lock's address in its handles and here.
fn search(program: &mut Program, lock: Thing, others: &[Pointer]) {
    let mut places = program.handles_of(lock);
    places.extend_from_slice(others);
    places.sort_unstable();
    program.0.pointers = vec![Pointers {
        object: lock.object,
        places,
    }];
}

fn at(address: u64) -> Pointer {
    Pointer {
        address: Address(address),
        stack_of: None,
    }
}

fn on_stack(thread: u32) -> Pointer {
    Pointer {
        address: Address(0x7f00_0000),
        stack_of: Some(thread),
    }
}

/// How sure it is that the program is stuck.
fn confidence(program: &Program) -> Confidence {
    assert_stuck(program, &["lock-cycle"]).confidence
}

fn to_search(program: &Program) -> BTreeSet<ObjectId> {
    Case::twice(&program.0, &Motion::default()).to_search()
}

#[test]
fn a_hang_is_proven_once_memory_was_searched_for_the_address() {
    let (mut program, lock) = kept();
    let diagnosis = diagnosed(&program);
    assert_eq!(diagnosis.confidence, Confidence::Likely);
    assert_eq!(to_search(&program), BTreeSet::from([lock.object]));
    search(&mut program, lock, &[]);
    let diagnosis = diagnosed(&program);
    assert_eq!(diagnosis.confidence, Confidence::Proven, "{diagnosis:#?}");
    assert_eq!(to_search(&program), BTreeSet::new());
}

#[test]
fn an_address_in_unknown_memory_proves_nothing() {
    let (mut program, lock) = kept();
    search(&mut program, lock, &[at(0x9999_0000)]);
    assert_eq!(confidence(&program), Confidence::Likely);
}

#[test]
fn what_is_on_a_stack_is_used_by_what_runs_on_its_thread() {
    for activity in [ThreadActivity::ParkedWorker, ThreadActivity::IdlePoolThread] {
        let (mut program, lock) = kept();
        program.thread(7, activity);
        search(&mut program, lock, &[on_stack(7), on_stack(1)]);
        assert_eq!(confidence(&program), Confidence::Proven);
    }
}

#[test]
fn who_goes_on_and_has_the_address_may_wake_what_waits() {
    let (mut program, lock) = kept();
    let ticker = program.ticker();
    search(&mut program, lock, &[]);
    assert_part(&program, "lock-cycle", Until::Never);
    // Somewhere in the future of the ticker.
    let address = program.0.tasks[ticker.0].address.0 + 0x40;
    search(&mut program, lock, &[at(address)]);
    assert_well(&program);
}

#[test]
fn a_value_that_holds_the_guard_has_to_be_searched_for_too() {
    let mut program = Program::new();
    let lock = program.shared_mutex(1);
    let value = program.value(1);
    let task = program.task();
    program.holds(task, HandleKind::Arc, lock);
    program.waits(task, lock.lock());
    program.keeps(value, HandleKind::MutexGuard, lock);
    program.main_holds(HandleKind::Arc, value);
    program.main_waits(program.end_of(task));
    search(&mut program, lock, &[]);
    assert_eq!(confidence(&program), Confidence::Likely);
    let places = program.handles_of(value);
    program.0.pointers.push(Pointers {
        object: value.object,
        places,
    });
    assert_eq!(confidence(&program), Confidence::Proven);
}

/// A task that waits for a lock, main for the task, and the guard is in a `Vec` that main may have moved.
fn kept_in_buffer() -> (Program, Thing, Thing) {
    let mut program = Program::new();
    let lock = program.shared_mutex(2);
    let task = program.task();
    program.holds(task, HandleKind::Arc, lock);
    program.waits(task, lock.lock());
    let buffer = program.main_may_hold_in_buffer(HandleKind::MutexGuard, lock);
    program.main_waits(program.end_of(task));
    (program, lock, buffer)
}

#[test]
fn what_a_moved_local_leads_to_is_searched_for_too() {
    let (program, lock, buffer) = kept_in_buffer();
    assert_eq!(
        to_search(&program),
        BTreeSet::from([lock.object, buffer.object])
    );
    for (place, expected) in [
        (program.in_main(), Confidence::Proven),
        // The `Vec` was moved there.
        (Address(0x9999_0000), Confidence::Likely),
    ] {
        let (mut program, lock, buffer) = kept_in_buffer();
        search(&mut program, lock, &[]);
        program.0.pointers.push(Pointers {
            object: buffer.object,
            places: vec![at(place.0)],
        });
        assert_eq!(confidence(&program), expected, "{place:?}");
    }
}

#[test]
fn a_value_that_a_moved_local_leads_to_is_trusted_as_long_as_it_counts_that_local() {
    for (strong, expected) in [(1, Confidence::Proven), (0x55d0, Confidence::Likely)] {
        let mut program = Program::new();
        let lock = program.shared_mutex(1);
        let value = program.value(strong);
        let task = program.task();
        program.holds(task, HandleKind::Arc, lock);
        program.waits(task, lock.lock());
        program.keeps(value, HandleKind::MutexGuard, lock);
        program.main_may_hold(HandleKind::Arc, value);
        program.main_waits(program.end_of(task));
        search(&mut program, lock, &[]);
        let places = program.handles_of(value);
        program.0.pointers.push(Pointers {
            object: value.object,
            places,
        });
        assert_eq!(confidence(&program), expected);
    }
}
