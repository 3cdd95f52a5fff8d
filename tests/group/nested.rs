//! Groups within groups, and scopes that are dropped there.

use std::future::{Future, pending};
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Waker};
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::sync::oneshot;
use tokio::task;
use unstuck::{ErrorGroup, OnFailure, Scope, TaskGroup};

use crate::failing::{Unit, fail, shape};
use crate::flavor::on_each_flavor;
use crate::{alive, until_alive};

/// Neither the error that it had collected nor the clean-up of its child is lost.
#[test]
fn a_scope_that_is_cancelled_within_another_leaves_it_its_errors_and_its_children() {
    on_each_flavor(async || {
        struct CleanUp(Arc<AtomicBool>);
        impl Drop for CleanUp {
            fn drop(&mut self) {
                self.0.store(true, Ordering::SeqCst);
            }
        }
        let cleaned_up = Arc::new(AtomicBool::new(false));
        let guard = CleanUp(Arc::clone(&cleaned_up));
        let (failed, has_failed) = oneshot::channel();
        let errors = TaskGroup::new("outer")
            .scope(async |group| {
                group.spawn("inner", async {
                    TaskGroup::new("inner")
                        .on_failure(OnFailure::WaitForAll)
                        .scope(async |group| {
                            let fails = group.spawn("fails", async { fail("kept") })?;
                            group.spawn("sleeps", async {
                                let _guard = guard;
                                pending::<Unit>().await
                            })?;
                            assert!(fails.value().await.is_err());
                            let _ = failed.send(());
                            Ok(())
                        })
                        .await
                })?;
                group.spawn("fails later", async {
                    has_failed.await?;
                    fail("boom")
                })?;
                Ok(())
            })
            .await
            .unwrap_err();
        assert_eq!(shape(&errors), "[[kept], boom]");
        assert!(
            cleaned_up.load(Ordering::SeqCst),
            "the outer group has waited for it"
        );
    });
}

#[test]
fn a_task_whose_own_group_was_cancelled_has_been_cancelled_and_has_not_failed() {
    on_each_flavor(async || {
        let cancelled = async || {
            let group = TaskGroup::new("inner").scope(async |group| {
                group.cancel();
                pending::<Unit>().await
            });
            group.await
        };
        let value = TaskGroup::new("outer")
            .scope(async |group| {
                let child = group.spawn("child", cancelled())?;
                Ok(child.value().await.ok())
            })
            .await
            .unwrap();
        assert_eq!(value, None);
        let errors = TaskGroup::new("outer")
            .scope(async |_| Ok(cancelled().await?))
            .await
            .unwrap_err();
        assert!(errors.is_cancelled());
        assert_eq!(errors.to_string(), "task group `outer` was cancelled");
    });
}

/// An error by which it is seen whether anybody has it still.
#[derive(Debug)]
struct Kept(#[expect(dead_code, reason = "it is counted")] Arc<()>);

impl std::fmt::Display for Kept {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("kept")
    }
}

impl std::error::Error for Kept {}

/// It is not left to itself what its tasks ended with, as it would never end.
#[test]
fn a_scope_that_one_of_its_own_children_drops_leaks_nothing() {
    type Running = Pin<Box<dyn Future<Output = Result<(), ErrorGroup>> + Send>>;
    on_each_flavor(async || {
        let (running, token): (Arc<Mutex<Option<Running>>>, _) = (Arc::default(), Arc::new(()));
        let (slot, error) = (Arc::clone(&running), Kept(Arc::clone(&token)));
        let (drops, dropped) = oneshot::channel::<()>();
        let group = TaskGroup::new("g").on_failure(OnFailure::WaitForAll);
        let scope = group.scope(async |group| {
            group.spawn("fails", async { Err::<(), _>(error) })?;
            group.spawn("drops its own scope", async move {
                let _ = dropped.await;
                drop(slot.lock().unwrap().take());
                pending::<Unit>().await
            })?;
            pending::<Unit>().await
        });
        let mut scope: Running = Box::pin(scope);
        let before = alive();
        let mut context = Context::from_waker(Waker::noop());
        assert!(scope.as_mut().poll(&mut context).is_pending());
        *running.lock().unwrap() = Some(scope);
        until_alive(before + 1).await;
        assert_eq!(Arc::strong_count(&token), 2, "its group has the error");
        let _ = drops.send(());
        until_alive(before).await;
        // Nobody is left to have it, though this thread may take a moment to see that.
        while Arc::strong_count(&token) > 1 {
            task::yield_now().await;
        }
    });
}

/// Groups within groups, in a child and in a body by turns, around a task that waits for the innermost one to stop.
fn waits_within(levels: usize, innermost: oneshot::Sender<Scope>) -> Run {
    Box::pin(async move {
        let group = TaskGroup::new("nested").scope(async |group: Scope| {
            if levels == 0 {
                let stopping = group.stopping();
                // It waits for something else, too: it is not enough that nothing else is left.
                let stopped = group.spawn("waits", async {
                    tokio::select! {
                        () = stopping => Ok("by itself"),
                        () = pending() => Err("not reached"),
                    }
                })?;
                let _ = innermost.send(group);
                assert_eq!(stopped.value().await?, "by itself");
            } else if levels.is_multiple_of(2) {
                group.spawn("child", waits_within(levels - 1, innermost))?;
            } else {
                waits_within(levels - 1, innermost).await?;
            }
            Ok(())
        });
        Ok(group.await?)
    })
}

