//! Threads that are blocked, each in a call of another kind.

use std::io::Read as _;
use std::net::TcpListener;
use std::sync::{Arc, Barrier, Condvar, Mutex, OnceLock, RwLock, mpsc};
use std::thread;
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::sync::Notify;

const HOUR: Duration = Duration::from_secs(3600);

#[tokio::main]
pub async fn main() {
    let lock: &Mutex<u8> = Box::leak(Box::default());
    let locks: &RwLock<u8> = Box::leak(Box::default());
    let small_lock: &parking_lot::Mutex<u8> = Box::leak(Box::default());
    let small_locks: &parking_lot::RwLock<u8> = Box::leak(Box::default());
    let _guards = (
        lock.lock().unwrap(),
        locks.read().unwrap(),
        small_lock.lock(),
        small_locks.write(),
    );
    let (sender, receiver) = mpsc::channel::<u8>();
    let (full, _full) = mpsc::sync_channel(0);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let runtime = Handle::current();
    let bell = Arc::new(Notify::new());
    let ring = Arc::clone(&bell);
    blocked("lock", move || lock.lock());
    blocked("write_lock", move || locks.write());
    blocked("small_lock", move || small_lock.lock());
    blocked("small_read", move || small_locks.read());
    blocked("receive", move || receiver.recv());
    blocked("send", move || full.send(1));
    blocked("condvar", || {
        let (mutex, condvar) = (Mutex::new(()), Condvar::new());
        let _woken = condvar.wait(mutex.lock().unwrap());
    });
    blocked("barrier", || {
        Barrier::new(2).wait();
    });
    blocked("park", thread::park);
    blocked("sleep", || thread::sleep(HOUR));
    blocked("stdin", || std::io::stdin().lock().read(&mut [0]));
    blocked("accept", move || listener.accept());
    let begun = Arc::new(Barrier::new(2));
    let has_begun = Arc::clone(&begun);
    blocked("first", move || initializes(&begun));
    blocked("once", move || {
        has_begun.wait();
        ONCE.get_or_init(|| 1);
    });
    blocked("join", || thread::spawn(|| thread::sleep(HOUR)).join());
    blocked("block_on", move || runtime.block_on(bell.notified()));
    tokio::task::spawn_blocking(move || Handle::current().block_on(ring.notified()));
    crate::ready();
    std::future::pending::<()>().await;
    drop(sender);
}

static ONCE: OnceLock<u8> = OnceLock::new();

fn initializes(begun: &Barrier) {
    ONCE.get_or_init(|| {
        begun.wait();
        thread::sleep(HOUR);
        1
    });
}

fn blocked<T>(name: &str, call: impl FnOnce() -> T + Send + 'static) {
    thread::Builder::new()
        .name(name.to_owned())
        .spawn(move || {
            call();
        })
        .unwrap();
}
