//! Programs that are stuck for sure, and the same ones with a holder that is hidden from whoever looks at types.

use std::future::Future;
use std::hint::black_box;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::sync::{
    Barrier, Mutex, Notify, RwLock, Semaphore, broadcast, mpsc, oneshot, watch,
};
use tokio::time::interval;

/// Main has in a local what wakes the task that it waits for. Or it has moved that to where nobody finds it: the local
/// has the same bytes, and the count is the same.
///
/// `name` is that of what the task waits for, and with `-hidden` or `-ticking` after it says more.
#[tokio::main]
pub async fn proof(name: &str) {
    let is_hidden = name.contains("-hidden");
    if name.contains("-ticking") {
        tokio::spawn(ticks());
    }
    match name.split('-').next().unwrap() {
        "mpsc" => {
            let (sender, mut receiver) = mpsc::channel::<()>(1);
            let waits = async move {
                receiver.recv().await;
            };
            keep(sender, waits, is_hidden).await;
        }
        "full" => {
            let (sender, receiver) = mpsc::channel::<()>(1);
            sender.try_send(()).unwrap();
            let waits = async move {
                let _ = sender.send(()).await;
            };
            keep(receiver, waits, is_hidden).await;
        }
        "oneshot" => {
            let (sender, receiver) = oneshot::channel::<()>();
            let waits = async move {
                let _ = receiver.await;
            };
            keep(sender, waits, is_hidden).await;
        }
        "watch" => {
            let (sender, mut receiver) = watch::channel(());
            let waits = async move {
                let _ = receiver.changed().await;
            };
            keep(sender, waits, is_hidden).await;
        }
        "broadcast" => {
            let (sender, mut receiver) = broadcast::channel::<()>(1);
            let waits = async move {
                let _ = receiver.recv().await;
            };
            keep(sender, waits, is_hidden).await;
        }
        "notify" => {
            let notify = Arc::new(Notify::new());
            let other = notify.clone();
            keep(notify, async move { other.notified().await }, is_hidden).await;
        }
        "barrier" => {
            let barrier = Arc::new(Barrier::new(2));
            let other = barrier.clone();
            let waits = async move {
                other.wait().await;
            };
            keep(barrier, waits, is_hidden).await;
        }
        "mutex" => {
            let lock = Arc::new(Mutex::new(()));
            let guard = lock.clone().lock_owned().await;
            let waits = async move {
                let _ = lock.lock().await;
            };
            keep(guard, waits, is_hidden).await;
        }
        "rwlock" => {
            let lock = Arc::new(RwLock::new(()));
            let guard = lock.clone().write_owned().await;
            let waits = async move {
                let _ = lock.read().await;
            };
            keep(guard, waits, is_hidden).await;
        }
        "semaphore" => {
            let semaphore = Arc::new(Semaphore::new(1));
            let permit = semaphore.clone().acquire_owned().await.unwrap();
            let waits = async move {
                let _ = semaphore.acquire().await;
            };
            keep(permit, waits, is_hidden).await;
        }
        _ => panic!("no proof {name}"),
    }
}

/// Waits for a task, with what wakes that in a local.
async fn keep<H>(handle: H, waits: impl Future<Output = ()> + Send + 'static, is_hidden: bool) {
    let kept = handle;
    // From here on it is part of the future.
    tokio::task::yield_now().await;
    if is_hidden {
        hide(kept);
    }
    let task = tokio::spawn(waits);
    crate::ready();
    task.await.unwrap();
}

/// Only a number tells where it is.
fn hide<H>(handle: H) {
    static HIDDEN: AtomicUsize = AtomicUsize::new(0);
    // An optimizer would leave out what is never used.
    let handle = Box::into_raw(black_box(Box::new(handle)));
    HIDDEN.store(handle.expose_provenance(), Ordering::Relaxed);
    black_box(&HIDDEN);
}

async fn ticks() {
    let mut interval = interval(Duration::from_millis(500));
    loop {
        interval.tick().await;
    }
}
