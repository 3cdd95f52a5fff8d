//! What a task group can do besides: deadlines, turns, blocking tasks, and its errors taken apart.

mod failing;
mod flavor;

use std::future::{Future, Ready, pending};
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::sync::{Barrier, oneshot};
use tokio::task::{self, LocalSet};
use tokio::time::{Instant, sleep};
use unstuck::{BoxError, ErrorGroup, Failure, NeverStarted, OnFailure, Scope, Started, TaskGroup};

use failing::{Unit, fail, shape};
use flavor::on_each_flavor;

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
fn a_blocking_task_is_waited_for() {
    on_each_flavor(async || {
        let (begun, has_begun) = oneshot::channel();
        let errors = TaskGroup::new("g")
            .scope(async |group: Scope| {
                let inner = group.clone();
                let value = group.spawn_blocking("value", || Ok::<_, BoxError>(7))?;
                assert_eq!(value.value().await, Some(7));
                group.spawn_blocking("looks", move || {
                    let _ = begun.send(());
                    while !inner.is_stopping() {
                        std::thread::yield_now();
                    }
                    fail("it was stopped")
                })?;
                has_begun.await?;
                fail("body")
            })
            .await
            .unwrap_err();
        assert_eq!(shape(&errors), "[body, it was stopped]");
    });
}

#[test]
fn a_blocking_task_that_has_not_begun_is_cancelled() {
    on_each_flavor(async || {
        let errors = TaskGroup::new("g")
            .scope(async |group| {
                let (begun, has_begun) = oneshot::channel();
                let (go_on, may_go_on) = oneshot::channel::<()>();
                group.spawn_blocking("has the thread", || {
                    let _ = begun.send(());
                    may_go_on.blocking_recv()
                })?;
                has_begun.await?;
                group.spawn_blocking("waits for it", || fail("it never runs"))?;
                group.cancel();
                let _ = go_on.send(());
                fail("body")
            })
            .await
            .unwrap_err();
        assert_eq!((shape(&errors).as_str(), errors.cancelled()), ("[body]", 1));
    });
}

#[test]
fn a_panic_of_a_blocking_task_is_kept() {
    on_each_flavor(async || {
        let errors = TaskGroup::new("g")
            .scope(async |group| {
                group.spawn_blocking("panics", || -> Unit { panic!("blocked") })?;
                Ok(())
            })
            .await
            .unwrap_err();
        assert_eq!(shape(&errors), "[panicked: blocked]");
    });
}

/// Plays a group that lets one task run at a time: the first, and then, while others wait for their
/// turn, `then`.
async fn with_others_waiting(then: impl Fn(Scope) -> Unit + Copy + Send + 'static) -> ErrorGroup {
    let outcome: Result<(), _> = TaskGroup::new("g")
        .limit(1)
        .scope(async |group| {
            let (begun, has_begun) = oneshot::channel();
            let (go_on, may_go_on) = oneshot::channel();
            let scope = group.clone();
            group.spawn("first", async move {
                let _ = begun.send(());
                may_go_on.await?;
                then(scope)?;
                pending::<Unit>().await
            })?;
            has_begun.await?;
            for _ in 0..20 {
                group.spawn("next", async { fail("it never runs") })?;
            }
            let _ = go_on.send(());
            pending().await
        })
        .await;
    outcome.unwrap_err()
}

#[test]
fn tasks_that_wait_for_their_turn_are_cancelled_with_the_others() {
    on_each_flavor(async || {
        for _ in 0..100 {
            let errors = with_others_waiting(|_| fail("boom")).await;
            assert_eq!(
                (shape(&errors).as_str(), errors.cancelled()),
                ("[boom]", 20)
            );
            let errors = with_others_waiting(|group| {
                group.cancel();
                Ok(())
            })
            .await;
            assert_eq!((shape(&errors).as_str(), errors.cancelled()), ("[]", 21));
        }
    });
}

/// A poll from outside any task, and a group with no runtime under it, are no different.
#[test]
fn a_group_without_children_needs_no_runtime() {
    let mut group = pin!(TaskGroup::new("g").scope(async |_| Ok(1)));
    let polled = group.as_mut().poll(&mut Context::from_waker(Waker::noop()));
    assert!(matches!(polled, Poll::Ready(Ok(1))));
}

#[test]
fn a_sleep_in_the_body_does_not_keep_children_from_running() {
    on_each_flavor(async || {
        TaskGroup::new("g")
            .scope(async |group| {
                let (done, is_done) = oneshot::channel();
                group.spawn("child", async move {
                    sleep(Duration::from_millis(1)).await;
                    let _ = done.send(());
                    Ok::<_, BoxError>(())
                })?;
                Ok(is_done.await?)
            })
            .await
            .unwrap();
    });
}

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
                            assert_eq!(fails.value().await, None);
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

