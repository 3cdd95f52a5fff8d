//! Programs in which locks wait for locks: some for ever, some for a while.

use std::future::{Future, ready};
use std::sync::Arc;

use tokio::sync::{Barrier, Mutex, Notify, RwLock, RwLockWriteGuard};
use tokio::task;
use tokio::time::{sleep, timeout};
use unstuck::demo::{Job, Scenario};
use unstuck::verdict::Verdict;
use unstuck::{BoxError, TaskGroup};

use crate::{A_WHILE, COMPLETES, hangs};

pub(crate) const PROGRAMS: &[Scenario] = &[
    program!(
        "lock-cycle",
        lock_cycle,
        hangs(Verdict::Stuck, &["lock-cycle"])
    ),
    program!("slow-in-order", slow_in_order, COMPLETES),
    program!("cycle-with-time-out", cycle_with_time_out, COMPLETES),
    program!(
        "lock-around-group",
        lock_around_group,
        hangs(Verdict::Stuck, &["lock-cycle"])
    ),
    program!("lock-before-group", lock_before_group, COMPLETES),
    program!(
        "lock-around-handle",
        lock_around_handle,
        hangs(Verdict::Stuck, &["lock-cycle"])
    ),
    program!("lock-before-handle", lock_before_handle, COMPLETES),
    program!(
        "cycle-of-owned-guards",
        cycle_of_owned_guards,
        hangs(Verdict::Stuck, &["lock-cycle"])
    ),
    program!("guard-sent-on", guard_sent_on, COMPLETES),
    program!(
        "write-while-reading",
        write_while_reading,
        hangs(Verdict::Stuck, &["self-deadlock"])
    ),
    program!("read-while-reading", read_while_reading, COMPLETES),
    program!("downgrade", downgrade, COMPLETES),
    program!("lock-beside-itself", lock_beside_itself, COMPLETES),
    program!(
        "futurelock",
        futurelock,
        hangs(Verdict::Stuck, &["futurelock"])
    ),
    program!("polled-again", polled_again, COMPLETES),
    program!(
        "cycle-beside-a-socket",
        cycle_beside_a_socket,
        hangs(Verdict::Waiting, &["lock-cycle"])
    ),
];

/// Takes both locks, in this order, and does something in between.
async fn take_both(
    first: Arc<Mutex<()>>,
    second: Arc<Mutex<()>>,
    between: impl Future<Output = ()>,
) {
    let _first = first.lock().await;
    between.await;
    let _second = second.lock().await;
}

/// Waits until both have come so far.
async fn meet(other: Arc<Barrier>) {
    other.wait().await;
}

async fn lock_cycle(_job: Job) -> Result<(), BoxError> {
    let (x, y) = (Arc::new(Mutex::new(())), Arc::new(Mutex::new(())));
    let both = Arc::new(Barrier::new(2));
    let a = task::spawn(take_both(x.clone(), y.clone(), meet(both.clone())));
    take_both(y, x, meet(both)).await;
    Ok(a.await?)
}

/// The same order, and one that takes its time.
async fn slow_in_order(_job: Job) -> Result<(), BoxError> {
    let (x, y) = (Arc::new(Mutex::new(())), Arc::new(Mutex::new(())));
    let a = task::spawn(take_both(x.clone(), y.clone(), sleep(A_WHILE)));
    let b = task::spawn(take_both(x.clone(), y.clone(), task::yield_now()));
    task::yield_now().await;
    drop(y.lock().await);
    drop(x.lock().await);
    a.await?;
    Ok(b.await?)
}

/// A ring while it lasts, but one of them gives up.
async fn cycle_with_time_out(_job: Job) -> Result<(), BoxError> {
    let (x, y) = (Arc::new(Mutex::new(())), Arc::new(Mutex::new(())));
    let both = Arc::new(Barrier::new(2));
    let a = task::spawn(take_both(x.clone(), y.clone(), meet(both.clone())));
    let impatient = async {
        let _first = y.lock().await;
        both.wait().await;
        let _second = timeout(A_WHILE, x.lock()).await;
    };
    impatient.await;
    Ok(a.await?)
}

async fn group(lock: Arc<Mutex<()>>) -> Result<(), BoxError> {
    let group = TaskGroup::new("group");
    let all = group.scope(async |group| {
        group.spawn("child", async move {
            drop(lock.lock().await);
            Ok::<_, BoxError>(())
        })?;
        Ok(())
    });
    Ok(all.await?)
}

async fn lock_around_group(_job: Job) -> Result<(), BoxError> {
    let lock = Arc::new(Mutex::new(()));
    let _held = lock.lock().await;
    group(lock.clone()).await
}

/// The lock is let go before the group is waited for, though after a while.
async fn lock_before_group(_job: Job) -> Result<(), BoxError> {
    let lock = Arc::new(Mutex::new(()));
    let held = lock.clone().lock_owned().await;
    task::spawn(async move {
        sleep(A_WHILE).await;
        drop(held);
    });
    group(lock).await
}

