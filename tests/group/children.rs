//! Values of many tasks: as they complete, and in order.

use std::future::{pending, ready};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use futures_util::StreamExt;
use futures_util::stream;
use tokio::runtime::Handle;
use tokio::task;
use unstuck::{BoxError, Children, OnFailure, TaskGroup};

use crate::failing::{Unit, fail, shape};
use crate::flavor::on_each_flavor;

const MANY: usize = if cfg!(miri) { 20 } else { 10_000 };

/// More than a task may poll at a time.
#[test]
fn every_value_of_many_tasks_is_read_once() {
    on_each_flavor(async || {
        let mut numbers = TaskGroup::new("g")
            .scope(async |group| {
                let mut children = Children::new();
                for n in 0..MANY {
                    children.push(group.spawn_infallible(format!("{n}"), async move {
                        if n % 3 == 0 {
                            task::yield_now().await;
                        }
                        n
                    })?);
                }
                assert_eq!(children.len(), MANY);
                let mut numbers = Vec::new();
                while let Some((name, n)) = children.next().await {
                    assert_eq!(*name, n.to_string());
                    numbers.push(n);
                }
                assert!(children.is_empty());
                Ok(numbers)
            })
            .await
            .unwrap();
        numbers.sort_unstable();
        assert!(numbers.into_iter().eq(0..MANY));
    });
}

/// On one thread, so that they end in the order in which they run.
#[tokio::test]
async fn tasks_that_end_before_anybody_waits_are_in_the_order_in_which_they_ended() {
    let names = TaskGroup::new("g")
        .scope(async |group| {
            let mut children = Children::new();
            for n in [3, 1, 2, 0] {
                children.push(group.spawn_infallible(format!("{n}"), async move {
                    for _ in 0..n {
                        task::yield_now().await;
                    }
                })?);
            }
            for _ in 0..10 {
                task::yield_now().await;
            }
            // One that has ended before counts as ending now.
            let late = group.spawn_infallible("late", ready(()))?;
            task::yield_now().await;
            children.push(late);
            let names = stream::poll_fn(|cx| children.poll_next(cx)).map(|(name, ())| name);
            Ok(names.collect::<Vec<_>>().await)
        })
        .await
        .unwrap();
    assert_eq!(names, ["0", "1", "2", "3", "late"]);
}

#[test]
fn a_read_that_is_dropped_loses_no_value_and_more_can_be_added_at_the_end() {
    on_each_flavor(async || {
        TaskGroup::new("g")
            .scope(async |group| {
                let mut children = Children::new();
                let never = group.spawn("never", pending::<Result<u8, BoxError>>())?;
                children.push(never);
                assert!(futures_util::poll!(Box::pin(children.next())).is_pending());
                children.push(group.spawn_infallible("a", async { 1 })?);
                assert_eq!(children.next().await, Some(("a".into(), 1)));
                assert_eq!(format!("{children:?}"), r#"["never"]"#);
                drop(children);
                let mut children = Children::new();
                assert_eq!(children.next().await, None);
                children.push(group.spawn_infallible("b", async { 2 })?);
                assert_eq!(children.next().await, Some(("b".into(), 2)));
                group.cancel();
                Ok(())
            })
            .await
            .unwrap();
    });
}

#[test]
fn values_are_collected_in_order_while_no_more_run_than_the_limit_allows() {
    on_each_flavor(async || {
        const LIMIT: usize = 7;
        let asked = Arc::new(AtomicUsize::new(0));
        let ended = Arc::new(AtomicUsize::new(0));
        let workers = Handle::current().metrics().num_workers();
        let values = TaskGroup::new("g")
            .limit(LIMIT)
            .scope(async |group| {
                let tasks = (0..MANY).map(|n| {
                    let now = asked.fetch_add(1, Ordering::SeqCst) + 1;
                    let ended = Arc::clone(&ended);
                    // The next one is not asked for before there is a turn for it.
                    assert!(now - ended.load(Ordering::SeqCst) <= LIMIT + workers);
                    let task = async move {
                        for _ in 0..n % 5 {
                            task::yield_now().await;
                        }
                        ended.fetch_add(1, Ordering::SeqCst);
                        Ok::<_, BoxError>(n)
                    };
                    ("task", task)
                });
                Ok(group.collect(tasks).await?)
            })
            .await
            .unwrap();
        assert!(values.into_iter().eq(0..MANY));
    });
}

#[test]
fn a_task_that_fails_among_those_that_are_collected_adds_no_other_failure() {
    on_each_flavor(async || {
        for on_failure in [OnFailure::Cancel, OnFailure::WaitForAll] {
            let errors = TaskGroup::new("g")
                .on_failure(on_failure)
                .limit(2)
                .scope(async |group| {
                    let texts = ["a", "b", "boom", "c"];
                    let tasks = texts.map(|text| {
                        let fails = text == "boom";
                        (text, async move {
                            if fails { fail(text) } else { Unit::Ok(()) }
                        })
                    });
                    group.collect(tasks).await?;
                    Ok(())
                })
                .await
                .unwrap_err();
            assert_eq!(shape(&errors), "[boom]");
        }
    });
}
