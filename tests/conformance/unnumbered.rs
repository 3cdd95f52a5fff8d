//! Cases without a number, and whose they are: asyncio's (C), trio's (T), anyio's (A), or another's.

use std::future::{Future, pending};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::runtime::{Builder, Handle};
use tokio::sync::oneshot;
use tokio::task;
use unstuck::{
    BoxError, Children, ErrorGroup, Failure, NeverStarted, OnFailure, Scope, Started, TaskGroup,
};

use crate::clean_up::{Bomb, CleanUp, CleanUps, bombed, sleeper, until_alive};
use crate::failing::{Unit, fail, shape};
use crate::flavor::on_each_flavor;

/// C, T: cancelling is no failure, and neither is doing it twice.
#[test]
fn a_child_cancels_its_group_while_that_drains_and_the_body_keeps_its_value() {
    on_each_flavor(async || {
        let clean = CleanUps::default();
        let value = TaskGroup::new("g")
            .scope(async |group: Scope| {
                for _ in 0..3 {
                    group.spawn("sleeper", sleeper(clean.guard()))?;
                }
                let (inner, clean) = (group.clone(), clean.clone());
                group.spawn("cancels", async move {
                    clean.asleep(3).await;
                    inner.cancel();
                    inner.cancel();
                    Unit::Ok(())
                })?;
                Ok("the body's")
            })
            .await
            .unwrap();
        assert_eq!((value, clean.ran()), ("the body's", 3));
    });
}

type Run = Pin<Box<dyn Future<Output = Unit> + Send>>;

/// Groups within groups, each in a child of the one around it, around a sleeper.
fn nested(levels: usize, guard: CleanUp) -> Run {
    Box::pin(async move {
        if levels == 0 {
            return sleeper(guard).await;
        }
        let group = TaskGroup::new("nested").scope(async |group| {
            group.spawn("child", nested(levels - 1, guard))?;
            Ok(())
        });
        Ok(group.await?)
    })
}

/// A, T: cancellation goes all the way down, and the outermost waits for what is at the bottom.
#[test]
fn a_group_ends_after_the_clean_up_of_the_innermost_of_many() {
    on_each_flavor(async || {
        for levels in [1, 2, 5, 100] {
            let clean = CleanUps::default();
            let errors = TaskGroup::new("outermost")
                .scope(async |group| {
                    group.spawn("child", nested(levels, clean.guard()))?;
                    clean.asleep(1).await;
                    fail("boom")
                })
                .await
                .unwrap_err();
            assert_eq!((shape(&errors).as_str(), clean.ran()), ("[boom]", 1));
        }
    });
}

fn hydra(group: Scope, heads: Arc<AtomicUsize>) -> Run {
    Box::pin(async move {
        if heads.fetch_add(1, Ordering::SeqCst) > 1_000 {
            return pending().await;
        }
        task::yield_now().await;
        for _ in 0..2 {
            group.spawn("head", hydra(group.clone(), Arc::clone(&heads)))?;
        }
        Ok(())
    })
}

/// C: a group that grows without end still ends at the first error.
#[test]
fn a_group_whose_children_spawn_two_each_is_brought_down_by_one_error() {
    on_each_flavor(async || {
        let heads = Arc::new(AtomicUsize::new(0));
        let before = Handle::current().metrics().num_alive_tasks();
        let errors = TaskGroup::new("g")
            .scope(async |group: Scope| {
                group.spawn("hydra", hydra(group.clone(), Arc::clone(&heads)))?;
                let heads = Arc::clone(&heads);
                group.spawn("hercules", async move {
                    while heads.load(Ordering::SeqCst) < 10 {
                        task::yield_now().await;
                    }
                    fail("slain")
                })?;
                Ok(())
            })
            .await
            .unwrap_err();
        // A head that was just being polled was refused its children: that is no failure.
        assert_eq!(shape(&errors), "[slain]");
        until_alive(before).await;
    });
}

