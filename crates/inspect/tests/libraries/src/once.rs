//! What is set once.

use std::sync::Arc;

use tokio::sync::{Mutex, OnceCell, SetOnce, oneshot};

static POOL: OnceCell<u32> = OnceCell::const_new();

/// The task that initializes the cell wants a lock, which one that waits for the cell holds.
#[tokio::main]
pub async fn cell_in_circle() {
    crate::spawn_ticker();
    let config = Arc::new(Mutex::new(1));
    let held = config.lock().await;
    let wanted = config.clone();
    let (begins, begun) = oneshot::channel();
    tokio::spawn(async move {
        let connect = || async move {
            begins.send(()).unwrap();
            *wanted.lock().await
        };
        POOL.get_or_init(connect).await;
    });
    begun.await.unwrap();
    crate::ready();
    POOL.get_or_init(|| async { 2 }).await;
    drop(held);
}

/// The task that initializes the cell sleeps meanwhile.
#[tokio::main]
pub async fn slow_cell() {
    let connect = || async {
        tokio::time::sleep(crate::HOUR).await;
        1
    };
    for _ in 0..2 {
        tokio::spawn(async move { POOL.get_or_init(connect).await });
    }
    crate::ready();
    std::future::pending::<()>().await;
}

async fn wait(opened: Arc<SetOnce<u32>>) {
    opened.wait().await;
}

/// The one that was to set it has ended without.
#[tokio::main]
pub async fn orphaned() {
    crate::spawn_ticker();
    let opened = Arc::new(SetOnce::new());
    tokio::spawn(wait(opened.clone()));
    crate::ready();
    opened.wait().await;
}

/// A task sleeps, and sets it then.
#[tokio::main]
pub async fn late() {
    let opened = Arc::new(SetOnce::new());
    let setter = opened.clone();
    tokio::spawn(async move {
        tokio::time::sleep(crate::HOUR).await;
        setter.set(1).unwrap();
    });
    crate::ready();
    wait(opened).await;
}
