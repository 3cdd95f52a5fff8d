//! Ways to spawn, and how many tasks there are.

use std::future::pending;

use tokio::runtime::{Builder, Handle};
use tokio::sync::oneshot;
use unstuck::{BoxError, TaskGroup};

use crate::failing::{Unit, fail, shape};
use crate::flavor::on_each_flavor;

#[test]
fn a_group_knows_how_many_tasks_it_has() {
    on_each_flavor(async || {
        TaskGroup::new("g")
            .scope(async |group| {
                assert!(group.is_empty());
                let (ends, end) = oneshot::channel::<()>();
                let first = group.spawn("first", end)?;
                let second = group.spawn("second", pending::<Unit>())?;
                assert_eq!(group.len(), 2);
                let _ = ends.send(());
                first.value().await?;
                assert_eq!(group.len(), 1);
                second.cancel();
                assert!(second.value().await.is_err());
                assert!(group.is_empty());
                Ok(())
            })
            .await
            .unwrap();
    });
}

#[test]
fn a_task_is_spawned_on_the_runtime_of_a_handle() {
    on_each_flavor(async || {
        let elsewhere = Builder::new_multi_thread()
            .worker_threads(1)
            .build()
            .unwrap();
        let errors = TaskGroup::new("g")
            .scope(async |group| {
                let id = async { Ok::<_, BoxError>(Handle::current().id()) };
                let id = group
                    .spawn_on("id", id, elsewhere.handle())?
                    .value()
                    .await?;
                assert_eq!(id, elsewhere.handle().id());
                assert_ne!(id, Handle::current().id());
                group.spawn_on("fails", async { fail("boom") }, elsewhere.handle())?;
                pending::<Unit>().await
            })
            .await
            .unwrap_err();
        assert_eq!(shape(&errors), "[boom]");
        elsewhere.shutdown_background();
    });
}
