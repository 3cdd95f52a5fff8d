//! Tasks, and where their wakers are.

use std::future::{pending, poll_fn};
use std::pin::pin;
use std::sync::{Arc, Mutex};
use std::task::{Poll, Waker};
use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use tokio::sync::{Notify, oneshot};
use tokio::task::JoinSet;

static KEPT: Mutex<Vec<Waker>> = Mutex::new(Vec::new());

#[tokio::main]
pub async fn main() {
    let bell = Arc::new(Notify::new());
    tokio::spawn(two_branches(bell.clone()));
    tokio::spawn(unordered(bell.clone()));
    tokio::spawn(joined(tokio::spawn(pending::<()>())));
    tokio::spawn(members());
    tokio::spawn(keeps_two());
    tokio::spawn(keeps_none());
    tokio::spawn(shares_its_waker());
    tokio::spawn(gave_up(bell.clone()));
    crate::ready();
    bell.notified().await;
}

async fn two_branches(bell: Arc<Notify>) {
    let (unsent, answer) = oneshot::channel::<()>();
    tokio::select! {
        () = bell.notified() => {}
        _ = answer => {}
        () = tokio::time::sleep(Duration::from_secs(3600)) => {}
    }
    drop(unsent);
}

async fn unordered(bell: Arc<Notify>) {
    let bell = &*bell;
    let members = [0, 1].map(|_| async move { bell.notified().await });
    let mut members: FuturesUnordered<_> = members.into_iter().collect();
    members.next().await;
}

async fn joined(task: tokio::task::JoinHandle<()>) {
    task.await.unwrap();
}

async fn members() {
    let mut members = JoinSet::new();
    members.spawn(pending::<()>());
    members.spawn(pending::<()>());
    members.join_next().await;
}

/// A future of the program's own that keeps its waker where nothing else of it is.
async fn keeps_two() {
    poll_fn::<(), _>(|context| {
        KEPT.lock()
            .unwrap()
            .extend([context.waker().clone(), context.waker().clone()]);
        Poll::Pending
    })
    .await;
}

/// A channel of the program's own: whoever has the other `Arc` wakes the task.
async fn shares_its_waker() {
    let shared = Arc::new(Mutex::new(None::<Waker>));
    let other = shared.clone();
    poll_fn::<(), _>(|context| {
        *shared.lock().unwrap() = Some(context.waker().clone());
        Poll::Pending
    })
    .await;
    drop(other);
}

async fn keeps_none() {
    poll_fn::<(), _>(|_| Poll::Pending).await;
}

/// A future that was never polled has left no waker.
async fn gave_up(bell: Arc<Notify>) {
    let unpolled = pin!(bell.notified());
    pending::<()>().await;
    unpolled.await;
}
