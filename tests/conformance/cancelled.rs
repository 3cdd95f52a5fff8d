//! Errors that only pass a cancellation on, and failures that look like it.

use std::future::pending;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::runtime::Builder;
use tokio::sync::oneshot;
use tokio::task;
use unstuck::{
    BoxError, ErrorGroup, NeverStarted, NoValue, OnFailure, Refused, Scope, Started, TaskGroup,
};

use crate::failing::{Unit, fail, shape};
use crate::flavor::on_each_flavor;

/// How often a race is run on each runtime. `UNSTUCK_RACES=2000` for a thorough search.
fn races() -> usize {
    let races = std::env::var("UNSTUCK_RACES");
    let default = if cfg!(miri) { 1 } else { 50 };
    races.map_or(default, |races| races.parse().unwrap())
}

/// Children in a race: enough for some to be spawned before and after a failure.
const CHILDREN: usize = if cfg!(miri) { 5 } else { 1_000 };

/// Runs a race on 1, 2 and 8 threads.
fn on_many_threads(race: impl AsyncFn()) {
    for threads in [1, 2, 8] {
        let mut builder = match threads {
            1 => Builder::new_current_thread(),
            _ => Builder::new_multi_thread(),
        };
        let runtime = builder.worker_threads(threads).build().unwrap();
        println!("on {threads} threads");
        for _ in 0..races() {
            runtime.block_on(race());
        }
    }
}

/// Runs a body as a task, so that it races with the children.
async fn spawned<T: Send + 'static>(
    scope: impl Future<Output = Result<T, ErrorGroup>> + Send + 'static,
) -> Result<T, ErrorGroup> {
    task::spawn(scope).await.unwrap()
}

#[test]
fn case_24_a_body_that_spawns_while_a_child_fails_adds_no_failure() {
    on_many_threads(async || {
        let scope = TaskGroup::new("g").scope(async |group| {
            for n in 0..CHILDREN {
                let fails = n == CHILDREN / 4;
                let child = async move { if fails { fail("boom") } else { Ok(()) } };
                group.spawn("child", child)?;
            }
            Ok(())
        });
        assert_eq!(shape(&spawned(scope).await.unwrap_err()), "[boom]");
    });
}

#[test]
fn children_that_spawn_and_wait_for_each_other_while_one_fails_add_no_failure() {
    on_many_threads(async || {
        let scope = TaskGroup::new("g").scope(async |group: Scope| {
            for n in 0..CHILDREN / 10 {
                let inner = group.clone();
                group.spawn("parent", async move {
                    let fails = n == 20;
                    let child = inner.spawn("child", async move {
                        task::yield_now().await;
                        if fails { fail("boom") } else { Ok(()) }
                    })?;
                    let started = |started: Started<()>| async {
                        task::yield_now().await;
                        started.say(());
                        Unit::Ok(())
                    };
                    inner.spawn_started("starts", started).await?;
                    child.value().await?;
                    Unit::Ok(())
                })?;
            }
            Ok(())
        });
        if let Err(errors) = spawned(scope).await {
            assert_eq!(shape(&errors), "[boom]");
        }
    });
}

#[test]
fn a_body_that_spawns_while_the_group_is_cancelled_adds_no_failure() {
    on_many_threads(async || {
        let scope = TaskGroup::new("g").scope(async |group: Scope| {
            for n in 0..CHILDREN {
                let inner = group.clone();
                group.spawn("child", async move {
                    if n == CHILDREN / 4 {
                        inner.cancel();
                    }
                    Unit::Ok(())
                })?;
            }
            Ok(())
        });
        if let Err(errors) = spawned(scope).await {
            assert_eq!(shape(&errors), "[]");
        }
    });
}

/// Cancels its group, and is then refused.
fn refused(group: &Scope) -> Result<(), Refused> {
    group.cancel();
    group.spawn("late", async { Unit::Ok(()) }).map(drop)
}

#[test]
fn case_25_a_task_that_cancels_its_group_and_then_spawns_has_been_cancelled() {
    on_each_flavor(async || {
        let errors = TaskGroup::new("g")
            .scope(async |group: Scope| {
                let inner = group.clone();
                group.spawn("child", async move { refused(&inner) })?;
                pending::<Unit>().await
            })
            .await
            .unwrap_err();
        assert_eq!(
            (shape(&errors).as_str(), errors.cancelled_count()),
            ("[]", 1)
        );

        let errors = TaskGroup::new("g")
            .scope(async |group: Scope| Ok(refused(&group)?))
            .await
            .unwrap_err();
        assert_eq!(shape(&errors), "[]");

        TaskGroup::new("g")
            .scope(async |group: Scope| {
                let inner = group.clone();
                let blocks = group.spawn_blocking("blocks", move || refused(&inner))?;
                assert_eq!(blocks.value().await.map_err(drop), Err(()));
                Ok(())
            })
            .await
            .unwrap_err();
    });
}

