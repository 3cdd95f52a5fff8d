//! Tasks with several locals of the same name, all of which are there.

use std::sync::Arc;

use tokio::sync::{Mutex, Notify, mpsc, oneshot};
use tokio::task::yield_now;

#[tokio::main]
pub async fn main() {
    tokio::spawn(guard_of_a_parameter(Arc::default()));
    tokio::spawn(guard_in_a_block_that_has_ended(Arc::default()));
    tokio::spawn(guard_in_one_block_and_another(Arc::default()));
    tokio::spawn(guard_around_a_macro(Arc::default()));
    tokio::spawn(three_of_different_types());
    let sender = mpsc::channel(1).0;
    tokio::spawn(async move {
        let sender = sender.clone();
        rung().await;
        drop::<mpsc::Sender<u8>>(sender);
    });
    tokio::spawn(two_of_one_type(mpsc::channel(1).0));
    crate::ready();
    rung().await;
}

/// It never is.
async fn rung() {
    Notify::new().notified().await;
}

async fn guard_of_a_parameter(account: Arc<Mutex<u8>>) {
    let account = account.lock().await;
    yield_now().await;
    rung().await;
    drop(account);
}

async fn guard_in_a_block_that_has_ended(account: Arc<Mutex<u8>>) {
    {
        let account = account.lock().await;
        yield_now().await;
        drop(account);
    }
    rung().await;
    drop(account);
}

async fn guard_in_one_block_and_another(account: Arc<Mutex<u8>>) {
    {
        let account = account.lock().await;
        yield_now().await;
        drop(account);
    }
    {
        let account = account.lock().await;
        yield_now().await;
        rung().await;
        drop(account);
    }
    drop(account);
}

async fn guard_around_a_macro(account: Arc<Mutex<u8>>) {
    let account = account.lock().await;
    yield_now().await;
    tokio::select! {
        () = rung() => {}
        () = rung() => {}
    }
    drop(account);
}

async fn three_of_different_types() {
    let it = oneshot::channel::<u8>().0;
    assert!(it.is_closed());
    let it = mpsc::channel::<u8>(1).0;
    assert!(it.is_closed());
    let it = Arc::new(Notify::new());
    rung().await;
    drop(it);
}

async fn two_of_one_type(sender: mpsc::Sender<u8>) {
    let sender = sender.clone();
    rung().await;
    drop(sender);
}