/// A group that fails with these texts, and with inner groups where one has several.
async fn failing(texts: &[&'static [&'static str]]) -> ErrorGroup {
    let group = TaskGroup::new("outer").on_failure(OnFailure::WaitForAll);
    let ended = group.scope(async |group| {
        for (n, texts) in texts.iter().copied().enumerate() {
            group.spawn(format!("task-{n}"), async move {
                match texts {
                    [text] => fail(text),
                    texts => Ok(Box::pin(inner(texts)).await?),
                }
            })?;
        }
        Ok(())
    });
    ended.await.unwrap_err()
}

async fn inner(texts: &'static [&'static str]) -> Result<(), ErrorGroup> {
    let group = TaskGroup::new("inner").on_failure(OnFailure::WaitForAll);
    let ended = group.scope(async |group| {
        for text in texts {
            group.spawn(*text, async move { fail(text) })?;
        }
        Ok(())
    });
    ended.await
}

#[tokio::test]
async fn split_keeps_the_shape_and_drops_what_is_empty() {
    let errors = failing(&[&["a"], &["b", "a"], &["b", "c"]]).await;
    assert_eq!(errors.len(), 5);
    let (matching, rest) = errors.split(|failure| failure.failure().to_string() == "a");
    assert_eq!(shape(&matching.unwrap()), "[a, [a]]");
    assert_eq!(shape(&rest.unwrap()), "[[b], [b, c]]");

    let errors = failing(&[&["a"], &["a", "a"]]).await;
    let (matching, rest) = errors.split(|failure| failure.failure().to_string() == "a");
    assert_eq!(shape(&matching.unwrap()), "[a, [a, a]]");
    assert!(rest.is_none());
    assert!(failing(&[&["a"]]).await.filter(|_| false).is_none());
}

#[tokio::test]
async fn an_error_can_be_had_back_as_what_it_was() {
    let errors = TaskGroup::new("g")
        .scope(async |group| {
            group.spawn("parses", async { "x".parse::<u8>() })?;
            Ok(())
        })
        .await
        .unwrap_err();
    let Failure::Error(error) = errors.failures()[0].failure() else {
        panic!("it was an error");
    };
    assert!(error.is::<std::num::ParseIntError>());
}

#[tokio::test]
async fn a_large_tree_is_folded_and_cut() {
    let mut texts: Vec<&[&str]> = vec![&["same"]; 100];
    texts.extend([&["different"] as &[_], &["deep", "deeper"]]);
    texts.extend([&["x"] as &[_], &["y"], &["x"], &["y"]]);
    let errors = failing(&texts).await;
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path("../snapshots");
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.add_filter(r"group\.rs:\d+", "group.rs:[line]");
    settings.bind(|| {
        insta::assert_snapshot!("error-tree-folded", errors.tree().width(4));
        insta::assert_snapshot!("error-tree-flat", errors.tree().depth(1));
    });
}

#[test]
fn many_failures_at_once_are_all_kept_whatever_the_policy() {
    on_each_flavor(async || {
        const CHILDREN: usize = 20_000;
        for on_failure in [OnFailure::WaitForAll, OnFailure::Cancel] {
            // None fails before all of them are there.
            let all = Arc::new(Barrier::new(CHILDREN));
            let errors = TaskGroup::new("g")
                .on_failure(on_failure)
                .scope(async |group| {
                    for _ in 0..CHILDREN {
                        let all = Arc::clone(&all);
                        group.spawn("child", async move {
                            all.wait().await;
                            fail("boom")
                        })?;
                    }
                    Ok(())
                })
                .await
                .unwrap_err();
            assert_eq!(errors.len() + errors.cancelled(), CHILDREN);
            assert!(on_failure == OnFailure::Cancel || errors.cancelled() == 0);
        }
    });
}

/// Local tasks can't be sent to another thread, but fail and are cancelled as the others are.
#[test]
fn a_local_task_that_fails_cancels_the_others_of_its_group() {
    let in_group = async || {
        let alive = Rc::new(());
        let errors = TaskGroup::new("g")
            .scope(async |group| {
                let held = Rc::clone(&alive);
                group.spawn_local("waits", async move {
                    let ended = pending::<Unit>().await;
                    drop(held);
                    ended
                })?;
                group.spawn("elsewhere", pending::<Unit>())?;
                let held = Rc::clone(&alive);
                group.spawn_local("fails", async move {
                    task::yield_now().await;
                    drop(held);
                    fail("boom")
                })?;
                Ok(())
            })
            .await
            .unwrap_err();
        assert_eq!((shape(&errors).as_str(), errors.cancelled()), ("[boom]", 2));
        assert_eq!(Rc::strong_count(&alive), 1);
    };
    on_each_flavor(async || LocalSet::new().run_until(in_group()).await);
}

