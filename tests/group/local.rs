//! Tasks that stay on one thread.

use std::future::pending;
use std::rc::Rc;

use tokio::sync::oneshot;
use tokio::task::{self, LocalSet};
use unstuck::{Scope, TaskGroup};

use crate::failing::{Unit, fail, shape};
use crate::flavor::on_each_flavor;

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
        assert_eq!(
            (shape(&errors).as_str(), errors.cancelled_count()),
            ("[boom]", 2)
        );
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
        assert_eq!(outcome.unwrap_err().cancelled_count(), 1);
    });
}
