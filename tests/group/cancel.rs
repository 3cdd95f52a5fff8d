//! Tasks that are cancelled, or asked to stop.

use std::future::pending;
use std::pin::pin;

use tokio::sync::oneshot;
use tokio::task;
use unstuck::{BoxError, Scope, TaskGroup};

use crate::failing::Unit;
use crate::flavor::on_each_flavor;

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
fn one_task_is_cancelled_alone() {
    on_each_flavor(async || {
        let (cancelled, other) = TaskGroup::new("g")
            .scope(async |group| {
                let endless = group.spawn("endless", pending::<Unit>())?;
                let other = group.spawn("other", async { Ok::<_, BoxError>(11) })?;
                endless.cancel();
                Ok((endless.value().await.ok(), other.value().await?))
            })
            .await
            .unwrap();
        assert_eq!((cancelled, other), (None, 11));
    });
}
