//! Deadlines, and the grace after a failure.

use std::future::{Ready, pending};
use std::time::Duration;

use tokio::time::{Instant, sleep};
use unstuck::{OnFailure, TaskGroup};

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
async fn a_group_ends_at_its_deadline_or_with_its_grace_whichever_comes_first() {
    let ended = async |deadline: Option<u64>, grace: Duration| {
        let started = Instant::now();
        let mut group = TaskGroup::new("g").on_failure(OnFailure::CancelAfter(grace));
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
    assert_eq!(ended(Some(5), seconds(4)).await, too_late(5));
    assert_eq!(ended(Some(4), seconds(4)).await, too_late(4));
    assert_eq!(ended(Some(9), Duration::MAX).await, too_late(9));
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
