//! Tasks that wait for their group to stop.

use std::future::{pending, poll_fn};
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use tokio::sync::{mpsc, oneshot};
use tokio::task;
use tokio::time::{sleep, timeout};
use unstuck::{BoxError, OnFailure, Scope, TaskGroup};

use crate::failing::{Unit, fail, shape};
use crate::flavor::on_each_flavor;

/// Groups of each policy.
fn groups() -> [TaskGroup; 3] {
    let group = || TaskGroup::new("g");
    [
        group().on_failure(OnFailure::Cancel),
        group().on_failure(OnFailure::WaitForAll),
        group().grace(Duration::ZERO),
    ]
}

/// It is told so that it can clean up, and takes as long as it likes: nothing has failed.
#[test]
fn tasks_that_wait_only_for_the_group_to_stop_do_not_keep_it_from_ending() {
    on_each_flavor(async || {
        for group in groups() {
            let cleaned_up = group
                .scope(async |group: Scope| {
                    let (sender, cleaned_up) = mpsc::unbounded_channel();
                    for n in 0..3 {
                        let (scope, sender) = (group.clone(), sender.clone());
                        group.spawn("waits", async move {
                            scope.stopping().await;
                            assert!(scope.is_stopping());
                            sleep(Duration::from_millis(2)).await;
                            sender.send(n)?;
                            Ok::<_, BoxError>(())
                        })?;
                    }
                    for _ in 0..3 {
                        group.spawn("works", async {
                            task::yield_now().await;
                            Unit::Ok(())
                        })?;
                    }
                    Ok(cleaned_up)
                })
                .await
                .unwrap();
            assert_eq!(cleaned_up.len(), 3);
        }
    });
}

#[test]
fn it_does_not_matter_how_often_and_since_when_they_wait() {
    on_each_flavor(async || {
        TaskGroup::new("g")
            .scope(async |group: Scope| {
                let scope = group.clone();
                let (waits, all_wait) = oneshot::channel::<()>();
                group.spawn("twice", async move {
                    {
                        // One that is dropped does not count.
                        let mut dropped = pin!(scope.stopping());
                        assert!(futures_util::poll!(&mut dropped).is_pending());
                    }
                    task::yield_now().await;
                    let _ = waits.send(());
                    tokio::join!(scope.stopping(), scope.stopping());
                    Unit::Ok(())
                })?;
                let scope = group.clone();
                group.spawn("first works", async move {
                    sleep(Duration::from_millis(1)).await;
                    scope.stopping().await;
                    Unit::Ok(())
                })?;
                let scope = group.clone();
                group.spawn("starts another", async move {
                    let inner = scope.clone();
                    scope.spawn("late", async move {
                        inner.stopping().await;
                        Unit::Ok(())
                    })?;
                    scope.stopping().await;
                    Unit::Ok(())
                })?;
                Ok(all_wait.await?)
            })
            .await
            .unwrap();
    });
}

/// A server, as it were: nobody has told it to stop.
#[test]
fn a_task_that_waits_for_something_else_too_keeps_its_group_open() {
    on_each_flavor(async || {
        let (requests, mut accepts) = mpsc::channel(1);
        let mut group = pin!(TaskGroup::new("g").scope(async |group: Scope| {
            let scope = group.clone();
            let served = group.spawn("serves", async move {
                let mut served = 0;
                loop {
                    tokio::select! {
                        () = scope.stopping() => return Unit::Ok(()),
                        request = accepts.recv() => match request {
                            Some(()) => served += 1,
                            None => break,
                        },
                    }
                }
                assert_eq!(served, 3, "it was not told to stop before");
                scope.stopping().await;
                Unit::Ok(())
            })?;
            let scope = group.clone();
            group.spawn("waits", async move {
                scope.stopping().await;
                Unit::Ok(())
            })?;
            Ok(served)
        }));
        for _ in 0..3 {
            let ended = timeout(Duration::from_millis(2), &mut group).await;
            assert!(ended.is_err(), "it is being served");
            requests.send(()).await.unwrap();
        }
        drop(requests);
        group.await.unwrap();
    });
}