/// C: one child can be cancelled without the others; here, by a group of its own.
#[test]
fn one_child_is_cancelled_alone_and_everything_goes_on() {
    on_each_flavor(async || {
        let clean = CleanUps::default();
        let guard = clean.guard();
        let (first, second) = TaskGroup::new("g")
            .scope(async |group| {
                let (sender, alone) = oneshot::channel::<Scope>();
                let first = group.spawn("first", async {
                    let group = TaskGroup::new("alone").scope(async |group| {
                        let _ = sender.send(group);
                        sleeper(guard).await?;
                        Ok(42)
                    });
                    match group.await {
                        Err(errors) if errors.failures().is_empty() => Ok(None),
                        ended => ended.map(Some),
                    }
                })?;
                alone.await?.cancel();
                let second = group.spawn("second", async { Ok::<_, BoxError>(11) })?;
                Ok((first.value().await?, second.value().await?))
            })
            .await
            .unwrap();
        assert_eq!((first, second, clean.ran()), (None, 11, 1));
    });
}

/// Java's `anySuccessfulResultOrThrow`, Swift's `cancelAll`.
#[test]
fn the_first_value_wins_the_others_are_cancelled_and_that_is_no_error() {
    on_each_flavor(async || {
        let clean = CleanUps::default();
        let winner = TaskGroup::new("race")
            .scope(async |group| {
                for _ in 0..3 {
                    group.spawn("slow", sleeper(clean.guard()))?;
                }
                let fast = group.spawn("fast", async { Ok::<_, BoxError>("fast") })?;
                let winner = fast.value().await?;
                clean.asleep(3).await;
                group.cancel();
                Ok(winner)
            })
            .await
            .unwrap();
        assert_eq!((winner, clean.ran()), ("fast", 3));
    });
}

/// Java's `allUntil`: what is enough is up to whoever reads.
#[test]
fn values_are_read_until_there_are_enough_and_the_rest_is_cancelled() {
    on_each_flavor(async || {
        let clean = CleanUps::default();
        let sum = TaskGroup::new("g")
            .scope(async |group| {
                let mut children = Children::new();
                for _ in 0..3 {
                    let sleeper = sleeper(clean.guard());
                    children.push(group.spawn("sleeper", async {
                        sleeper.await?;
                        Ok::<_, BoxError>(0)
                    })?);
                }
                clean.asleep(3).await;
                for n in 1..=9 {
                    children.push(group.spawn_infallible("number", async move { n })?);
                }
                let mut sum = 0;
                while sum < 10
                    && let Some((_, n)) = children.next().await
                {
                    sum += n;
                }
                group.cancel();
                Ok(sum)
            })
            .await
            .unwrap();
        assert!(sum >= 10);
        assert_eq!(clean.ran(), 3);
    });
}

/// C, from 3.15: `TaskGroup.cancel`: by a task of a group within, and whatever else is going on.
#[test]
fn a_group_is_cancelled_by_a_task_of_a_group_inside_it_and_its_errors_are_kept() {
    on_each_flavor(async || {
        let clean = CleanUps::default();
        let errors = TaskGroup::new("outer")
            .scope(async |outer: Scope| {
                outer.spawn("sleeper", sleeper(clean.guard()))?;
                outer.spawn("bombed", bombed(Bomb("in clean-up")))?;
                let (group, asleep) = (outer.clone(), clean.clone());
                outer.spawn("inner", async move {
                    let inner = TaskGroup::new("inner").scope(async |inner: Scope| {
                        inner.spawn("cancels", async move {
                            asleep.asleep(1).await;
                            group.cancel();
                            group.cancel();
                            pending::<Unit>().await
                        })?;
                        Ok(())
                    });
                    inner.await
                })?;
                Ok("the body's")
            })
            .await
            .unwrap_err();
        assert_eq!(shape(&errors), "[panicked: in clean-up]");
        assert_eq!(clean.ran(), 1);
    });
}

