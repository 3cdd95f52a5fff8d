//! Tasks that hold something while they wait.

use std::future::pending;
use std::sync::Arc;

use tokio::sync::{Mutex, OwnedMutexGuard, RwLock, Semaphore, broadcast, mpsc, oneshot, watch};
use tokio::task::{JoinHandle, JoinSet};

#[tokio::main]
pub async fn main() {
    tokio::spawn(senders());
    tokio::spawn(guards());
    tokio::spawn(owned_guard(Arc::new(Mutex::new(0)).lock_owned().await));
    tokio::spawn(collections());
    tokio::spawn(tasks(tokio::spawn(pending::<()>())));
    tokio::spawn(moved());
    crate::ready();
    pending::<()>().await;
}

async fn senders() {
    let (sender, receiver) = mpsc::channel::<u8>(4);
    let weak = sender.downgrade();
    let second = sender.clone();
    let (reply, answer) = oneshot::channel::<u8>();
    let (setting, settings) = watch::channel(0);
    let (news, listener) = broadcast::channel::<u8>(4);
    pending::<()>().await;
    drop((
        sender, receiver, weak, second, reply, answer, setting, settings, news, listener,
    ));
}

async fn guards() {
    let lock = Mutex::new(0);
    let table = RwLock::new(0);
    let other = RwLock::new(0);
    let permits = Semaphore::new(10);
    let guard = lock.lock().await;
    let read = table.read().await;
    let write = other.write().await;
    let permit = permits.acquire_many(3).await.unwrap();
    pending::<()>().await;
    drop((guard, read, write, permit));
}

async fn owned_guard(guard: OwnedMutexGuard<u8>) {
    pending::<()>().await;
    drop(guard);
}

async fn collections() {
    let vector: Vec<oneshot::Sender<u8>> = (0..3).map(|_| oneshot::channel().0).collect();
    let queue: std::collections::VecDeque<oneshot::Sender<u8>> =
        (0..3).map(|_| oneshot::channel().0).collect();
    let boxed: Box<[oneshot::Sender<u8>]> = (0..3).map(|_| oneshot::channel().0).collect();
    let mut maybe = Some(oneshot::channel::<u8>().0);
    let mut nothing: Option<oneshot::Sender<u8>> = None;
    pending::<()>().await;
    maybe.take();
    nothing.take();
    drop((vector, queue, boxed));
}

async fn tasks(handle: JoinHandle<()>) {
    let mut set = JoinSet::new();
    set.spawn(pending::<()>());
    let abort = handle.abort_handle();
    pending::<()>().await;
    drop((handle, set, abort));
}

/// A sender that was lent out before it was moved away: its bytes are still there.
async fn moved() {
    let (sender, mut receiver) = mpsc::channel::<u8>(4);
    let kept = sender.clone();
    drop(sender);
    receiver.recv().await;
    drop(kept);
}
