//! Groups within groups, and scopes that are dropped there.

use std::future::{Future, pending};
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Waker};
use std::time::{Duration, Instant};

use tokio::sync::oneshot;
use tokio::task;
use unstuck::{ErrorGroup, OnFailure, TaskGroup};

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

/// Groups within groups, each in a child of the one around it. Says so once the innermost task runs.
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

/// Cancels so many groups within groups. How long that takes.
async fn cancel_nested(levels: usize) -> Duration {
    let (inside, is_inside) = oneshot::channel();
    let mut cancelled_at = None;
    let errors = TaskGroup::new("outermost")
        .scope(async |group| {
            group.spawn("child", nested(levels, inside))?;
            is_inside.await?;
            cancelled_at = Some(Instant::now());
            fail("enough")
        })
        .await
        .unwrap_err();
    assert_eq!(shape(&errors), "[enough]");
    cancelled_at.unwrap().elapsed()
}

/// They are cancelled, and then dropped, one after the other: the stack has no room for all at once.
#[test]
fn thousands_of_groups_within_groups_come_to_their_end() {
    const LEVELS: usize = if cfg!(miri) { 20 } else { 10_000 };
    on_each_flavor(async || {
        cancel_nested(LEVELS).await;
    });
}

/// Four times as many take four times as long. It would be 16 times if each group looked at all around it.
#[tokio::test]
#[cfg_attr(miri, ignore = "measures time")]
async fn case_34_nested_groups_are_cancelled_in_linear_time() {
    let mut ratio = f64::INFINITY;
    // What else the machine does can only make it longer.
    for _ in 0..10 {
        let few = cancel_nested(4_000).await;
        let many = cancel_nested(16_000).await;
        ratio = ratio.min(many.as_secs_f64() / few.as_secs_f64());
        if ratio < 6.0 {
            return;
        }
    }
    panic!("four times as many groups take {ratio:.1} times as long");
}
