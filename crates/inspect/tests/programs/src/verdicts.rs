//! Programs that go on beside a deadlock, or that only seem to be stuck.

use std::future::pending;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;
use tokio::time::sleep;

const HOUR: Duration = Duration::from_secs(3600);

/// The locks of [`locks`](crate::locks), and a task that sleeps.
#[tokio::main]
pub async fn deadlock_beside_sleeper() {
    tokio::spawn(sleep(HOUR));
    crate::locks::spawn();
    crate::ready();
    pending::<()>().await;
}

/// The sender is on the stack of a thread that sleeps.
#[tokio::main]
pub async fn sender_in_thread() {
    let (sender, receiver) = oneshot::channel::<()>();
    thread::spawn(move || {
        thread::sleep(HOUR);
        sender.send(()).unwrap();
    });
    tokio::spawn(receiver);
    crate::ready();
    pending::<()>().await;
}

/// Each waits for its reply, whose sender is in a map that all of them share.
#[tokio::main]
pub async fn nobody_replies() {
    let asks = asks();
    crate::ready();
    for ask in asks {
        ask.await.unwrap(); // waits: nobody_replies
    }
}

fn asks() -> Vec<JoinHandle<()>> {
    let pending = Arc::new(Mutex::new(Vec::new()));
    let asks = (0..4).map(|_| tokio::spawn(ask(pending.clone())));
    asks.collect()
}

async fn ask(pending: Arc<Mutex<Vec<oneshot::Sender<()>>>>) {
    let (reply, replied) = oneshot::channel();
    pending.lock().unwrap().push(reply);
    let _ = replied.await; // waits: ask
    drop(pending);
}

/// Main waits for one task that sleeps, and others sleep beside it.
#[tokio::main]
pub async fn one_sleeper_of_three_wakes_main() {
    tokio::spawn(rests());
    tokio::spawn(rests());
    let (done, is_done) = oneshot::channel();
    tokio::spawn(retries(done));
    crate::ready();
    is_done.await.unwrap();
}

/// Main waits for two tasks that sleep.
#[tokio::main]
pub async fn two_sleepers_wake_main() {
    let (done, mut is_done) = mpsc::channel(1);
    tokio::spawn(reports(done.clone()));
    tokio::spawn(reports_later(done));
    crate::ready();
    is_done.recv().await;
}

async fn rests() {
    sleep(HOUR).await; // waits: rests
}

async fn retries(done: oneshot::Sender<()>) {
    sleep(2 * HOUR).await; // waits: retries
    done.send(()).unwrap();
}

async fn reports(done: mpsc::Sender<()>) {
    sleep(HOUR).await; // waits: reports
    done.send(()).await.unwrap();
}

async fn reports_later(done: mpsc::Sender<()>) {
    sleep(2 * HOUR).await; // waits: reports_later
    done.send(()).await.unwrap();
}
