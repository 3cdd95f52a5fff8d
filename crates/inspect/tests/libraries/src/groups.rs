//! Task groups of `unstuck`.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Mutex;
use tokio::time::Instant;
use unstuck::{Event, TaskGroup};

/// A lock is held around the group whose tasks want it.
#[tokio::main]
pub async fn in_circle() {
    crate::spawn_ticker();
    hold_around(TaskGroup::new("writers")).await;
}

/// The same, with a deadline.
#[tokio::main]
pub async fn past_deadline() {
    crate::spawn_ticker();
    let deadline = Instant::now() + Duration::from_secs(7200);
    hold_around(TaskGroup::new("writers").deadline(deadline)).await;
}

async fn hold_around(group: TaskGroup) {
    let rows = Arc::new(Mutex::new(0));
    let held = rows.lock().await;
    let group = group.scope(async |group| {
        for name in ["first", "second"] {
            let rows = rows.clone();
            group.spawn(name, async move {
                *rows.lock().await += 1;
                Ok::<_, Infallible>(())
            })?;
        }
        crate::ready();
        Ok(())
    });
    group.await.unwrap();
    drop(held);
}

/// Its tasks, and one of a group inside, wait for an event that nobody can set.
#[tokio::main]
pub async fn of_orphans() {
    crate::spawn_ticker();
    let opened = Event::new("opened");
    let wait = |mut opened: Event| async move {
        opened.wait().await;
        Ok::<_, Infallible>(())
    };
    let group = TaskGroup::new("pool").scope(async |group| {
        group.spawn("waits", wait(opened.clone()))?;
        group.spawn("nests", async move {
            let inner = TaskGroup::new("inner");
            let inner = inner.scope(async |group| {
                group.spawn("waits inside", wait(opened))?;
                crate::ready();
                Ok(())
            });
            inner.await
        })?;
        Ok(())
    });
    group.await.unwrap();
}

/// One of its tasks sleeps, and lets the other one go on. On one thread the first one begins first.
#[tokio::main(flavor = "current_thread")]
pub async fn of_sleepers() {
    let group = TaskGroup::new("pool").limit(1).scope(async |group| {
        group.spawn_infallible("sleeps", tokio::time::sleep(crate::HOUR))?;
        group.spawn_infallible("waits for its turn", async {})?;
        crate::ready();
        Ok(())
    });
    group.await.unwrap();
}
