//! What none of the others promises, because only Rust can: numbered on. Case 20 is `tests/conservation.rs`.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::Poll;

use tokio::runtime::Handle;
use tokio::sync::Barrier;
use tokio::task;
use unstuck::{BoxError, ErrorGroup, Failure, OnFailure, Scope, TaskGroup};

use crate::clean_up::{Bomb, CleanUps, bombed, until_alive};
use crate::failing::{Unit, fail, shape};
use crate::flavor::on_each_flavor;

#[test]
fn case_21_a_panic_keeps_its_payload_its_name_and_its_line() {
    on_each_flavor(async || {
        let mut errors = TaskGroup::new("g")
            .scope(async |group| {
                group.spawn("thrower", async {
                    if true {
                        std::panic::panic_any(7_u64);
                    }
                    Unit::Ok(())
                })?;
                Ok(())
            })
            .await
            .unwrap_err();
        let failure = &errors.failures()[0];
        assert_eq!(failure.task(), "thrower");
        assert!(failure.spawned_at().file().ends_with("only_rust.rs"));
        let Failure::Panic(panic) = errors.into_failures().remove(0).into_failure() else {
            panic!("it was a panic");
        };
        assert_eq!(panic.into_payload().downcast_ref(), Some(&7_u64));

        errors = TaskGroup::new("g")
            .scope(async |group| {
                group.spawn("bombed", bombed(Bomb("while cancelled")))?;
                fail("body")
            })
            .await
            .unwrap_err();
        assert_eq!(shape(&errors), "[body, panicked: while cancelled]");
    });
}

/// Drops the future after its `polls`-th poll, and after its tasks had a turn. Whether it had ended by then.
async fn drop_after<F: Future>(polls: usize, future: F) -> bool {
    let mut future = pin!(future);
    let mut polled = 0;
    let ended = poll_fn(|cx| {
        if polled == polls {
            return Poll::Ready(false);
        }
        polled += 1;
        match future.as_mut().poll(cx) {
            Poll::Ready(_) => Poll::Ready(true),
            Poll::Pending if polled == polls => Poll::Ready(false),
            // Polled again only once it is woken: on any runtime it takes few polls.
            Poll::Pending => Poll::Pending,
        }
    })
    .await;
    task::yield_now().await;
    ended
}

/// A body with a group inside, in which tasks of both fail, sleep and clean up.
async fn busy(clean: CleanUps) -> Result<(), ErrorGroup> {
    TaskGroup::new("outer")
        .on_failure(OnFailure::WaitForAll)
        .scope(async |group: Scope| {
            for n in 0..3 {
                let guard = clean.guard();
                group.spawn(format!("{n}"), async move {
                    let _guard = guard;
                    task::yield_now().await;
                    fail("outer")
                })?;
                task::yield_now().await;
            }
            let guards: Vec<_> = (0..3).map(|_| clean.guard()).collect();
            let inner = TaskGroup::new("inner").scope(async |group| {
                for guard in guards {
                    group.spawn("inner", async move {
                        let _guard = guard;
                        for _ in 0..3 {
                            task::yield_now().await;
                        }
                        fail("inner")
                    })?;
                    task::yield_now().await;
                }
                Ok(())
            });
            Ok(inner.await?)
        })
        .await
}

#[test]
fn case_22_dropped_after_any_poll_no_child_is_alive_and_no_clean_up_is_skipped() {
    on_each_flavor(async || {
        let before = Handle::current().metrics().num_alive_tasks();
        for polls in 0.. {
            let clean = CleanUps::default();
            let ended = drop_after(polls, busy(clean.clone())).await;
            until_alive(before).await;
            assert_eq!(clean.ahead(), 0, "a guard is left after {polls} polls");
            if ended {
                assert!(polls > 3, "it takes several polls");
                return;
            }
        }
    });
}

#[test]
fn case_23_finished_children_are_not_retained() {
    on_each_flavor(async || {
        const CHILDREN: usize = 100_000;
        const LIMIT: usize = 100;
        let at_once = Arc::new(AtomicUsize::new(0));
        let most = Arc::new(AtomicUsize::new(0));
        // As many as may run at the same time wait for each other, so they do.
        let together = Arc::new(Barrier::new(LIMIT));
        let workers = Handle::current().metrics().num_workers();
        TaskGroup::new("g")
            .limit(LIMIT)
            .scope(async |group| {
                for _ in 0..CHILDREN {
                    let (at_once, most) = (Arc::clone(&at_once), Arc::clone(&most));
                    let together = Arc::clone(&together);
                    let child = async move {
                        let now = at_once.fetch_add(1, Ordering::SeqCst) + 1;
                        most.fetch_max(now, Ordering::SeqCst);
                        together.wait().await;
                        at_once.fetch_sub(1, Ordering::SeqCst);
                        Ok::<_, BoxError>(())
                    };
                    group.spawn_within_limit("child", child).await?;
                    let alive = Handle::current().metrics().num_alive_tasks();
                    // A task gives its turn away just before it is gone, on each worker one at a time.
                    assert!(alive <= LIMIT + workers, "{alive} tasks are alive");
                }
                Ok(())
            })
            .await
            .unwrap();
        assert_eq!(most.load(Ordering::SeqCst), LIMIT);
    });
}