/// C, from 3.15: before the body fails, after a task has failed, and after the group has ended.
#[test]
fn a_cancellation_hides_no_error_whichever_comes_first() {
    on_each_flavor(async || {
        let errors = TaskGroup::new("g")
            .scope(async |group: Scope| {
                group.cancel();
                fail("after")
            })
            .await
            .unwrap_err();
        assert_eq!(shape(&errors), "[after]");

        let errors = TaskGroup::new("g")
            .on_failure(OnFailure::WaitForAll)
            .scope(async |group: Scope| {
                let fails = group.spawn("fails", async { fail("before") })?;
                assert!(fails.value().await.is_err());
                group.cancel();
                pending::<Unit>().await
            })
            .await
            .unwrap_err();
        assert_eq!(shape(&errors), "[before]");

        let ended = TaskGroup::new("g").scope(async |group: Scope| Ok(group));
        let group = ended.await.unwrap();
        group.cancel();
        assert!(group.is_empty());
    });
}

/// A: the starter waits in an inner group for a task of the outer one.
#[test]
fn a_starter_whose_group_fails_leaves_the_task_to_the_group_that_it_was_spawned_into() {
    on_each_flavor(async || {
        let clean = CleanUps::default();
        let guard = clean.guard();
        let errors = TaskGroup::new("outer")
            .scope(async |outer| {
                let inner = TaskGroup::new("inner").scope(async |inner| {
                    let clean = clean.clone();
                    inner.spawn("fails", async move {
                        clean.asleep(1).await;
                        fail("boom")
                    })?;
                    let never = |_: Started<()>| sleeper(guard);
                    outer.spawn_started("never starts", never).await
                });
                Ok(inner.await?)
            })
            .await
            .unwrap_err();
        assert_eq!(shape(&errors), "[[boom]]");
        assert_eq!((errors.cancelled_count(), clean.ran()), (1, 1));
    });
}

/// T: whoever says it, and whenever.
#[test]
fn started_may_be_said_by_another_task_or_too_late_and_without_a_starter_all_is_the_groups() {
    on_each_flavor(async || {
        let errors = TaskGroup::new("g")
            .on_failure(OnFailure::WaitForAll)
            .scope(async |group| {
                let by_another = |started: Started<_>| async {
                    task::spawn(async { started.say(8080) }).await?;
                    Unit::Ok(())
                };
                assert_eq!(group.spawn_started("server", by_another).await?, 8080);

                let mut kept = None;
                let silent = group.spawn_started("silent", |started: Started<u16>| {
                    kept = Some(started);
                    async { Unit::Ok(()) }
                });
                assert!(silent.await.unwrap_err().is::<NeverStarted>());
                kept.unwrap().say(8080);

                let (gone, starter_is_gone) = oneshot::channel();
                let early = |_: Started<u16>| async {
                    starter_is_gone.await?;
                    fail("too early, and to nobody")
                };
                drop(group.spawn_started("early", early));
                let _ = gone.send(());
                Ok(())
            })
            .await
            .unwrap_err();
        assert_eq!(shape(&errors), "[too early, and to nobody]");
    });
}

/// Children on a runtime that goes down before the group does.
#[test]
fn what_goes_down_with_another_runtime_is_told_to_the_group() {
    on_each_flavor(async || {
        let elsewhere = Builder::new_multi_thread()
            .worker_threads(1)
            .build()
            .unwrap();
        let errors = TaskGroup::new("g")
            .on_failure(OnFailure::WaitForAll)
            .scope(async |group| {
                let entered = elsewhere.enter();
                group.spawn("bombed", bombed(Bomb("with its runtime")))?;
                let cut_off = group.spawn("cut off", pending::<Unit>())?;
                drop(entered);
                elsewhere.shutdown_background();
                assert!(cut_off.value().await.is_err());
                Ok(())
            })
            .await
            .unwrap_err();
        assert_eq!(shape(&errors), "[panicked: with its runtime]");
        assert_eq!(errors.cancelled_count(), 1);
    });
}