/// In it, each part is polled with a waker of its own, behind which there may be anything.
#[test]
fn a_task_that_waits_within_a_combinator_with_other_wakers_keeps_its_group_open() {
    on_each_flavor(async || {
        let (done, is_done) = oneshot::channel::<()>();
        let mut group = pin!(TaskGroup::new("g").scope(async |group: Scope| {
            let scope = group.clone();
            group.spawn("waits", async move {
                let mut parts = FuturesUnordered::new();
                parts.push(futures_util::future::Either::Left(scope.stopping()));
                parts.push(futures_util::future::Either::Right(async {
                    let _ = is_done.await;
                }));
                parts.next().await;
                assert!(!scope.is_stopping());
                Unit::Ok(())
            })?;
            Ok(())
        }));
        let ended = timeout(Duration::from_millis(2), &mut group).await;
        assert!(ended.is_err());
        let _ = done.send(());
        group.await.unwrap();
    });
}

/// The wake-up comes while it is polled, and is not missed.
#[test]
fn a_task_that_is_woken_while_it_begins_to_wait_is_not_taken_for_one_that_only_waits() {
    on_each_flavor(async || {
        TaskGroup::new("g")
            .scope(async |group: Scope| {
                let scope = group.clone();
                group.spawn("waits", async move {
                    let mut stopping = pin!(scope.stopping());
                    for _ in 0..10 {
                        let mut is_woken = false;
                        poll_fn(|cx| {
                            assert!(stopping.as_mut().poll(cx).is_pending());
                            if is_woken {
                                return Poll::Ready(());
                            }
                            is_woken = true;
                            cx.waker().wake_by_ref();
                            Poll::Pending
                        })
                        .await;
                    }
                    stopping.await;
                    Unit::Ok(())
                })?;
                Ok(())
            })
            .await
            .unwrap();
    });
}

#[test]
fn a_task_that_fails_while_it_cleans_up_fails_its_group() {
    on_each_flavor(async || {
        for (group, is_cancelled) in groups().into_iter().zip([true, false, true]) {
            let errors = group
                .scope(async |group: Scope| {
                    let scope = group.clone();
                    group.spawn("fails", async move {
                        scope.stopping().await;
                        fail("in clean-up")
                    })?;
                    let scope = group.clone();
                    group.spawn("cancelled", async move {
                        scope.stopping().await;
                        if is_cancelled {
                            pending::<()>().await;
                        }
                        Unit::Ok(())
                    })?;
                    Ok(())
                })
                .await
                .unwrap_err();
            assert_eq!(shape(&errors), "[in clean-up]");
        }
    });
}

#[test]
fn what_is_cancelled_or_waits_elsewhere_is_not_counted() {
    on_each_flavor(async || {
        let outside = TaskGroup::new("g")
            .scope(async |group: Scope| {
                let scope = group.clone();
                let outside = task::spawn(async move { scope.stopping().await });
                let scope = group.clone();
                let cancelled = group.spawn("cancelled", async move {
                    scope.stopping().await;
                    Unit::Ok(())
                })?;
                let scope = group.clone();
                group.spawn("local", async move {
                    // In a group of its own, it is no task of the other.
                    let inner = TaskGroup::new("inner").scope(async |inner: Scope| {
                        let stops = inner.clone();
                        inner.spawn("waits", async move {
                            stops.stopping().await;
                            Unit::Ok(())
                        })?;
                        Ok(())
                    });
                    inner.await?;
                    cancelled.cancel();
                    scope.stopping().await;
                    Unit::Ok(())
                })?;
                Ok(outside)
            })
            .await
            .unwrap();
        outside.await.unwrap();
    });
}

/// The documentation of `stopping` says so. On one thread only: a child that runs at that moment may see it.
#[tokio::test]
async fn a_group_that_is_cancelled_leaves_nobody_in_it_the_time_to_see_that_it_stops() {
    let (told, mut is_told) = mpsc::unbounded_channel();
    let errors = TaskGroup::new("g")
        .scope(async |group: Scope| {
            let (scope, child_told) = (group.clone(), told.clone());
            group.spawn("child", async move {
                scope.stopping().await;
                child_told.send("child")?;
                Ok::<_, BoxError>(())
            })?;
            let (scope, child_told) = (group.clone(), told.clone());
            group.spawn("cancels", async move {
                task::yield_now().await;
                scope.cancel();
                scope.stopping().await;
                child_told.send("whoever runs at that moment")?;
                Ok::<_, BoxError>(())
            })?;
            group.stopping().await;
            told.send("body")?;
            Ok(())
        })
        .await
        .unwrap_err();
    assert_eq!(
        (shape(&errors).as_str(), errors.cancelled_count()),
        ("[]", 1)
    );
    assert_eq!(is_told.try_recv(), Ok("whoever runs at that moment"));
    assert!(is_told.try_recv().is_err());
}