/// The lock is held while a task is waited for that needs it.
async fn lock_around_handle(_job: Job) -> Result<(), BoxError> {
    let lock = Arc::new(Mutex::new(()));
    let _held = lock.lock().await;
    let needs = Arc::clone(&lock);
    Ok(task::spawn(async move { drop(needs.lock().await) }).await?)
}

/// The lock is let go before the task is waited for, though after a while.
async fn lock_before_handle(_job: Job) -> Result<(), BoxError> {
    let lock = Arc::new(Mutex::new(()));
    let held = lock.lock().await;
    let needs = Arc::clone(&lock);
    let child = task::spawn(async move { drop(needs.lock().await) });
    sleep(A_WHILE).await;
    drop(held);
    Ok(child.await?)
}

/// Such guards could have been handed on.
async fn cycle_of_owned_guards(_job: Job) -> Result<(), BoxError> {
    let (x, y) = (Arc::new(Mutex::new(())), Arc::new(Mutex::new(())));
    let (first, second) = (x.clone(), y.clone());
    let a = task::spawn(async move {
        let _first = first.lock_owned().await;
        task::yield_now().await;
        let _second = second.lock_owned().await;
    });
    let _first = y.lock_owned().await;
    task::yield_now().await;
    let _second = x.lock_owned().await;
    Ok(a.await?)
}

/// It looks as if main waited for its own lock, but it has handed the guard on.
async fn guard_sent_on(_job: Job) -> Result<(), BoxError> {
    let lock: &'static Mutex<()> = Box::leak(Box::new(Mutex::new(())));
    let held = lock.lock().await;
    task::spawn(async move {
        sleep(A_WHILE).await;
        drop(held);
    });
    drop(lock.lock().await);
    Ok(())
}

async fn write_while_reading(_job: Job) -> Result<(), BoxError> {
    let lock = RwLock::new(());
    let _reading = lock.read().await;
    let _writing = lock.write().await;
    Ok(())
}

async fn read_while_reading(_job: Job) -> Result<(), BoxError> {
    let lock = RwLock::new(());
    let _reading = lock.read().await;
    let _again = lock.read().await;
    sleep(A_WHILE).await;
    Ok(())
}

async fn downgrade(_job: Job) -> Result<(), BoxError> {
    let lock = Arc::new(RwLock::new(()));
    let other = Arc::clone(&lock);
    let reader = task::spawn(async move {
        let _reading = RwLockWriteGuard::downgrade(other.write().await);
        sleep(A_WHILE).await;
    });
    task::yield_now().await;
    drop(lock.write().await);
    Ok(reader.await?)
}

/// One branch holds the lock and is woken from outside, while the other one waits for it.
async fn lock_beside_itself(_job: Job) -> Result<(), BoxError> {
    let lock = Mutex::new(());
    let wake = Arc::new(Notify::new());
    let waker = Arc::clone(&wake);
    task::spawn(async move {
        sleep(A_WHILE).await;
        waker.notify_one();
    });
    let holds = async {
        let _held = lock.lock().await;
        wake.notified().await;
    };
    let waits = async { drop(lock.lock().await) };
    tokio::join!(holds, waits);
    Ok(())
}

/// Another task lets go of the lock once both futures of this one wait for it: it is granted to the first,
/// which waits in vain to be polled again.
async fn futurelock(_job: Job) -> Result<(), BoxError> {
    let lock = Arc::new(Mutex::new(()));
    let let_go = held_until_told(&lock).await;
    let first = lock.lock();
    tokio::pin!(first);
    tokio::select! {
        biased;
        _ = &mut first => {}
        () = ready(()) => {
            let_go.notify_one();
            drop(lock.lock().await);
        }
    }
    Ok(())
}

/// The same, but the first future is polled again, though after a while.
async fn polled_again(_job: Job) -> Result<(), BoxError> {
    let lock = Arc::new(Mutex::new(()));
    let let_go = held_until_told(&lock).await;
    let first = lock.lock();
    tokio::pin!(first);
    tokio::select! {
        biased;
        _ = &mut first => {}
        () = ready(()) => {
            let_go.notify_one();
            sleep(A_WHILE).await;
        }
    }
    drop(first.await);
    drop(lock.lock().await);
    Ok(())
}

/// Has a task of its own hold the lock until it is told to let it go.
async fn held_until_told(lock: &Arc<Mutex<()>>) -> Arc<Notify> {
    let held = Arc::clone(lock).lock_owned().await;
    let let_go = Arc::new(Notify::new());
    let told = Arc::clone(&let_go);
    task::spawn(async move {
        told.notified().await;
        drop(held);
    });
    let_go
}

/// The ring is there, whatever comes through the socket.
async fn cycle_beside_a_socket(_job: Job) -> Result<(), BoxError> {
    let (x, y) = (Arc::new(Mutex::new(())), Arc::new(Mutex::new(())));
    let both = Arc::new(Barrier::new(2));
    task::spawn(take_both(x.clone(), y.clone(), meet(both.clone())));
    task::spawn(take_both(y, x, meet(both)));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    listener.accept().await?;
    Ok(())
}
