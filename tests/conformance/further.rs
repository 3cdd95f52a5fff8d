//! Further cases with a number, which is that of the test. Cases 24 to 26 are in `cancelled.rs`, 33 and 34 in
//! `deep.rs`, and 35 in `unprintable.rs`.

use std::future::pending;
use std::time::Duration;

use futures_util::{FutureExt, TryFutureExt};
use tokio::sync::oneshot;
use tokio::task;
use tokio::time::{Instant, sleep};
use unstuck::{BoxError, Children, Failure, OnFailure, Scope, TaskGroup};

use crate::clean_up::{CleanUps, sleeper};
use crate::failing::{Unit, fail, shape};
use crate::flavor::on_each_flavor;

#[test]
fn case_27_clean_up_that_awaits_after_a_cancel_or_at_a_deadline_has_the_grace_period() {
    on_each_flavor(async || {
        for by_deadline in [false, true] {
            let clean = CleanUps::default();
            let (guard, bodys) = (clean.guard(), clean.guard());
            let mut group = TaskGroup::new("g").grace(Duration::from_hours(1));
            if by_deadline {
                group = group.deadline(Instant::now() + Duration::from_millis(2));
            }
            let ended = group
                .scope(async |group: Scope| {
                    let stopping = group.stopping();
                    group.spawn("cleans up", async {
                        stopping.await;
                        sleep(Duration::from_millis(2)).await;
                        drop(guard);
                        Unit::Ok(())
                    })?;
                    if !by_deadline {
                        group.cancel();
                    }
                    group.stopping().await;
                    task::yield_now().await;
                    drop(bodys);
                    Ok(())
                })
                .await;
            assert_eq!(clean.ran(), 2);
            match ended {
                Ok(()) => assert!(!by_deadline),
                Err(errors) => {
                    assert!(by_deadline);
                    assert_eq!((errors.failures().len(), errors.cancelled_count()), (1, 0));
                    assert!(matches!(errors.failures()[0].failure(), Failure::Deadline));
                }
            }
        }
    });
}

#[test]
fn case_28_children_of_a_group_that_is_stopped_end_by_themselves_or_are_cancelled() {
    on_each_flavor(async || {
        let clean = CleanUps::default();
        let (by_themselves, value) = TaskGroup::new("g")
            .grace(Duration::from_millis(20))
            .scope(async |group: Scope| {
                for _ in 0..3 {
                    group.spawn("sleeper", sleeper(clean.guard()))?;
                }
                let stopping = group.stopping();
                let watches = group.spawn("watches", async {
                    stopping.await;
                    Ok::<_, BoxError>("by itself")
                })?;
                clean.asleep(3).await;
                assert!(!group.is_stopping());
                group.stop();
                Ok((watches, "the body's"))
            })
            .await
            .unwrap();
        assert_eq!(by_themselves.value().await, Ok("by itself"));
        assert_eq!((value, clean.ran()), ("the body's", 3));
    });
}

#[test]
fn case_29_errors_made_while_two_nested_groups_clean_up_are_both_there_under_either_policy() {
    on_each_flavor(async || {
        for on_failure in [OnFailure::Cancel, OnFailure::WaitForAll] {
            let group = move || {
                let group = TaskGroup::new("g").on_failure(on_failure);
                group.grace(Duration::from_hours(1))
            };
            let errors = group()
                .scope(async |outer: Scope| {
                    for text in ["a", "b"] {
                        let outer_stops = outer.stopping();
                        outer.spawn(text, async move {
                            let inner = group().scope(async |inner: Scope| {
                                let stopping = inner.stopping();
                                inner.spawn("cleans up", async move {
                                    stopping.await;
                                    task::yield_now().await;
                                    fail(text)
                                })?;
                                outer_stops.await;
                                inner.stop();
                                Ok(())
                            });
                            inner.await
                        })?;
                    }
                    outer.stop();
                    Ok(())
                })
                .await
                .unwrap_err();
            assert_eq!(shape(&errors), "[[a], [b]]");
        }
    });
}

/// What a child spawns when it is cancelled by that very spawn is refused, or cancelled with the rest.
#[test]
fn case_30_a_child_that_is_cancelled_by_what_it_spawns_loses_nothing() {
    on_each_flavor(async || {
        let clean = CleanUps::default();
        let (first, second) = (clean.guard(), clean.guard());
        let errors = TaskGroup::new("g")
            .scope(async |group: Scope| {
                let inner = group.clone();
                group.spawn("spawns", async move {
                    let canceller = inner.clone();
                    inner.spawn("cancels", async move {
                        let _guard = first;
                        canceller.cancel();
                        pending::<Unit>().await
                    })?;
                    // On several threads, that one may run by now.
                    let _ = inner.spawn("late", async move {
                        let _guard = second;
                        pending::<Unit>().await
                    });
                    pending::<Unit>().await
                })?;
                pending::<Unit>().await
            })
            .await
            .unwrap_err();
        assert_eq!((shape(&errors).as_str(), clean.ran()), ("[]", 2));
    });
}

