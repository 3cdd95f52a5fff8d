//! Programs that go on beside a deadlock, or that only seem to be stuck.

use std::future::pending;
use std::thread;
use std::time::Duration;

use tokio::sync::oneshot;

const HOUR: Duration = Duration::from_secs(3600);

/// The locks of [`locks`](crate::locks), and a task that sleeps.
#[tokio::main]
pub async fn deadlock_beside_sleeper() {
    tokio::spawn(tokio::time::sleep(HOUR));
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
