//! The body of a group: what runs beside it, and what it may fail with.

use std::future::{Ready, pending};
use std::pin::pin;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::time::sleep;
use unstuck::{BoxError, OnFailure, Scope, TaskGroup};

use crate::failing::{Unit, fail, shape};
use crate::flavor::on_each_flavor;
use crate::{alive, until_alive};

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
#[should_panic(expected = "polled after completion")]
fn a_scope_that_is_polled_after_its_end_says_so() {
    let mut group = pin!(TaskGroup::new("g").scope(async |_| Ok(1)));
    let mut context = Context::from_waker(Waker::noop());
    assert!(group.as_mut().poll(&mut context).is_ready());
    let _ = group.as_mut().poll(&mut context);
}
