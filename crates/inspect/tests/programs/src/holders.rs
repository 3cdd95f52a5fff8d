//! What is held outside of tasks, and by locks that block their threads.

use std::collections::HashMap;
use std::future::pending;
use std::sync::{LazyLock, Mutex, OnceLock, RwLock};
use std::time::Duration;

use tokio::runtime::Builder;
use tokio::sync::oneshot;
use tokio::task::LocalSet;

static WAITING: LazyLock<Mutex<HashMap<u64, oneshot::Sender<u8>>>> = LazyLock::new(Mutex::default);
static FIRST: OnceLock<oneshot::Sender<u8>> = OnceLock::new();
static NEVER: OnceLock<oneshot::Sender<u8>> = OnceLock::new();
static PLAIN: parking_lot::Mutex<Vec<oneshot::Sender<u8>>> = parking_lot::Mutex::new(Vec::new());

/// In statics of the program, of a function, and in the closures of a blocking pool with one thread.
pub fn outside() {
    static INNER: Mutex<Option<oneshot::Sender<u8>>> = Mutex::new(None);
    let runtime = Builder::new_multi_thread()
        .worker_threads(1)
        .max_blocking_threads(1)
        .build()
        .unwrap();
    runtime.block_on(async {
        let sender = || oneshot::channel().0;
        WAITING
            .lock()
            .unwrap()
            .extend((0..5).map(|number| (number, sender())));
        FIRST.set(sender()).unwrap();
        assert!(NEVER.get().is_none());
        PLAIN.lock().extend([sender(), sender()]);
        *INNER.lock().unwrap() = Some(sender());
        let (begun, begins) = oneshot::channel();
        let (running, queued) = (sender(), sender());
        tokio::task::spawn_blocking(move || {
            begun.send(()).unwrap();
            std::thread::sleep(Duration::from_secs(3600));
            running.send(1)
        });
        begins.await.unwrap();
        tokio::task::spawn_blocking(move || queued.send(1));
        crate::ready();
        pending::<()>().await;
    });
}

/// In a task, across an await.
#[tokio::main(flavor = "current_thread")]
pub async fn guards() {
    let local = LocalSet::new();
    local.spawn_local(holds_guards());
    local.await;
}

async fn holds_guards() {
    let (mutex, table, written) = (Mutex::new(0), RwLock::new(0), RwLock::new(0));
    let (small, shared) = (parking_lot::Mutex::new(0), parking_lot::RwLock::new(0));
    std::thread::scope(|scope| {
        let poison = || {
            let _guard = mutex.lock();
            std::panic::resume_unwind(Box::new(()));
        };
        scope.spawn(poison).join().unwrap_err();
    });
    let guard = mutex
        .lock()
        .unwrap_or_else(std::sync::PoisonError::into_inner);
    let read = (table.read().unwrap(), table.read().unwrap());
    let write = written.write().unwrap();
    let locked = small.lock();
    let several = (shared.read(), shared.read());
    crate::ready();
    pending::<()>().await;
    drop((guard, read, write, locked, several));
}
