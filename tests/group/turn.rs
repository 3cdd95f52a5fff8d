//! Tasks that wait for their turn, in groups with a limit.

use std::future::pending;

use tokio::sync::oneshot;
use unstuck::{ErrorGroup, Scope, TaskGroup};

use crate::failing::{Unit, fail, shape};
use crate::flavor::on_each_flavor;

/// Plays a group that lets one task run at a time: the first, and then, while others wait for their
/// turn, `then`.
async fn with_others_waiting(then: impl Fn(Scope) -> Unit + Copy + Send + 'static) -> ErrorGroup {
    let outcome: Result<(), _> = TaskGroup::new("g")
        .limit(1)
        .scope(async |group| {
            let (begun, has_begun) = oneshot::channel();
            let (go_on, may_go_on) = oneshot::channel();
            let scope = group.clone();
            group.spawn("first", async move {
                let _ = begun.send(());
                may_go_on.await?;
                then(scope)?;
                pending::<Unit>().await
            })?;
            has_begun.await?;
            for _ in 0..20 {
                group.spawn("next", async { fail("it never runs") })?;
            }
            let _ = go_on.send(());
            pending().await
        })
        .await;
    outcome.unwrap_err()
}

#[test]
fn tasks_that_wait_for_their_turn_are_cancelled_with_the_others() {
    on_each_flavor(async || {
        for _ in 0..if cfg!(miri) { 2 } else { 100 } {
            let errors = with_others_waiting(|_| fail("boom")).await;
            assert_eq!(
                (shape(&errors).as_str(), errors.cancelled_count()),
                ("[boom]", 20)
            );
            let errors = with_others_waiting(|group| {
                group.cancel();
                Ok(())
            })
            .await;
            assert_eq!(
                (shape(&errors).as_str(), errors.cancelled_count()),
                ("[]", 21)
            );
        }
    });
}

#[test]
fn any_number_is_a_limit() {
    on_each_flavor(async || {
        let group = TaskGroup::new("g").limit(usize::MAX).scope(async |group| {
            group.spawn("child", async { Unit::Ok(()) })?;
            Ok(())
        });
        group.await.unwrap();
    });
}
