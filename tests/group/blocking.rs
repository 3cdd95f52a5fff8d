//! Tasks on threads for blocking work.

use tokio::sync::oneshot;
use unstuck::{BoxError, Scope, TaskGroup};

use crate::failing::{Unit, fail, shape};
use crate::flavor::on_each_flavor;

#[test]
fn a_blocking_task_is_waited_for() {
    on_each_flavor(async || {
        let (begun, has_begun) = oneshot::channel();
        let errors = TaskGroup::new("g")
            .scope(async |group: Scope| {
                let inner = group.clone();
                let value = group.spawn_blocking("value", || Ok::<_, BoxError>(7))?;
                assert_eq!(value.value().await, Ok(7));
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
        assert_eq!(
            (shape(&errors).as_str(), errors.cancelled_count()),
            ("[body]", 1)
        );
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
