//! Tasks that say when they have started.

use tokio::task;
use unstuck::{BoxError, NeverStarted, Scope, Started, TaskGroup};

use crate::failing::{fail, shape};
use crate::flavor::on_each_flavor;
use crate::{alive, until_alive};

#[test]
fn a_task_that_panics_keeps_its_starter_waiting_no_longer_than_it_lives() {
    on_each_flavor(async || {
        let mut elsewhere = None;
        let errors = TaskGroup::new("g")
            .scope(async |group| {
                let started = group.spawn_started("panics", |started: Started<()>| {
                    elsewhere = Some(started);
                    async {
                        task::yield_now().await;
                        panic!("boom");
                        #[expect(unreachable_code, reason = "it says what the task returns")]
                        Ok::<_, BoxError>(())
                    }
                });
                assert!(started.await.unwrap_err().is::<NeverStarted>());
                Ok(())
            })
            .await
            .unwrap_err();
        assert_eq!(shape(&errors), "[panicked: boom]");
        drop(elsewhere);
    });
}

#[test]
fn an_error_that_its_starter_never_reads_is_the_groups() {
    on_each_flavor(async || {
        let errors = TaskGroup::new("g")
            .scope(async |group| {
                let before = alive();
                let early = group.spawn_started("early", |_: Started<()>| async { fail("unread") });
                // It has ended by the time at which its starter is gone.
                until_alive(before).await;
                drop(early);
                Ok(())
            })
            .await
            .unwrap_err();
        assert_eq!(shape(&errors), "[unread]");
        assert_eq!(errors.failures()[0].task(), "early");
    });
}

#[test]
fn the_future_of_a_starter_outlives_the_scope_that_it_was_made_with() {
    on_each_flavor(async || {
        let value = TaskGroup::new("g")
            .scope(async |group: Scope| {
                let starter = {
                    let scope = group.clone();
                    scope.spawn_started("starts", |started| async {
                        started.say(7);
                        Ok::<_, BoxError>(())
                    })
                };
                task::spawn(starter).await?
            })
            .await
            .unwrap();
        assert_eq!(value, 7);
    });
}
