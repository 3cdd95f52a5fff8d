//! What the library gives by itself, on any Tokio runtime: task groups and their errors.

use std::error::Error;
use std::future::pending;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::sync::oneshot;
use tokio::task;
use tokio::time::{Instant, sleep};
use unstuck::{BoxError, ErrorGroup, Failure, OnFailure, Scope, TaskFailure, TaskGroup};

type Unit = Result<(), BoxError>;

fn error(text: &str) -> BoxError {
    text.into()
}

/// The texts of a group's failures, `name: text` each.
fn texts(errors: &ErrorGroup) -> Vec<String> {
    let failures = errors.failures().iter();
    failures
        .map(|failure| format!("{}: {}", failure.task(), failure.failure()))
        .collect()
}

struct CountDrop(Arc<AtomicUsize>);

impl Drop for CountDrop {
    fn drop(&mut self) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

#[tokio::test]
async fn every_error_is_kept_in_spawn_order_whoever_was_first() {
    let (first, wait) = oneshot::channel::<()>();
    let errors = TaskGroup::new("g")
        .on_failure(OnFailure::WaitForAll)
        .scope(async |group| {
            group.spawn("slow", async {
                let _ = wait.await;
                Unit::Err(error("a"))
            })?;
            group.spawn("fast", async {
                drop(first);
                Unit::Err(error("b"))
            })?;
            Unit::Ok(())
        })
        .await
        .unwrap_err();
    assert_eq!(texts(&errors), ["slow: a", "fast: b"]);
}

#[tokio::test(start_paused = true)]
async fn the_grace_period_lets_siblings_fail_on_their_own_and_cancels_those_that_wait() {
    let started = Instant::now();
    let errors = TaskGroup::new("g")
        .grace(Duration::from_secs(5))
        .scope(async |group| {
            group.spawn("at once", async { Unit::Err(error("a")) })?;
            group.spawn("soon", async {
                sleep(Duration::from_secs(4)).await;
                Unit::Err(error("b"))
            })?;
            group.spawn("never", pending::<Unit>())?;
            group.spawn("nor this", pending::<Unit>())?;
            Unit::Ok(())
        })
        .await
        .unwrap_err();
    assert_eq!(texts(&errors), ["at once: a", "soon: b"]);
    assert_eq!(errors.cancelled_count(), 2);
    assert_eq!(
        errors.to_string(),
        "2 errors in task group `g`, 2 tasks cancelled"
    );
    assert_eq!(started.elapsed().as_secs(), 5);
}

#[tokio::test(start_paused = true)]
async fn the_grace_period_is_over_as_soon_as_all_have_ended() {
    let started = Instant::now();
    let _ = TaskGroup::new("g")
        .grace(Duration::from_secs(5))
        .scope(async |group| {
            group.spawn("a", async { Unit::Err(error("a")) })?;
            group.spawn("b", async { Unit::Err(error("b")) })?;
            Unit::Ok(())
        })
        .await
        .unwrap_err();
    assert_eq!(started.elapsed(), Duration::ZERO);
}

#[tokio::test]
async fn a_child_that_comes_into_an_empty_group_from_elsewhere_is_noticed() {
    let errors = TaskGroup::new("g")
        .scope(async |group: Scope| {
            let outside = group.clone();
            task::spawn(async move {
                let _ = outside.spawn("late", async { Unit::Err(error("seen")) });
            });
            pending::<Unit>().await
        })
        .await
        .unwrap_err();
    assert_eq!(texts(&errors), ["late: seen"]);
}

#[tokio::test]
async fn a_spawn_into_a_group_that_has_ended_is_refused_and_drops_the_future() {
    let dropped = Arc::new(AtomicUsize::new(0));
    let group = TaskGroup::new("g")
        .scope(async |group: Scope| Ok(group))
        .await
        .unwrap();
    let guard = CountDrop(Arc::clone(&dropped));
    let refused = group.spawn("late", async move {
        let _guard = guard;
        Unit::Ok(())
    });
    let refused = refused.unwrap_err().to_string();
    assert_eq!(
        refused,
        "task `late` was not spawned: group `g` is cancelled or has ended"
    );
    assert_eq!(dropped.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn a_scope_that_is_dropped_takes_its_children_with_it() {
    let before = Handle::current().metrics().num_alive_tasks();
    let mut escaped = None;
    let group = TaskGroup::new("g").scope(async |group: Scope| {
        group.spawn("child", pending::<Unit>())?;
        escaped = Some(group);
        pending::<Unit>().await
    });
    tokio::select! {
        biased;
        _ = group => unreachable!("the body never ends"),
        () = task::yield_now() => {}
    }
    while Handle::current().metrics().num_alive_tasks() > before {
        task::yield_now().await;
    }
    assert!(escaped.is_some(), "even though a handle outlives it");
}

#[tokio::test]
async fn a_group_runs_outside_any_task_too() {
    let ended = task::spawn_blocking(|| {
        Handle::current().block_on(async {
            TaskGroup::new("g")
                .scope(async |group| Ok(group.spawn("child", async { Unit::Ok(()) })?))
                .await
        })
    });
    ended.await.unwrap().unwrap();
}

async fn nested() -> ErrorGroup {
    TaskGroup::new("outer")
        .on_failure(OnFailure::WaitForAll)
        .scope(async |group| {
            group.spawn("first", async { Unit::Err(error("plain")) })?;
            group.spawn("inner", async {
                TaskGroup::new("inner group")
                    .on_failure(OnFailure::WaitForAll)
                    .scope(async |group| {
                        group.spawn("a", async {
                            let cause = io::Error::other("the cause");
                            Unit::Err(Box::new(io::Error::other(WithSource(cause))))
                        })?;
                        group.spawn("b", async { Unit::Err(error("two\nlines")) })?;
                        Unit::Ok(())
                    })
                    .await
            })?;
            Unit::Ok(())
        })
        .await
        .unwrap_err()
}

/// An error that was caused by another.
#[derive(Debug)]
struct WithSource<E>(E);

impl<E> std::fmt::Display for WithSource<E> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("the effect")
    }
}

impl<E: Error + 'static> Error for WithSource<E> {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&self.0)
    }
}

