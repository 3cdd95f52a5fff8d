//! The cases of other languages that have a number, which is that of the test.

use std::future::pending;
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::sync::oneshot;
use tokio::task;
use unstuck::{BoxError, ErrorGroup, NeverStarted, OnFailure, Scope, Started, TaskGroup};

use crate::clean_up::{Bomb, CleanUps, bombed, sleeper, until_alive};
use crate::failing::{Unit, fail, shape};
use crate::flavor::on_each_flavor;

#[test]
fn case_01_values_of_children_can_be_read_in_the_body_and_after_it() {
    on_each_flavor(async || {
        let (first, second) = TaskGroup::new("g")
            .scope(async |group| {
                let first = group.spawn("first", async { Ok::<_, BoxError>(42) })?;
                task::yield_now().await;
                let second = group.spawn("second", async { Ok::<_, BoxError>(11) })?;
                Ok((first.value().await?, second))
            })
            .await
            .unwrap();
        assert_eq!((first, second.value().await), (42, Ok(11)));
    });
}

#[test]
fn case_02_a_failure_cancels_the_sleeping_sibling_and_what_follows_does_not_run() {
    on_each_flavor(async || {
        let clean = CleanUps::default();
        let followed = CleanUps::default();
        let group: Result<(), ErrorGroup> = async {
            TaskGroup::new("g")
                .scope(async |group| {
                    group.spawn("sleeps", sleeper(clean.guard()))?;
                    let clean = clean.clone();
                    group.spawn("fails", async move {
                        clean.asleep(1).await;
                        fail("boom")
                    })?;
                    Ok(())
                })
                .await?;
            drop(followed.guard());
            Ok(())
        }
        .await;
        let errors = group.unwrap_err();
        assert_eq!(followed.ran(), 0);
        assert_eq!(shape(&errors), "[boom]");
        assert_eq!((errors.cancelled_count(), clean.ran()), (1, 1));
    });
}

/// Where Tokio can wait, it does: a group that is cancelled from inside ends after its clean-ups.
#[test]
fn case_03_cancelling_from_inside_waits_for_every_clean_up() {
    on_each_flavor(async || {
        let clean = CleanUps::default();
        let errors = TaskGroup::new("g")
            .scope(async |group| {
                for n in 0..5 {
                    group.spawn(format!("{n}"), sleeper(clean.guard()))?;
                }
                clean.asleep(5).await;
                group.cancel();
                pending::<Unit>().await
            })
            .await
            .unwrap_err();
        assert_eq!(
            (
                errors.failures().len(),
                errors.cancelled_count(),
                clean.ran()
            ),
            (0, 5, 5)
        );
    });
}

/// Where it can't, it says so: an owner that is aborted is gone at once, and the clean-ups follow.
#[test]
fn case_03_aborting_the_owner_runs_every_clean_up_though_not_before_the_owner_is_gone() {
    on_each_flavor(async || {
        let clean = CleanUps::default();
        let guards: Vec<_> = (0..5).map(|_| clean.guard()).collect();
        let before = Handle::current().metrics().num_alive_tasks();
        let owner = task::spawn(TaskGroup::new("g").scope(async |group| {
            for guard in guards {
                group.spawn("sleeper", sleeper(guard))?;
            }
            pending::<Unit>().await
        }));
        clean.asleep(5).await;
        owner.abort();
        assert!(owner.await.unwrap_err().is_cancelled());
        until_alive(before).await;
        assert_eq!(clean.ran(), 5);
    });
}

#[test]
fn case_04_errors_made_while_cleaning_up_win_over_the_cancellation() {
    on_each_flavor(async || {
        let errors = TaskGroup::new("g")
            .grace(Duration::MAX)
            .scope(async |group: Scope| {
                let inner = group.clone();
                group.spawn("is asked", async move {
                    inner.stopping().await;
                    // Not left to the clock, which would not wait for this clean-up.
                    inner.cancel();
                    fail("in clean-up")
                })?;
                group.spawn("is cancelled", bombed(Bomb("in destructor")))?;
                fail("body")
            })
            .await
            .unwrap_err();
        assert_eq!(
            shape(&errors),
            "[body, in clean-up, panicked: in destructor]"
        );
        assert_eq!(
            errors.cancelled_count(),
            0,
            "neither of the two just vanished"
        );
    });
}

