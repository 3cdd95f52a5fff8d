//! Deadlines, and the grace after a failure.

use std::future::{Ready, pending};
use std::time::Duration;

use tokio::time::{Instant, sleep};
use unstuck::{BoxError, Scope, TaskGroup};

use crate::failing::{Unit, fail, shape};
use crate::flavor::on_each_flavor;

/// On one thread only, as Tokio can't stop the clock of several.
#[tokio::test(start_paused = true)]
async fn the_earliest_of_nested_deadlines_comes_first() {
    let started = Instant::now();
    let seconds = move |seconds| started + Duration::from_secs(seconds);
    let errors = TaskGroup::new("outer")
        .deadline(seconds(9))
        .deadline(seconds(2))
        .deadline(seconds(5))
        .scope(async |group| {
            group.spawn("inner", async move {
                TaskGroup::new("inner")
                    .deadline(seconds(60))
                    .scope(async |group| {
                        group.spawn("sleeper", pending::<Unit>())?;
                        Ok(())
                    })
                    .await
            })?;
            Ok(())
        })
        .await
        .unwrap_err();
    assert_eq!(
        (shape(&errors).as_str(), started.elapsed().as_secs()),
        ("[the deadline has passed]", 2)
    );

    let errors = TaskGroup::new("outer")
        .deadline(seconds(60))
        .scope(async |_| {
            let inner = TaskGroup::new("inner").deadline(seconds(4));
            Ok(inner.scope(async |_| pending::<Unit>().await).await?)
        })
        .await
        .unwrap_err();
    assert_eq!(
        (shape(&errors).as_str(), started.elapsed().as_secs()),
        ("[[the deadline has passed]]", 4)
    );
}

#[tokio::test(start_paused = true)]
async fn a_grace_period_begins_at_the_first_failure_or_at_the_deadline_and_then_lasts() {
    let ended = async |deadline: Option<u64>, grace: Duration| {
        let started = Instant::now();
        let mut group = TaskGroup::new("g").grace(grace);
        if let Some(seconds) = deadline {
            group = group.deadline(started + Duration::from_secs(seconds));
        }
        let errors = group
            .scope(async |group| {
                for second in 1..=2 {
                    group.spawn("fails", async move {
                        sleep(Duration::from_secs(second)).await;
                        fail("boom")
                    })?;
                }
                pending::<Unit>().await
            })
            .await
            .unwrap_err();
        (shape(&errors), started.elapsed().as_secs())
    };
    let seconds = Duration::from_secs;
    let cancelled = |second| ("[boom, boom]".to_owned(), second);
    let too_late = |second| ("[the deadline has passed, boom, boom]".to_owned(), second);
    assert_eq!(ended(None, seconds(4)).await, cancelled(5));
    assert_eq!(ended(Some(9), seconds(4)).await, cancelled(5));
    assert_eq!(ended(Some(6), seconds(4)).await, cancelled(5));
    // The deadline adds its own failure, but takes nothing of the period.
    assert_eq!(ended(Some(5), seconds(4)).await, too_late(5));
    assert_eq!(ended(Some(4), seconds(4)).await, too_late(5));
    assert_eq!(
        ended(Some(0), seconds(0)).await,
        ("[the deadline has passed]".to_owned(), 0)
    );
    let nobody = async |deadline: u64| {
        let started = Instant::now();
        let group = TaskGroup::new("g")
            .deadline(started + seconds(deadline))
            .grace(seconds(4));
        let errors = group
            .scope(async |_| pending::<Unit>().await)
            .await
            .unwrap_err();
        (shape(&errors), started.elapsed().as_secs())
    };
    assert_eq!(nobody(2).await, ("[the deadline has passed]".to_owned(), 6));
}

#[test]
fn a_deadline_that_has_passed_leaves_the_body_unbegun() {
    on_each_flavor(async || {
        let errors = TaskGroup::new("g")
            .deadline(Instant::now())
            .scope(|_| -> Ready<Unit> { unreachable!("it is too late") })
            .await
            .unwrap_err();
        assert_eq!(shape(&errors), "[the deadline has passed]");
    });
}