#[test]
fn local_tasks_that_go_down_with_their_set_are_reported_to_their_group() {
    on_each_flavor(async || {
        let local = LocalSet::new();
        let (sender, group) = oneshot::channel();
        let scope = TaskGroup::new("g").scope(async |group| {
            let _ = sender.send(group);
            pending().await
        });
        let scope = task::spawn(scope);
        let group: Scope = group.await.unwrap();
        local
            .run_until(async { group.spawn_local("child", pending::<Unit>()) })
            .await
            .unwrap();
        drop(local);
        group.cancel();
        let outcome: Result<(), _> = scope.await.unwrap();
        assert_eq!(outcome.unwrap_err().cancelled(), 1);
    });
}

#[test]
fn a_group_that_has_ended_keeps_nobody_waiting_for_it_to_stop() {
    on_each_flavor(async || {
        let (sender, scope) = oneshot::channel();
        let (ready, is_ready) = oneshot::channel();
        let outsider = task::spawn(async move {
            let scope: Scope = scope.await.unwrap();
            let mut stopping = pin!(scope.stopping());
            // It waits before the group goes on.
            assert!(futures_util::poll!(&mut stopping).is_pending());
            let _ = ready.send(());
            stopping.await;
        });
        TaskGroup::new("g")
            .scope(async |group| {
                let _ = sender.send(group);
                Ok(is_ready.await?)
            })
            .await
            .unwrap();
        outsider.await.unwrap();
    });
}

#[test]
fn a_task_that_panics_keeps_its_starter_waiting_no_longer_than_it_lives() {
    on_each_flavor(async || {
        let mut elsewhere = None;
        let errors = TaskGroup::new("g")
            .scope(async |group| {
                let started = group.spawn_started("panics", |started: Started<()>| {
                    elsewhere = Some(started);
                    async {
                        task::yield_now().await;
                        panic!("boom");
                        #[expect(unreachable_code, reason = "it says what the task returns")]
                        Ok::<_, BoxError>(())
                    }
                });
                assert!(started.await.unwrap_err().is::<NeverStarted>());
                Ok(())
            })
            .await
            .unwrap_err();
        assert_eq!(shape(&errors), "[panicked: boom]");
        drop(elsewhere);
    });
}

#[test]
fn a_boxed_error_of_a_group_is_a_group_still() {
    on_each_flavor(async || {
        let inner = async {
            let group = TaskGroup::new("inner");
            let outcome = group.scope(async |_| fail("boom")).await;
            outcome.map_err(Box::new)
        };
        let errors = TaskGroup::new("outer")
            .scope(async |group| {
                group.spawn("inner", inner)?;
                Ok(())
            })
            .await
            .unwrap_err();
        assert_eq!(shape(&errors), "[[boom]]");
    });
}

/// Turns into an error of any kind with a panic.
struct Unprintable;

impl From<Unprintable> for BoxError {
    fn from(_: Unprintable) -> Self {
        panic!("no words for it")
    }
}

#[test]
fn an_error_that_panics_on_its_way_to_the_group_is_a_panic_of_the_task() {
    on_each_flavor(async || {
        let errors = TaskGroup::new("g")
            .on_failure(OnFailure::WaitForAll)
            .scope(async |group| {
                group.spawn("task", async { Err::<(), _>(Unprintable) })?;
                group.spawn_blocking("blocking", || Err::<(), _>(Unprintable))?;
                Ok(())
            })
            .await
            .unwrap_err();
        let panicked = "panicked: no words for it";
        assert_eq!(shape(&errors), format!("[{panicked}, {panicked}]"));
    });
}

/// Panics when it is dropped.
struct Bomb;

impl Drop for Bomb {
    fn drop(&mut self) {
        assert!(std::thread::panicking(), "the value");
    }
}

#[test]
fn a_value_of_the_body_that_panics_while_it_is_dropped_takes_no_error_with_it() {
    on_each_flavor(async || {
        let ended = TaskGroup::new("g").scope(async |group| {
            group.spawn("fails", async { fail("kept") })?;
            Ok(Bomb)
        });
        let errors = ended.await.map(std::mem::forget).unwrap_err();
        assert_eq!(shape(&errors), "[panicked: the value, kept]");
    });
}