async fn group_of_two(texts: [&'static str; 2]) -> Result<(), ErrorGroup> {
    TaskGroup::new("inner")
        .on_failure(OnFailure::WaitForAll)
        .scope(async |group| {
            for text in texts {
                group.spawn(text, async move { fail(text) })?;
            }
            Ok(())
        })
        .await
}

#[test]
fn case_05_an_inner_group_that_fails_is_a_group_in_the_outer_one() {
    on_each_flavor(async || {
        let errors = TaskGroup::new("outer")
            .scope(async |_| Ok(group_of_two(["a", "b"]).await?))
            .await
            .unwrap_err();
        assert_eq!(shape(&errors), "[[a, b]]");
    });
}

#[test]
fn case_06_an_inner_child_that_fails_first_brings_down_both() {
    on_each_flavor(async || {
        let errors = TaskGroup::new("outer")
            .scope(async |group| {
                group.spawn("sleeper", sleeper(CleanUps::default().guard()))?;
                let inner = TaskGroup::new("inner").scope(async |group| {
                    group.spawn("fails", async { fail("a") })?;
                    pending::<Unit>().await
                });
                Ok(inner.await?)
            })
            .await
            .unwrap_err();
        assert_eq!(shape(&errors), "[[a]]");
        assert_eq!(errors.cancelled_count(), 1);
    });
}

#[test]
fn case_07_an_empty_group_whose_owner_is_cancelled_cleans_up_and_has_no_errors() {
    on_each_flavor(async || {
        let clean = CleanUps::default();
        let guard = clean.guard();
        let owner = task::spawn(TaskGroup::new("g").scope(async |_| sleeper(guard).await));
        clean.asleep(1).await;
        owner.abort();
        assert!(owner.await.unwrap_err().is_cancelled());
        assert_eq!(clean.ran(), 1);

        let errors = TaskGroup::new("g")
            .scope(async |group| {
                group.cancel();
                pending::<Unit>().await
            })
            .await
            .unwrap_err();
        assert_eq!(
            (shape(&errors).as_str(), errors.cancelled_count()),
            ("[]", 0)
        );
    });
}

#[test]
fn case_08_a_childs_error_and_one_of_the_bodys_clean_up_are_both_there() {
    on_each_flavor(async || {
        let errors = TaskGroup::new("g")
            .scope(async |group| {
                group.spawn("child", async { fail("child's") })?;
                let _bomb = Bomb("body's clean-up");
                pending::<Unit>().await
            })
            .await
            .unwrap_err();
        assert_eq!(shape(&errors), "[panicked: body's clean-up, child's]");
    });
}

#[test]
fn case_09_a_child_that_fails_and_a_body_that_fails_are_both_there() {
    on_each_flavor(async || {
        let errors = TaskGroup::new("g")
            .on_failure(OnFailure::WaitForAll)
            .scope(async |group| {
                group.spawn("child", async { fail("child's") })?;
                fail("body's")
            })
            .await
            .unwrap_err();
        assert_eq!(shape(&errors), "[body's, child's]");
    });
}

#[test]
fn case_10_a_grandchild_that_is_spawned_while_the_group_drains_is_waited_for() {
    on_each_flavor(async || {
        let clean = CleanUps::default();
        let guard = clean.guard();
        TaskGroup::new("g")
            .scope(async |group: Scope| {
                let inner = group.clone();
                let (_in_body, body_ends) = oneshot::channel::<()>();
                group.spawn("child", async move {
                    assert!(body_ends.await.is_err(), "nobody says anything");
                    inner.spawn("grandchild", async move {
                        let _guard = guard;
                        task::yield_now().await;
                        Ok::<_, BoxError>(())
                    })?;
                    Ok::<_, BoxError>(())
                })?;
                Ok(())
            })
            .await
            .unwrap();
        assert_eq!(clean.ran(), 1);
    });
}

#[test]
fn case_11_the_name_of_a_task_can_be_read_back() {
    on_each_flavor(async || {
        let errors = TaskGroup::new("g")
            .scope(async |group| {
                group.spawn("yolo", async { fail("x") })?;
                Ok(())
            })
            .await
            .unwrap_err();
        assert_eq!(errors.failures()[0].task(), "yolo");
        assert!(
            errors.failures()[0]
                .spawned_at()
                .file()
                .ends_with("numbered.rs")
        );
    });
}

#[test]
fn case_12_two_failures_with_the_same_text_are_two() {
    on_each_flavor(async || {
        let errors = group_of_two(["same", "same"]).await.unwrap_err();
        assert_eq!(shape(&errors), "[same, same]");
    });
}

#[test]
fn case_13_an_inner_group_that_is_dealt_with_leaves_the_outer_one_its_own_errors() {
    on_each_flavor(async || {
        let errors = TaskGroup::new("outer")
            .scope(async |group| {
                assert_eq!(
                    shape(&group_of_two(["a", "b"]).await.unwrap_err()),
                    "[a, b]"
                );
                group.spawn("own", async { fail("own") })?;
                Ok(())
            })
            .await
            .unwrap_err();
        assert_eq!(shape(&errors), "[own]");
    });
}

#[test]
fn case_14_a_spawn_into_a_cancelled_group_runs_nothing_disposes_of_the_future_and_says_so() {
    on_each_flavor(async || {
        let clean = CleanUps::default();
        let guard = clean.guard();
        let value = TaskGroup::new("g")
            .scope(async |group| {
                group.cancel();
                let refused = group.spawn("late", async move {
                    let _guard = guard;
                    unreachable!("it never runs");
                    #[expect(unreachable_code)]
                    Unit::Ok(())
                });
                Ok(refused.unwrap_err().to_string())
            })
            .await
            .unwrap();
        assert_eq!(
            value,
            "task `late` was not spawned: group `g` is cancelled or has ended"
        );
        assert_eq!(clean.ran(), 1);
    });
}

#[test]
fn case_15_a_body_that_would_sleep_for_ever_wakes_when_a_child_fails() {
    on_each_flavor(async || {
        let errors = TaskGroup::new("g")
            .scope(async |group| {
                let (sleeps, body_sleeps) = oneshot::channel();
                group.spawn("fails", async {
                    body_sleeps.await?;
                    fail("boom")
                })?;
                let _ = sleeps.send(());
                pending::<Unit>().await
            })
            .await
            .unwrap_err();
        assert_eq!(shape(&errors), "[boom]");
    });
}

#[test]
fn case_16_an_error_before_a_task_has_started_is_its_starters_alone() {
    on_each_flavor(async || {
        let value = TaskGroup::new("g")
            .scope(async |group| {
                let early =
                    group.spawn_started::<(), _, _>("early", |_| async { fail("too early") });
                assert_eq!(early.await.unwrap_err().to_string(), "too early");
                let silent = group.spawn_started::<(), _, _>("silent", |_| async { Unit::Ok(()) });
                assert!(silent.await.unwrap_err().is::<NeverStarted>());
                Ok("went on")
            })
            .await
            .unwrap();
        assert_eq!(value, "went on");

        // Saying it twice does not compile: `Started::say` uses it up.
        let errors = TaskGroup::new("g")
            .scope(async |group| {
                let (heard, was_heard) = oneshot::channel();
                let late = group.spawn_started("late", |started: Started<u16>| async move {
                    started.say(8080);
                    was_heard.await?;
                    fail("too late")
                });
                assert_eq!(late.await?, 8080);
                let _ = heard.send(());
                Ok(())
            })
            .await
            .unwrap_err();
        assert_eq!(shape(&errors), "[too late]");
    });
}

#[test]
fn case_17_a_lone_error_is_wrapped_in_a_group_too() {
    on_each_flavor(async || {
        let errors = TaskGroup::new("g")
            .scope(async |_| fail("alone"))
            .await
            .unwrap_err();
        assert_eq!(shape(&errors), "[alone]");
    });
}

#[test]
fn case_18_cancellation_that_the_group_caused_is_no_error() {
    on_each_flavor(async || {
        let errors = TaskGroup::new("g")
            .scope(async |group| {
                for n in 0..3 {
                    group.spawn(format!("{n}"), pending::<Unit>())?;
                }
                group.spawn("fails", async { fail("key") })?;
                Ok(())
            })
            .await
            .unwrap_err();
        assert_eq!(
            (shape(&errors).as_str(), errors.cancelled_count()),
            ("[key]", 3)
        );
    });
}

#[test]
fn case_19_cancelling_an_owner_that_drains_reaches_a_waiter_nested_in_it() {
    on_each_flavor(async || {
        let clean = CleanUps::default();
        let guard = clean.guard();
        let before = Handle::current().metrics().num_alive_tasks();
        let owner = task::spawn(TaskGroup::new("outer").scope(async |group| {
            group.spawn("child", async {
                TaskGroup::new("inner")
                    .scope(async |group| {
                        group.spawn("waiter", sleeper(guard))?;
                        Ok(())
                    })
                    .await
            })?;
            Ok(())
        }));
        clean.asleep(1).await;
        owner.abort();
        assert!(owner.await.unwrap_err().is_cancelled());
        until_alive(before).await;
        assert_eq!(clean.ran(), 1);
    });
}