/// An error in whose chain of causes a refusal stands.
fn wrapped(group: &Scope, how: &str) -> Result<(), BoxError> {
    let refused = refused(group);
    match how {
        "boxed" => Ok(refused?),
        "anyhow" => Ok(refused.map_err(anyhow::Error::from)?),
        "anyhow with context" => Ok(anyhow::Context::context(refused, "while it ran")?),
        "eyre" => Ok(refused.map_err(eyre::Report::from)?),
        _ => Ok(eyre::WrapErr::wrap_err(refused, "while it ran")?),
    }
}

#[test]
fn a_refusal_is_cancellation_whatever_it_is_wrapped_in() {
    on_each_flavor(async || {
        for how in [
            "boxed",
            "anyhow",
            "anyhow with context",
            "eyre",
            "eyre with context",
        ] {
            let errors = TaskGroup::new("g")
                .scope(async |group: Scope| {
                    let inner = group.clone();
                    group.spawn("child", async move { wrapped(&inner, how) })?;
                    pending::<Unit>().await
                })
                .await
                .unwrap_err();
            assert_eq!(shape(&errors), "[]", "{how}");
        }
    });
}

#[test]
fn a_group_that_was_cancelled_is_no_failure_whatever_it_is_wrapped_in() {
    async fn inner() -> Result<(), ErrorGroup> {
        TaskGroup::new("inner")
            .scope(async |group| {
                group.cancel();
                pending::<Unit>().await
            })
            .await
    }
    on_each_flavor(async || {
        let errors = TaskGroup::new("g").on_failure(OnFailure::WaitForAll);
        errors
            .scope(async |group| {
                group.spawn("anyhow", async { anyhow::Ok(inner().await?) })?;
                group.spawn("anyhow with context", async {
                    anyhow::Context::context(inner().await, "while it ran")
                })?;
                group.spawn("eyre", async { eyre::Ok(inner().await?) })?;
                Ok(())
            })
            .await
            .unwrap();
    });
}

#[test]
fn a_refusal_by_a_group_further_out_is_cancellation() {
    on_each_flavor(async || {
        let errors = TaskGroup::new("outermost")
            .scope(async |outermost: Scope| {
                let group = outermost.clone();
                outermost.spawn("middle", async move {
                    let middle = TaskGroup::new("middle").scope(async |_| {
                        let inner = TaskGroup::new("inner");
                        inner
                            .scope(async |inner| {
                                // Not in the task that is aborted, so that its end counts.
                                let blocks =
                                    inner.spawn_blocking("blocks", move || refused(&group))?;
                                Ok(blocks.value().await?)
                            })
                            .await?;
                        Ok(())
                    });
                    middle.await
                })?;
                pending::<Unit>().await
            })
            .await
            .unwrap_err();
        assert_eq!(shape(&errors), "[]");
    });
}

/// Names do not matter: here all groups have the same one.
#[test]
fn a_refusal_by_a_group_that_the_task_is_not_in_is_a_failure() {
    on_each_flavor(async || {
        let errors = TaskGroup::new("g")
            .on_failure(OnFailure::WaitForAll)
            .scope(async |group| {
                let over = TaskGroup::new("g")
                    .scope(async |over: Scope| Ok(over))
                    .await?;
                group.spawn("of one that is over", async move {
                    over.spawn("late", async { Unit::Ok(()) }).map(drop)
                })?;
                group.spawn("of one inside", async {
                    let mut refusal = Ok(());
                    let _ = TaskGroup::new("g")
                        .scope(async |inside: Scope| {
                            refusal = refused(&inside);
                            Ok(())
                        })
                        .await;
                    refusal
                })?;
                let (sender, sibling) = oneshot::channel();
                let gone = Arc::new(AtomicBool::new(false));
                let is_gone = Arc::clone(&gone);
                group.spawn("sibling", async move {
                    let inside = TaskGroup::new("g").scope(async |inside: Scope| {
                        let _ = sender.send(inside);
                        while !is_gone.load(Ordering::SeqCst) {
                            task::yield_now().await;
                        }
                        Ok(())
                    });
                    let _ = inside.await;
                    Unit::Ok(())
                })?;
                group.spawn("of one beside it", async move {
                    let refusal = refused(&sibling.await?);
                    gone.store(true, Ordering::SeqCst);
                    Ok::<_, BoxError>(refusal?)
                })?;
                Ok(())
            })
            .await
            .unwrap_err();
        let late = "task `late` was not spawned: group `g` is cancelled or has ended";
        assert_eq!(shape(&errors), format!("[{late}, {late}, {late}]"));
    });
}