#[test]
fn case_31_results_come_as_they_complete_and_a_group_that_waits_for_all_gives_the_others() {
    on_each_flavor(async || {
        let errors = TaskGroup::new("g")
            .on_failure(OnFailure::WaitForAll)
            .scope(async |group| {
                let mut children = Children::new();
                let mut gates = Vec::new();
                for name in ["a", "fails", "b", "c"] {
                    let (gate, opens) = oneshot::channel::<()>();
                    gates.push((name, gate));
                    children.push(group.spawn(name, async move {
                        opens.await?;
                        if name == "fails" {
                            fail("boom")
                        } else {
                            Ok(())
                        }
                    })?);
                }
                let mut names = Vec::new();
                // From the last to the first; the one that fails is left out.
                for (name, gate) in gates.into_iter().rev() {
                    let _ = gate.send(());
                    if name != "fails" {
                        names.extend(children.next().await.map(|(name, ())| name));
                    }
                }
                assert_eq!(names, ["c", "b", "a"]);
                assert!(children.next().await.is_none());
                Ok(())
            })
            .await
            .unwrap_err();
        assert_eq!(shape(&errors), "[boom]");
    });
}

#[test]
fn case_31_results_come_as_they_complete_and_a_group_that_cancels_gives_no_more() {
    on_each_flavor(async || {
        let (stream, given) = oneshot::channel();
        let (fails, may_fail) = oneshot::channel::<()>();
        // Outside the group, so that it is not cancelled with the others.
        let reader = task::spawn(async {
            let mut children: Children<()> = given.await.unwrap();
            let (first, ()) = children.next().await.unwrap();
            let _ = fails.send(());
            (first, children.next().await)
        });
        let errors = TaskGroup::new("g")
            .scope(async |group| {
                let mut children = Children::new();
                children.push(group.spawn("never ends", pending::<Unit>())?);
                children.push(group.spawn("fails", async {
                    may_fail.await?;
                    fail("boom")
                })?);
                children.push(group.spawn("first", async { Unit::Ok(()) })?);
                let _ = stream.send(children);
                Ok(())
            })
            .await
            .unwrap_err();
        assert_eq!(
            (shape(&errors).as_str(), errors.cancelled_count()),
            ("[boom]", 1)
        );
        assert_eq!(reader.await.unwrap(), ("first".into(), None));
    });
}

#[test]
fn case_32_the_first_success_wins_and_without_one_every_error_is_there() {
    on_each_flavor(async || {
        let clean = CleanUps::default();
        let first = TaskGroup::new("g")
            .first_success(async |group: Scope| {
                let mut children = Children::new();
                children.push(group.spawn("fails", async { fail("boom") }.map_ok(|()| 0))?);
                children.push(group.spawn("panics", async { panic!("bang") }.map(BoxResult::Ok))?);
                let guard = clean.guard();
                children.push(group.spawn("sleeper", sleeper(guard).map_ok(|()| 0))?);
                let clean = clean.clone();
                children.push(group.spawn_infallible("wins", async move {
                    clean.asleep(1).await;
                    7
                })?);
                Ok(children)
            })
            .await;
        assert_eq!((first.unwrap(), clean.ran()), (7, 1));

        let none = TaskGroup::new("g").first_success(async |group: Scope| {
            let mut children = Children::new();
            for text in ["a", "b"] {
                children.push(group.spawn(text, async move { fail(text) })?);
            }
            Ok(children)
        });
        assert_eq!(shape(&none.await.unwrap_err()), "[a, b]");

        let body = TaskGroup::new("g").first_success(async |group: Scope| {
            group.spawn("fails", async { fail("a") })?;
            Err::<Children<()>, BoxError>("body".into())
        });
        assert_eq!(shape(&body.await.unwrap_err()), "[body, a]");

        let empty = TaskGroup::new("g").first_success(async |_| Ok(Children::<()>::new()));
        assert_eq!(shape(&empty.await.unwrap_err()), "[]");
    });
}

type BoxResult<T> = Result<T, BoxError>;
