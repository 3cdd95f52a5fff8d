//! Programs that end while tasks of theirs are alive, and some that only seem to.

use std::future::pending;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Notify, mpsc};
use tokio::task::{self, JoinSet};
use tokio::time::{sleep, timeout};
use unstuck::demo::{Job, Scenario};
use unstuck::{BoxError, TaskGroup};

use crate::completes;

const FOR_EVER: Duration = Duration::from_hours(1);
const A_MOMENT: Duration = Duration::from_millis(20);

pub(crate) const PROGRAMS: &[Scenario] = &[
    program!("forgotten-tasks", forgotten_tasks, completes(&["outlived"])),
    program!(
        "forgotten-spinner",
        forgotten_spinner,
        completes(&["outlived"])
    ),
    program!(
        "sender-outlives-main",
        sender_outlives_main,
        completes(&["outlived"])
    ),
    program!("last-words", last_words, completes(&[])),
    program!("aborted-at-last", aborted_at_last, completes(&[])),
    program!("dropped-set", dropped_set, completes(&[])),
    program!("group-cut-short", group_cut_short, completes(&[])),
];

/// One that sleeps, two that wait for what nobody sends, and one that nothing can see.
async fn forgotten_tasks(_job: Job) -> Result<(), BoxError> {
    let notify = Arc::new(Notify::new());
    task::spawn(sleep(FOR_EVER));
    for _ in 0..2 {
        let notify = Arc::clone(&notify);
        task::spawn(async move { notify.notified().await });
    }
    task::spawn(pending::<()>());
    sleep(A_MOMENT).await;
    Ok(())
}

/// It never comes to rest, so it might be about to end for all that can be told.
async fn forgotten_spinner(_job: Job) -> Result<(), BoxError> {
    task::spawn(async {
        loop {
            task::yield_now().await;
        }
    });
    sleep(A_MOMENT).await;
    Ok(())
}

/// The channel is full, and main has left without reading what is in it.
async fn sender_outlives_main(_job: Job) -> Result<(), BoxError> {
    let (send, mut receive) = mpsc::channel(1);
    let sending = async move {
        for number in 0..3 {
            if send.send(number).await.is_err() {
                // Whoever wanted them has gone: nothing is left to do but to stay around.
                return pending().await;
            }
        }
    };
    task::spawn(sending);
    receive.recv().await.ok_or("nothing came")?;
    Ok(())
}

/// The receiver ends of itself once the sender is dropped, which is the last thing that main does.
async fn last_words(_job: Job) -> Result<(), BoxError> {
    let (send, mut receive) = mpsc::channel(1);
    task::spawn(async move { while receive.recv().await.is_some() {} });
    send.send("last words").await?;
    Ok(())
}

async fn aborted_at_last(_job: Job) -> Result<(), BoxError> {
    let handles: Vec<_> = (0..100).map(|_| task::spawn(pending::<()>())).collect();
    sleep(A_MOMENT).await;
    for handle in handles {
        handle.abort();
    }
    Ok(())
}

/// A set that is dropped aborts its tasks, and does not wait for them.
async fn dropped_set(_job: Job) -> Result<(), BoxError> {
    let mut set = JoinSet::new();
    for _ in 0..100 {
        set.spawn(sleep(FOR_EVER));
    }
    sleep(A_MOMENT).await;
    Ok(())
}

/// A scope that is dropped cancels its children.
async fn group_cut_short(_job: Job) -> Result<(), BoxError> {
    let scope = TaskGroup::new("group").scope(async |group| {
        for _ in 0..100 {
            group.spawn("child", pending::<Result<(), BoxError>>())?;
        }
        Ok(())
    });
    let cut_short = timeout(A_MOMENT, scope).await;
    cut_short.err().ok_or("it ended")?;
    Ok(())
}