#[test]
fn a_group_that_is_stopped_without_a_grace_period_waits_as_long_as_it_takes() {
    on_each_flavor(async || {
        let value = TaskGroup::new("g")
            .scope(async |group: Scope| {
                let stopping = group.stopping();
                let slow = group.spawn("slow", async {
                    stopping.await;
                    sleep(Duration::from_millis(5)).await;
                    Ok::<_, BoxError>("in its own time")
                })?;
                group.stop();
                group.stop();
                assert!(group.is_stopping());
                Ok(slow.value().await?)
            })
            .await
            .unwrap();
        assert_eq!(value, "in its own time");
    });
}

#[test]
fn a_group_that_is_cancelled_while_it_stops_has_no_more_of_its_grace_period() {
    on_each_flavor(async || {
        let errors = TaskGroup::new("g")
            .grace(Duration::MAX)
            .scope(async |group: Scope| {
                group.spawn("never ends", pending::<Unit>())?;
                group.cancel();
                group.stopping().await;
                group.spawn("is taken", pending::<Unit>())?;
                group.cancel();
                assert!(group.spawn("is not", pending::<Unit>()).is_err());
                pending::<Unit>().await
            })
            .await
            .unwrap_err();
        assert_eq!(
            (shape(&errors).as_str(), errors.cancelled_count()),
            ("[]", 2)
        );
    });
}

#[test]
fn failures_in_the_grace_period_do_not_cut_it_short() {
    on_each_flavor(async || {
        let errors = TaskGroup::new("g")
            .grace(Duration::from_hours(1))
            .scope(async |group: Scope| {
                for _ in 0..2 {
                    let stopping = group.stopping();
                    group.spawn("cleans up", async {
                        stopping.await;
                        task::yield_now().await;
                        fail("in clean-up")
                    })?;
                }
                fail("body")
            })
            .await
            .unwrap_err();
        assert_eq!(shape(&errors), "[body, in clean-up, in clean-up]");
    });
}

#[test]
fn a_group_that_is_stopped_and_fails_without_a_grace_period_is_cancelled() {
    on_each_flavor(async || {
        let errors = TaskGroup::new("g")
            .scope(async |group: Scope| {
                group.spawn("never ends", pending::<Unit>())?;
                group.stop();
                fail("body")
            })
            .await
            .unwrap_err();
        assert_eq!(
            (shape(&errors).as_str(), errors.cancelled_count()),
            ("[body]", 1)
        );
    });
}

/// A destructor can't wait, so there is no grace period.
#[test]
fn a_scope_that_is_dropped_leaves_its_tasks_no_grace_period() {
    on_each_flavor(async || {
        let before = crate::alive();
        let group = TaskGroup::new("g").grace(Duration::MAX);
        let mut scope = Box::pin(group.scope(async |group: Scope| {
            group.spawn("never ends", pending::<Unit>())?;
            pending::<Unit>().await
        }));
        assert!(futures_util::poll!(&mut scope).is_pending());
        drop(scope);
        crate::until_alive(before).await;
    });
}

/// Whoever has woken a task may hold its waker for a moment after that. On several threads, the task may have been
/// polled by then, and wait for its group to stop.
#[test]
fn a_task_that_waits_only_for_the_group_to_stop_is_known_whoever_woke_it_before() {
    on_each_flavor(async || {
        for _ in 0..if cfg!(miri) { 2 } else { 2_000 } {
            let (once, is_once) = oneshot::channel::<()>();
            let (many, mut are_many) = mpsc::channel::<()>(1);
            let group = TaskGroup::new("g").scope(async |group: Scope| {
                let scope = group.clone();
                group.spawn("waits", async move {
                    let _ = is_once.await;
                    tokio::select! {
                        () = scope.stopping() => return fail("it is not finished"),
                        _ = are_many.recv() => {}
                    }
                    scope.stopping().await;
                    Unit::Ok(())
                })?;
                Ok(())
            });
            let group = task::spawn(group);
            // By the thread of the test, which is none that runs tasks where there are several.
            drop(once);
            task::yield_now().await;
            std::thread::yield_now();
            drop(many);
            let ended = timeout(Duration::from_mins(1), group).await;
            ended.expect("it ends").unwrap().unwrap();
        }
    });
}
