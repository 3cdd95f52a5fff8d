//! Tasks that end with the rest of their group.

use std::future::pending;
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::task;
use unstuck::{BoxError, OnFailure, Scope, TaskGroup};

use crate::failing::{Unit, fail, shape};
use crate::flavor::on_each_flavor;

#[test]
fn a_service_lives_until_the_last_task_has_ended_and_is_then_cancelled() {
    on_each_flavor(async || {
        for on_failure in [OnFailure::Cancel, OnFailure::WaitForAll] {
            let (asks, asked) = oneshot::channel::<oneshot::Sender<&str>>();
            let value = TaskGroup::new("g")
                .limit(1)
                .on_failure(on_failure)
                .scope(async |group| {
                    group.spawn_service("answers", async {
                        let _ = asked.await?.send("alive");
                        pending::<Unit>().await
                    })?;
                    group.spawn_service("idle", pending::<Unit>())?;
                    Ok(group.spawn("asks", async {
                        task::yield_now().await;
                        let (answers, answer) = oneshot::channel();
                        let _ = asks.send(answers);
                        Ok::<_, BoxError>(answer.await?)
                    })?)
                })
                .await
                .unwrap();
            assert_eq!(value.value().await, Ok("alive"));
        }
    });
}

#[test]
fn a_group_of_nothing_but_services_ends_with_its_body() {
    on_each_flavor(async || {
        let value = TaskGroup::new("g")
            .scope(async |group| {
                group.spawn_service("service", pending::<Unit>())?;
                task::yield_now().await;
                Ok(7)
            })
            .await
            .unwrap();
        assert_eq!(value, 7);
    });
}

#[test]
fn services_have_the_grace_period() {
    on_each_flavor(async || {
        let flushed = TaskGroup::new("g")
            .grace(Duration::from_hours(1))
            .scope(async |group: Scope| {
                let stopping = group.stopping();
                let service = group.spawn_service("flushes", async {
                    stopping.await;
                    task::yield_now().await;
                    Ok::<_, BoxError>("flushed")
                })?;
                group.spawn("works", async { Unit::Ok(()) })?;
                Ok(service)
            })
            .await
            .unwrap();
        assert_eq!(flushed.value().await, Ok("flushed"));
    });
}

#[test]
fn a_service_that_fails_is_a_failure_of_the_group() {
    on_each_flavor(async || {
        let errors = TaskGroup::new("g")
            .scope(async |group| {
                group.spawn("waits", pending::<Unit>())?;
                group.spawn_service("fails", async { fail("boom") })?;
                Ok(())
            })
            .await
            .unwrap_err();
        assert_eq!(
            (shape(&errors).as_str(), errors.cancelled_count()),
            ("[boom]", 1)
        );
    });
}

/// What only waits for the group to stop may need the service in its clean-up.
#[test]
fn a_service_outlives_the_clean_up_of_tasks_that_wait_for_the_group_to_stop() {
    on_each_flavor(async || {
        let (asks, asked) = oneshot::channel::<oneshot::Sender<&str>>();
        let answer = TaskGroup::new("g")
            .scope(async |group: Scope| {
                group.spawn_service("answers", async {
                    let _ = asked.await?.send("alive");
                    pending::<Unit>().await
                })?;
                let (scope, service_stops) = (group.clone(), group.stopping());
                group.spawn_service("waits, too", async {
                    service_stops.await;
                    pending::<Unit>().await
                })?;
                Ok(group.spawn("cleans up", async move {
                    scope.stopping().await;
                    task::yield_now().await;
                    let (answers, answer) = oneshot::channel();
                    let _ = asks.send(answers);
                    Ok::<_, BoxError>(answer.await?)
                })?)
            })
            .await
            .unwrap();
        assert_eq!(answer.value().await, Ok("alive"));
    });
}
