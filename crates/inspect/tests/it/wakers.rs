//! Who can wake a task.

use unstuck_inspect::snapshot::{Snapshot, Task, WakerPlace};

use crate::program::{Program, awaited, task};

fn own<'s>(snapshot: &'s Snapshot, function: &str) -> &'s Task {
    task(snapshot, &format!("programs::wakers::{function}"))
}

/// How many wakers the task has, and how many of them are in places that are known.
fn wakers(task: &Task) -> (u64, usize) {
    let wakers = task.wakers.as_ref().expect("an idle task");
    let places = wakers.located.iter().map(|waker| waker.place);
    let known = places.filter(|place| *place != WakerPlace::Elsewhere);
    (wakers.count, known.count())
}

fn registered(task: &Task) -> Vec<Option<bool>> {
    let leaves = awaited(&task.futures);
    leaves.iter().map(|leaf| leaf.registered).collect()
}

fn check(program: &Program) {
    let snapshot = program.snapshot_at_rest(11);
    assert_eq!(snapshot.gaps, [], "nothing is missing");
    let branches = own(&snapshot, "two_branches");
    assert_eq!(registered(branches), [Some(true); 3]);
    assert_eq!(wakers(branches), (3, 3));

    // The members have wakers of their own. The set has the task's.
    let unordered = own(&snapshot, "unordered");
    assert_eq!(registered(unordered), [Some(true); 2]);
    assert_eq!(wakers(unordered), (1, 1));
    let members = own(&snapshot, "members");
    assert_eq!(registered(members), [Some(true); 2]);
    assert_eq!(wakers(members), (1, 1));

    let joined = own(&snapshot, "joined");
    assert_eq!(registered(joined), [Some(true)]);
    assert_eq!(wakers(joined), (1, 1));
    let place = joined.wakers.as_ref().expect("wakers").located[0].place;
    let WakerPlace::Task { task } = place else {
        panic!("a task: {place:?}")
    };
    assert!(snapshot.task_at(task).is_some());

    let keeps_two = own(&snapshot, "keeps_two");
    assert_eq!(registered(keeps_two), [None]);
    assert_eq!(wakers(keeps_two), (2, 0));
    let located = &keeps_two.wakers.as_ref().expect("wakers").located;
    assert!(located.len() >= 2, "they are in memory: {located:?}");
    assert_eq!(wakers(own(&snapshot, "keeps_none")), (0, 0));

    let shares = own(&snapshot, "shares_its_waker");
    assert_eq!(wakers(shares), (1, 1));
    let place = shares.wakers.as_ref().expect("wakers").located[0].place;
    let WakerPlace::Object { object } = place else {
        panic!("a shared value: {place:?}")
    };
    assert_eq!(snapshot[object].counts.strong, Some(2));
    let holders = shares.futures.frames[0].handles.iter();
    assert_eq!(holders.filter(|it| it.object == object).count(), 2);

    let gave_up = own(&snapshot, "gave_up");
    assert_eq!(wakers(gave_up), (0, 0));
    let unpolled = gave_up.futures.leaves.iter();
    let unpolled: Vec<_> = unpolled.filter(|leaf| leaf.held_in.is_some()).collect();
    assert_eq!(unpolled.len(), 1);
    assert_eq!(unpolled[0].registered, Some(false));

    let [main] = &snapshot.block_ons[..] else {
        panic!("one block_on: {:#?}", snapshot.block_ons)
    };
    let leaves = awaited(&main.futures);
    assert_eq!(leaves[0].registered, Some(true));
    assert_eq!(main.wakers, Some(1));
}

#[test]
fn wakers_are_counted_and_found() {
    check(&Program::start(&["wakers"]));
}
