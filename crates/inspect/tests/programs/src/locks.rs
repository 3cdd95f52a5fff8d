//! Two tasks that take two locks, each in its own order.

use std::future::pending;
use std::sync::Arc;

use tokio::sync::{Barrier, Mutex};

/// One `Arc` shares both locks.
struct Shared {
    first: Mutex<u8>,
    second: Mutex<u8>,
    both_hold_one: Barrier,
}

#[tokio::main]
pub async fn main() {
    spawn();
    crate::ready();
    pending::<()>().await;
}

pub fn spawn() {
    let shared = Arc::new(Shared {
        first: Mutex::new(1),
        second: Mutex::new(2),
        both_hold_one: Barrier::new(2),
    });
    tokio::spawn(forwards(shared.clone()));
    tokio::spawn(backwards(shared));
}

async fn forwards(shared: Arc<Shared>) {
    let mut first = shared.first.lock().await;
    shared.both_hold_one.wait().await;
    *first += *shared.second.lock().await;
}

async fn backwards(shared: Arc<Shared>) {
    let mut second = shared.second.lock().await;
    shared.both_hold_one.wait().await;
    *second += *shared.first.lock().await;
}
