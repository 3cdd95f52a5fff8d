//! Programs that are stuck for sure, and the same ones with a holder that is hidden from whoever looks at types.

use std::any::Any;
use std::collections::{BTreeMap, HashMap, VecDeque};
use std::future::Future;
use std::hint::black_box;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::sync::{Barrier, Mutex, Notify, RwLock, Semaphore, broadcast, mpsc, oneshot, watch};
use tokio::time::interval;

/// Main waits for a task, and has what wakes that. `name` is that of what the task waits for, then of where main has
/// its side, and `ticking` if the program goes on elsewhere.
#[tokio::main]
pub async fn proof(name: &str) {
    let mut words = name.split('-');
    let (kind, place) = (words.next().unwrap(), words.next().unwrap());
    if words.next() == Some("ticking") {
        tokio::spawn(ticks());
    }
    match kind {
        "mpsc" => {
            let (sender, mut receiver) = mpsc::channel::<()>(1);
            let waits = async move {
                receiver.recv().await;
            };
            keep(sender, waits, place).await;
        }
        "full" => {
            let (sender, receiver) = mpsc::channel::<()>(1);
            sender.try_send(()).unwrap();
            let waits = async move {
                let _ = sender.send(()).await;
            };
            keep(receiver, waits, place).await;
        }
        "oneshot" => {
            let (sender, receiver) = oneshot::channel::<()>();
            let waits = async move {
                let _ = receiver.await;
            };
            keep(sender, waits, place).await;
        }
        "watch" => {
            let (sender, mut receiver) = watch::channel(());
            let waits = async move {
                let _ = receiver.changed().await;
            };
            keep(sender, waits, place).await;
        }
        "broadcast" => {
            let (sender, mut receiver) = broadcast::channel::<()>(1);
            let waits = async move {
                let _ = receiver.recv().await;
            };
            keep(sender, waits, place).await;
        }
        "notify" => {
            let notify = Arc::new(Notify::new());
            let other = notify.clone();
            keep(notify, async move { other.notified().await }, place).await;
        }
        "barrier" => {
            let barrier = Arc::new(Barrier::new(2));
            let other = barrier.clone();
            let waits = async move {
                other.wait().await;
            };
            keep(barrier, waits, place).await;
        }
        "mutex" => {
            let lock = Arc::new(Mutex::new(()));
            let guard = lock.clone().lock_owned().await;
            let waits = async move {
                let _ = lock.lock().await;
            };
            keep(guard, waits, place).await;
        }
        "rwlock" => {
            let lock = Arc::new(RwLock::new(()));
            let guard = lock.clone().write_owned().await;
            let waits = async move {
                let _ = lock.read().await;
            };
            keep(guard, waits, place).await;
        }
        "semaphore" => {
            let semaphore = Arc::new(Semaphore::new(1));
            let permit = semaphore.clone().acquire_owned().await.unwrap();
            let waits = async move {
                let _ = semaphore.acquire().await;
            };
            keep(permit, waits, place).await;
        }
        _ => panic!("no proof {name}"),
    }
}

/// Waits for a task, and has what wakes it in this place.
async fn keep<H, W>(handle: H, waits: W, place: &str)
where
    H: Send + 'static,
    W: Future<Output = ()> + Send + 'static,
{
    match place {
        "local" => keep_in(handle, waits).await,
        "moved" => keep_or_hide(handle, waits, false).await,
        "hidden" => keep_or_hide(handle, waits, true).await,
        // These have the handle in memory of their own, which stays where it is.
        "movedvec" => keep_or_hide(vec![handle], waits, false).await,
        "hiddenvec" => keep_or_hide(vec![handle], waits, true).await,
        "hiddenbox" => keep_or_hide(Box::new(handle), waits, true).await,
        "hiddenmap" => keep_or_hide(HashMap::from([(1, handle)]), waits, true).await,
        "hiddenarc" => keep_or_hide(Arc::new(handle), waits, true).await,
        "freedarc" => {
            let kept = Arc::new(handle);
            let other = Arc::clone(&kept);
            tokio::task::yield_now().await;
            drop(other);
            hide(Arc::into_inner(kept).unwrap());
            keep_in((), waits).await;
        }
        "hiddenfuture" => {
            let kept = Box::pin(async move {
                tokio::task::yield_now().await;
                drop(handle);
            });
            keep_or_hide(kept, waits, true).await;
        }
        "box" => keep_in(Some(Box::new(handle)), waits).await,
        "vec" => keep_in(vec![handle], waits).await,
        "deque" => keep_in(VecDeque::from([handle]), waits).await,
        "hashmap" => keep_in(HashMap::from([(1, handle)]), waits).await,
        "btreemap" => keep_in(BTreeMap::from([(1, handle)]), waits).await,
        "arc" => keep_in(Arc::new(handle), waits).await,
        "mutex" => keep_in(Arc::new(std::sync::Mutex::new(handle)), waits).await,
        "parking" => keep_in(Arc::new(parking_lot::Mutex::new(handle)), waits).await,
        "rwlock" => keep_in(Arc::new(std::sync::RwLock::new(handle)), waits).await,
        "tokio" => keep_in(Arc::new(Mutex::new(handle)), waits).await,
        "queue" => {
            let (sender, receiver) = mpsc::unbounded_channel();
            assert!(sender.send(handle).is_ok());
            drop(sender);
            keep_in(receiver, waits).await;
        }
        "static" => {
            static KEPT: std::sync::Mutex<Vec<Box<dyn Any + Send>>> =
                std::sync::Mutex::new(Vec::new());
            KEPT.lock().unwrap().push(Box::new(handle));
            keep_in((), waits).await;
        }
        "thread" => {
            let (runtime, (ended, end)) = (Handle::current(), oneshot::channel());
            std::thread::spawn(move || {
                runtime.block_on(keep_in(handle, waits));
                ended.send(())
            });
            end.await.unwrap();
        }
        _ => panic!("no place {place}"),
    }
}

/// Waits for a task, with what wakes it in a local.
async fn keep_in<H>(kept: H, waits: impl Future<Output = ()> + Send + 'static) {
    let task = tokio::spawn(waits);
    crate::ready();
    task.await.unwrap();
    drop(kept);
}

/// The same, but it may have moved that to where nobody finds it: the local has the same bytes then, and the count is
/// the same.
async fn keep_or_hide<H>(
    handle: H,
    waits: impl Future<Output = ()> + Send + 'static,
    is_hidden: bool,
) {
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