#[tokio::test]
async fn groups_nest_as_a_tree() {
    let errors = nested().await;
    assert_eq!(errors.to_string(), "3 errors in task group `outer`");
    assert!(
        matches!(errors.failures()[1].failure(), Failure::Group(inner) if inner.name() == "inner group")
    );
    let leaves: Vec<_> = errors.leaves().map(TaskFailure::task).collect();
    assert_eq!(leaves, ["first", "a", "b"]);
    let source = errors.source().unwrap().to_string();
    assert!(format!("{errors:?}").ends_with(&source), "{source}");
}

#[tokio::test]
async fn the_tree_is_printed_in_the_shape_of_an_exception_group() {
    let errors = nested().await;
    snapshots().bind(|| {
        insta::assert_snapshot!("error-tree", errors.tree());
        insta::assert_snapshot!("error-tree-of-main", format!("Error: {errors:?}"));
    });
}

fn snapshots() -> insta::Settings {
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path("../snapshots");
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.add_filter(r"library\.rs:\d+", "library.rs:[line]");
    settings
}

#[tokio::test]
async fn a_group_among_the_causes_of_an_error_is_shown_with_its_members() {
    let errors = TaskGroup::new("outermost")
        .on_failure(OnFailure::WaitForAll)
        .scope(async |group| {
            for name in ["first", "second"] {
                group.spawn(name, async {
                    let errors = nested().await;
                    Result::<(), _>::Err(WithSource(WithSource(Box::new(errors))))
                })?;
            }
            Ok(())
        })
        .await
        .unwrap_err();
    assert_eq!(errors.error_count(), 2, "each of them is one error");
    snapshots().bind(|| {
        insta::assert_snapshot!("error-tree-of-causes", errors.tree().depth(2));
        insta::assert_snapshot!("error-tree-of-causes-narrow", errors.tree().width(1));
    });
}
