//! A task for each container of futures.

use std::future::pending;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use futures_util::stream::{FuturesUnordered, StreamExt};
use tokio::sync::Notify;
use tokio::task::JoinSet;
use tracing::Instrument;

#[tokio::main]
pub async fn main() {
    let bell = Arc::new(Notify::new());
    tokio::spawn(join_set(bell.clone()));
    tokio::spawn(unordered(bell.clone()));
    tokio::spawn(joined_few(bell.clone()));
    tokio::spawn(joined_many(bell.clone()));
    tokio::spawn(selects(bell.clone()));
    tokio::spawn(joins(bell.clone()));
    tokio::spawn(boxes(bell.clone()));
    tokio::spawn(recursion(bell.clone(), 100));
    tokio::spawn(times_out(bell.clone()));
    tokio::spawn(instruments(bell.clone()));
    tokio::spawn(closure(bell.clone()));
    tokio::spawn(leaves_a_future_behind(bell.clone()));
    let boxed: Pin<Box<dyn Future<Output = ()> + Send>> = Box::pin(spawned_in_a_box(bell.clone()));
    tokio::spawn(boxed);
    crate::ready();
    pending::<()>().await;
}

/// What all of them wait for.
async fn rings(bell: &Notify) {
    bell.notified().await; // waits: rings
}

async fn join_set(bell: Arc<Notify>) {
    let mut set = JoinSet::new();
    for _ in 0..3 {
        set.spawn(member(bell.clone()));
    }
    while set.join_next().await.is_some() {} // waits: join_set
}

async fn member(bell: Arc<Notify>) {
    rings(&bell).await; // waits: member
}

async fn unordered(bell: Arc<Notify>) {
    let mut set: FuturesUnordered<_> = (0..3).map(|_| rings(&bell)).collect();
    while set.next().await.is_some() {} // waits: unordered
}

async fn joined_few(bell: Arc<Notify>) {
    join_all((0..3).map(|_| rings(&bell))).await; // waits: joined_few
}

async fn joined_many(bell: Arc<Notify>) {
    join_all((0..100).map(|_| rings(&bell))).await; // waits: joined_many
}

async fn selects(bell: Arc<Notify>) {
    tokio::select! { // waits: selects
        () = rings(&bell) => {}
        () = tokio::time::sleep(Duration::from_secs(3600)) => {}
    }
}

async fn joins(bell: Arc<Notify>) {
    tokio::join!(rings(&bell), rings(&bell)); // waits: joins
}

async fn boxes(bell: Arc<Notify>) {
    let boxed: Pin<Box<dyn Future<Output = ()> + Send>> = Box::pin(rings(&bell));
    boxed.await; // waits: boxes
}

async fn recursion(bell: Arc<Notify>, depth: u32) {
    if depth == 0 {
        rings(&bell).await; // waits: recursion_end
    } else {
        Box::pin(recursion(bell.clone(), depth - 1)).await; // waits: recursion
    }
}

async fn times_out(bell: Arc<Notify>) {
    let hour = Duration::from_secs(3600);
    tokio::time::timeout(hour, rings(&bell)).await.unwrap(); // waits: times_out
}

async fn instruments(bell: Arc<Notify>) {
    rings(&bell).instrument(tracing::Span::none()).await; // waits: instruments
}

async fn closure(bell: Arc<Notify>) {
    let wait = async || rings(&bell).await; // waits: in_closure
    wait().await; // waits: closure
}

/// A future that was polled, and then is not any more.
async fn leaves_a_future_behind(bell: Arc<Notify>) {
    let mut behind = Box::pin(rings(&bell));
    tokio::select! {
        biased;
        () = &mut behind => {}
        () = std::future::ready(()) => {}
    }
    pending::<()>().await; // waits: leaves_a_future_behind
    behind.await;
}

async fn spawned_in_a_box(bell: Arc<Notify>) {
    rings(&bell).await; // waits: spawned_in_a_box
}