#[test]
fn case_26_the_value_of_a_cancelled_sibling_is_cancellation_and_that_of_another_groups_is_not() {
    on_each_flavor(async || {
        let errors = TaskGroup::new("g")
            .scope(async |group| {
                let cancelled = group.spawn("cancelled", pending::<Unit>())?;
                cancelled.cancel();
                let awaits = group.spawn("awaits", async { cancelled.value().await })?;
                Ok(awaits.value().await?)
            })
            .await
            .unwrap_err();
        assert_eq!(
            (shape(&errors).as_str(), errors.cancelled_count()),
            ("[]", 2)
        );

        let errors = TaskGroup::new("g")
            .scope(async |_| {
                let inner = TaskGroup::new("g").scope(async |inner| {
                    let cancelled = inner.spawn("cancelled", pending::<Unit>())?;
                    cancelled.cancel();
                    Ok(cancelled)
                });
                let cancelled = inner.await?;
                Ok(anyhow::Context::context(
                    cancelled.value().await,
                    "while it ran",
                )?)
            })
            .await
            .unwrap_err();
        assert_eq!(shape(&errors), "[while it ran]");
    });
}

#[test]
fn the_value_of_a_sibling_that_failed_adds_no_failure() {
    on_each_flavor(async || {
        let errors = TaskGroup::new("g")
            .on_failure(OnFailure::WaitForAll)
            .scope(async |group| {
                let fails = group.spawn("fails", async { fail("boom") })?;
                assert!(
                    fails
                        .value()
                        .await
                        .unwrap_err()
                        .to_string()
                        .contains("no value")
                );
                let fails = group.spawn("fails", async { fail("boom") })?;
                Ok(fails.value().await?)
            })
            .await
            .unwrap_err();
        assert_eq!(shape(&errors), "[boom, boom]");
    });
}

#[test]
fn a_task_that_never_started_is_cancellation_if_it_was_cancelled_and_else_a_failure() {
    on_each_flavor(async || {
        let errors = TaskGroup::new("g")
            .on_failure(OnFailure::WaitForAll)
            .scope(async |group: Scope| {
                let inner = group.clone();
                group.spawn("starts another", async move {
                    let panics = |_: Started<()>| async {
                        let unlucky = true;
                        assert!(!unlucky, "boom");
                        Unit::Ok(())
                    };
                    inner.spawn_started("panics", panics).await
                })?;
                let inner = group.clone();
                group.spawn("forgotten", async move {
                    let forgets = |_: Started<()>| async { Unit::Ok(()) };
                    inner.spawn_started("forgets", forgets).await
                })?;
                Ok(())
            })
            .await
            .unwrap_err();
        let forgotten = "the task ended before it said that it had started";
        // Which task is spawned first depends on the threads.
        let shapes = [
            format!("[{forgotten}, panicked: boom]"),
            format!("[panicked: boom, {forgotten}]"),
        ];
        assert!(shapes.contains(&shape(&errors)), "{errors:?}");
        let mut failures = errors.failures().iter();
        assert!(failures.any(|failure| failure.downcast_ref::<NeverStarted>().is_some()));

        // The starter outlives the task that it waits for, as it is on a thread for blocking work.
        let errors = TaskGroup::new("g")
            .scope(async |group: Scope| {
                let (inner, runtime) = (group.clone(), tokio::runtime::Handle::current());
                group.spawn_blocking("blocks", move || {
                    let never = |_: Started<()>| pending::<Unit>();
                    let started = {
                        let _entered = runtime.enter();
                        inner.spawn_started("never", never)
                    };
                    inner.cancel();
                    runtime.block_on(started)
                })?;
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
fn refusals_and_missing_values_say_why() {
    on_each_flavor(async || {
        let over = TaskGroup::new("g").scope(async |over: Scope| Ok(over));
        let over = over.await.unwrap();
        let late = || over.spawn("late", async { Unit::Ok(()) }).unwrap_err();
        assert_eq!(late(), late());
        let other = TaskGroup::new("g").scope(async |over: Scope| Ok(over));
        let other = other.await.unwrap();
        assert_ne!(
            late(),
            other.spawn("late", async { Unit::Ok(()) }).unwrap_err()
        );

        let none: NoValue = TaskGroup::new("g")
            .scope(async |group| {
                let cancelled = group.spawn("cancelled", pending::<Unit>())?;
                cancelled.cancel();
                Ok(cancelled.value().await.unwrap_err())
            })
            .await
            .unwrap();
        assert_eq!(
            format!("{:#}", anyhow::Error::from(none)),
            "the task has no value: it failed or was cancelled"
        );
    });
}