#[test]
fn a_body_that_panics_before_it_gives_its_future_is_caught() {
    on_each_flavor(async || {
        let body = |group: Scope| {
            assert!(group.is_stopping(), "early");
            async { Unit::Ok(()) }
        };
        let errors = TaskGroup::new("g").scope(body).await.unwrap_err();
        assert_eq!(shape(&errors), "[panicked: early]");
    });
}

#[test]
fn a_scope_whose_body_panicked_early_takes_its_children_with_it() {
    on_each_flavor(async || {
        let before = alive();
        let body = |group: Scope| -> Ready<Unit> {
            group.spawn("child", pending::<Unit>()).unwrap();
            panic!("early")
        };
        let group = TaskGroup::new("g").on_failure(OnFailure::WaitForAll);
        let mut scope = Box::pin(group.scope(body));
        let polled = scope.as_mut().poll(&mut Context::from_waker(Waker::noop()));
        assert!(polled.is_pending(), "it waits for the child");
        drop(scope);
        until_alive(before).await;
    });
}

#[test]
fn an_error_that_its_starter_never_reads_is_the_groups() {
    on_each_flavor(async || {
        let errors = TaskGroup::new("g")
            .scope(async |group| {
                let before = alive();
                let early = group.spawn_started("early", |_: Started<()>| async { fail("unread") });
                // It has ended by the time at which its starter is gone.
                until_alive(before).await;
                drop(early);
                Ok(())
            })
            .await
            .unwrap_err();
        assert_eq!(shape(&errors), "[unread]");
        assert_eq!(errors.failures()[0].task(), "early");
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
                Ok(child.value().await)
            })
            .await
            .unwrap();
        assert_eq!(value, None);
        let errors = TaskGroup::new("outer")
            .scope(async |_| Ok(cancelled().await?))
            .await
            .unwrap_err();
        assert!(errors.is_empty());
        assert_eq!(errors.to_string(), "task group `outer` was cancelled");
    });
}

#[test]
fn one_task_is_cancelled_alone() {
    on_each_flavor(async || {
        let (cancelled, other) = TaskGroup::new("g")
            .scope(async |group| {
                let endless = group.spawn("endless", pending::<Unit>())?;
                let other = group.spawn("other", async { Ok::<_, BoxError>(11) })?;
                endless.cancel();
                Ok((endless.value().await, other.value().await))
            })
            .await
            .unwrap();
        assert_eq!((cancelled, other), (None, Some(11)));
    });
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

#[test]
fn any_number_is_a_limit() {
    on_each_flavor(async || {
        let group = TaskGroup::new("g").limit(usize::MAX).scope(async |group| {
            group.spawn("child", async { Unit::Ok(()) })?;
            Ok(())
        });
        group.await.unwrap();
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
        assert_eq!(Arc::strong_count(&token), 1, "nobody is left to have it");
    });
}

fn alive() -> usize {
    Handle::current().metrics().num_alive_tasks()
}

async fn until_alive(tasks: usize) {
    while alive() > tasks {
        task::yield_now().await;
    }
}

/// They are cancelled, and then let go of, one after the other: the stack has no room for all at once.
#[test]
fn thousands_of_groups_within_groups_come_to_their_end() {
    const LEVELS: usize = 10_000;
    fn nested(
        levels: usize,
        inside: oneshot::Sender<()>,
    ) -> Pin<Box<dyn Future<Output = Unit> + Send>> {
        Box::pin(async move {
            if levels == 0 {
                let _ = inside.send(());
                return pending().await;
            }
            let group = TaskGroup::new("g").scope(async |group| {
                group.spawn("child", nested(levels - 1, inside))?;
                Ok(())
            });
            Ok(group.await?)
        })
    }
    on_each_flavor(async || {
        let (inside, is_inside) = oneshot::channel();
        let errors = TaskGroup::new("outermost")
            .scope(async |group| {
                group.spawn("child", nested(LEVELS, inside))?;
                is_inside.await?;
                fail("enough")
            })
            .await
            .unwrap_err();
        assert_eq!(shape(&errors), "[enough]");
    });
}

#[tokio::test]
async fn errors_that_differ_in_their_causes_are_each_told_of() {
    let errors = TaskGroup::new("g")
        .on_failure(OnFailure::WaitForAll)
        .scope(async |group| {
            for n in 0..6 {
                let error = async move {
                    Err::<(), _>(anyhow::anyhow!("cause {n}").context("query failed"))
                };
                group.spawn("query", error)?;
            }
            Ok(())
        })
        .await
        .unwrap_err();
    let tree = errors.tree().to_string();
    for n in 0..6 {
        assert!(tree.contains(&format!("caused by: cause {n}")), "{tree}");
    }
}