type Run = Pin<Box<dyn Future<Output = Unit> + Send>>;

#[test]
fn a_group_that_is_stopped_stops_the_groups_inside_it_however_deep() {
    on_each_flavor(async || {
        for levels in [0, 1, 2, 3, 20] {
            let (sender, innermost) = oneshot::channel();
            TaskGroup::new("outermost")
                .scope(async |group: Scope| {
                    group.spawn("child", waits_within(levels, sender))?;
                    let innermost = innermost.await?;
                    assert!(!innermost.is_stopping());
                    group.stop();
                    assert!(innermost.is_stopping());
                    Ok(())
                })
                .await
                .unwrap();
        }
    });
}

/// With a grace period, whatever brings the outer one down.
#[test]
fn a_group_that_is_cancelled_or_fails_with_a_grace_period_stops_the_groups_inside_it_first() {
    on_each_flavor(async || {
        for (fails, outcome) in [(false, "[]"), (true, "[boom]")] {
            let (sender, innermost) = oneshot::channel();
            let errors = TaskGroup::new("outer")
                .grace(Duration::from_hours(1))
                .scope(async |group: Scope| {
                    let child = group.spawn("child", waits_within(1, sender))?;
                    let _innermost = innermost.await?;
                    if fails {
                        group.spawn("fails", async { fail("boom") })?;
                    } else {
                        group.cancel();
                    }
                    assert_eq!(child.value().await, Ok(()), "it was not cancelled");
                    group.cancel();
                    pending::<Unit>().await
                })
                .await
                .unwrap_err();
            assert_eq!(
                (shape(&errors).as_str(), errors.cancelled_count()),
                (outcome, 0)
            );
        }
    });
}

#[test]
fn a_group_that_begins_in_one_that_is_stopping_stops_at_once() {
    on_each_flavor(async || {
        let (sender, _innermost) = oneshot::channel();
        TaskGroup::new("outer")
            .scope(async |group: Scope| {
                group.stop();
                group.spawn("child", waits_within(3, sender))?;
                Ok(())
            })
            .await
            .unwrap();
    });
}

/// What does not end when it is asked to is cancelled by the first grace period that ends, its own or an outer one.
#[test]
fn each_group_that_is_stopped_from_outside_has_its_own_grace_period() {
    on_each_flavor(async || {
        let short = Some(Duration::from_millis(2));
        for (outer, inner, is_whole) in [(None, short, true), (short, None, false)] {
            let graceful = |grace: Option<Duration>| {
                let group = TaskGroup::new("g");
                grace.into_iter().fold(group, TaskGroup::grace)
            };
            let (begins, has_begun) = oneshot::channel();
            let ended = graceful(outer)
                .scope(async |group: Scope| {
                    let child = group.spawn("child", async move {
                        let inner = graceful(inner).scope(async |inner: Scope| {
                            inner.spawn("never ends", pending::<Unit>())?;
                            let _ = begins.send(());
                            Ok("whole")
                        });
                        inner.await
                    })?;
                    has_begun.await?;
                    group.stop();
                    Ok(child)
                })
                .await
                .unwrap();
            assert_eq!(ended.value().await.ok(), is_whole.then_some("whole"));
        }
    });
}

#[test]
fn a_group_that_is_stopped_leaves_the_ones_around_it_beside_it_and_before_it_alone() {
    on_each_flavor(async || {
        TaskGroup::new("outer")
            .scope(async |outer: Scope| {
                let beside = TaskGroup::new("beside").scope(async |beside: Scope| {
                    let before = TaskGroup::new("before").scope(async |scope: Scope| Ok(scope));
                    before.await?;
                    let inner = TaskGroup::new("inner").scope(async |inner: Scope| {
                        inner.stop();
                        Ok(inner.is_stopping())
                    });
                    assert!(inner.await?);
                    Ok(beside.is_stopping())
                });
                assert!(!beside.await?);
                assert!(!outer.is_stopping());
                outer.stop();
                Ok(())
            })
            .await
            .unwrap();
    });
}

/// It is a member of the outer group there, too.
#[test]
fn a_group_that_a_blocking_task_runs_is_stopped_with_the_one_around_it() {
    on_each_flavor(async || {
        let (sender, innermost) = oneshot::channel();
        TaskGroup::new("outer")
            .scope(async |group: Scope| {
                let handle = Handle::current();
                let run = move || handle.block_on(waits_within(1, sender));
                group.spawn_blocking("blocking", run)?;
                let innermost = innermost.await?;
                group.stop();
                assert!(innermost.is_stopping());
                Ok(())
            })
            .await
            .unwrap();
    });
}