/// Spawns a task when it is dropped, if it may.
struct Spawner(Scope, Option<CleanUp>);

impl Drop for Spawner {
    fn drop(&mut self) {
        let guard = self.1.take();
        let last = async move {
            let _guard = guard;
            task::yield_now().await;
            fail("last words")
        };
        let _ = self.0.spawn("last", last);
    }
}

/// C, A: what is spawned by clean-up.
#[test]
fn a_destructor_spawns_into_a_group_that_runs_and_not_into_one_that_is_cancelled() {
    on_each_flavor(async || {
        for (cancelled, outcome) in [(false, "[last words]"), (true, "[body]")] {
            let clean = CleanUps::default();
            let errors = TaskGroup::new("g")
                .scope(async |group: Scope| {
                    let spawner = Spawner(group.clone(), Some(clean.guard()));
                    group.spawn("child", async move {
                        let _spawner = spawner;
                        if cancelled {
                            pending::<()>().await;
                        }
                        Unit::Ok(())
                    })?;
                    if cancelled { fail("body") } else { Ok(()) }
                })
                .await
                .unwrap_err();
            assert_eq!((shape(&errors).as_str(), clean.ran()), (outcome, 1));
        }
    });
}

enum Part {
    Error(&'static str),
    Group(&'static str, Vec<Part>),
}

fn made_of(
    name: &'static str,
    parts: Vec<Part>,
) -> Pin<Box<dyn Future<Output = Result<(), ErrorGroup>> + Send>> {
    Box::pin(
        TaskGroup::new(name)
            .on_failure(OnFailure::WaitForAll)
            .scope(async |group| {
                for part in parts {
                    match part {
                        Part::Error(text) => drop(group.spawn(text, async { fail(text) })?),
                        Part::Group(name, parts) => drop(group.spawn(name, made_of(name, parts))?),
                    }
                }
                Ok(())
            }),
    )
}

/// C: what taking an exception group apart is tested for (PEP 654).
#[test]
fn split_asks_for_leaves_in_order_and_each_part_keeps_shape_names_places_and_counts() {
    on_each_flavor(async || {
        use Part::{Error, Group};
        let parts = vec![
            Group(
                "a",
                vec![
                    Group("b", vec![Error("v1"), Error("t"), Error("v2")]),
                    Group("c", vec![Error("t")]),
                    Error("v3"),
                ],
            ),
            Error("v4"),
        ];
        let errors = made_of("root", parts).await.unwrap_err();
        let (opened_at, id) = (errors.opened_at(), errors.failures()[0].id());
        let mut asked = Vec::new();
        let (values, types) = errors.split(|failure| {
            asked.push(failure.task().to_owned());
            failure.task().starts_with('v')
        });
        assert_eq!(asked, ["v1", "t", "v2", "t", "v3", "v4"]);
        let (values, types) = (values.unwrap(), types.unwrap());
        assert_eq!(shape(&values), "[[[v1, v2], v3], v4]");
        assert_eq!(shape(&types), "[[[t], [t]]]");
        for part in [&values, &types] {
            assert_eq!((part.name(), part.opened_at()), ("root", opened_at.clone()));
            let first = &part.failures()[0];
            assert_eq!((first.task(), first.id()), ("a", id));
            assert!(matches!(first.failure(), Failure::Group(inner) if inner.name() == "a"));
        }

        let errors = TaskGroup::new("g").scope(async |group| {
            group.spawn("sleeps", pending::<Unit>())?;
            fail("boom")
        });
        let (all, none) = errors.await.unwrap_err().split(|_| true);
        assert_eq!((all.unwrap().cancelled_count(), none.is_none()), (1, true));
    });
}