#[tokio::test(start_paused = true)]
async fn a_group_that_is_cancelled_at_a_time_has_no_failure_and_its_tasks_a_grace_period() {
    let seconds = Duration::from_secs;
    let started = Instant::now();
    let cleaned_up = TaskGroup::new("g")
        .cancel_at(started + seconds(2))
        .grace(seconds(4))
        .scope(async |group: Scope| {
            group.spawn("never ends", pending::<Unit>())?;
            let stopping = group.stopping();
            Ok(group.spawn("cleans up", async move {
                stopping.await;
                sleep(seconds(1)).await;
                Ok::<_, BoxError>(started.elapsed().as_secs())
            })?)
        })
        .await
        .unwrap();
    assert_eq!(
        (cleaned_up.value().await, started.elapsed().as_secs()),
        (Ok(3), 6)
    );

    // Of both kinds, the earlier one counts.
    let at = |second| Instant::now() + seconds(second);
    let quiet = TaskGroup::new("g").deadline(at(3)).cancel_at(at(2));
    let errors = quiet
        .scope(async |_| pending::<Unit>().await)
        .await
        .unwrap_err();
    assert_eq!(shape(&errors), "[]");
    let loud = TaskGroup::new("g").cancel_at(at(3)).deadline(at(2));
    let errors = loud
        .scope(async |_| pending::<Unit>().await)
        .await
        .unwrap_err();
    assert_eq!(shape(&errors), "[the deadline has passed]");
}

#[tokio::test(start_paused = true)]
async fn a_deadline_can_be_moved_to_either_side_and_removed_until_it_has_passed() {
    let at = |second| Instant::now() + Duration::from_secs(second);
    let ended = async |group: TaskGroup, moves: &[Option<u64>]| {
        let started = Instant::now();
        let errors = group
            .scope(async |group: Scope| {
                for second in moves {
                    group.set_deadline(second.map(at));
                    sleep(Duration::from_secs(2)).await;
                }
                // Somebody else moves it while nothing but the deadline can wake the group.
                let scope = group.clone();
                group.spawn("moves it", async move {
                    sleep(Duration::from_secs(1)).await;
                    scope.set_deadline(at(10));
                    pending::<Unit>().await
                })?;
                pending::<Unit>().await
            })
            .await
            .unwrap_err();
        (shape(&errors), started.elapsed().as_secs())
    };
    let failed = |second| ("[the deadline has passed]".to_owned(), second);
    let new = || TaskGroup::new("g");
    assert_eq!(ended(new().deadline(at(3)), &[]).await, failed(11));
    assert_eq!(ended(new().deadline(at(3)), &[Some(9)]).await, failed(13));
    assert_eq!(ended(new().deadline(at(9)), &[Some(1)]).await, failed(1));
    assert_eq!(
        ended(new().deadline(at(1)), &[None, None]).await,
        failed(15)
    );
    assert_eq!(ended(new(), &[Some(3), Some(4)]).await, failed(15));
    assert_eq!(
        ended(new().cancel_at(at(3)), &[Some(5)]).await,
        ("[]".to_owned(), 13)
    );

    // Nothing brings one back.
    let started = Instant::now();
    let errors = TaskGroup::new("g")
        .deadline(at(1))
        .grace(Duration::from_secs(4))
        .scope(async |group: Scope| {
            group.stopping().await;
            group.set_deadline(at(1));
            pending::<Unit>().await
        })
        .await
        .unwrap_err();
    assert_eq!(shape(&errors), "[the deadline has passed]");
    assert_eq!(started.elapsed().as_secs(), 5);
}

/// The group waits for its children alone, and then only the clock can wake it.
#[tokio::test(start_paused = true)]
async fn a_deadline_that_is_moved_while_the_group_drains_is_kept() {
    let started = Instant::now();
    let errors = TaskGroup::new("g")
        .scope(async |group: Scope| {
            let scope = group.clone();
            group.spawn("moves it", async move {
                sleep(Duration::from_secs(1)).await;
                scope.set_deadline(started + Duration::from_secs(3));
                pending::<Unit>().await
            })?;
            Ok(())
        })
        .await
        .unwrap_err();
    assert_eq!(shape(&errors), "[the deadline has passed]");
    assert_eq!(started.elapsed().as_secs(), 3);
}
