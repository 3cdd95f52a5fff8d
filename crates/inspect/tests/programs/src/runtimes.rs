//! Kinds of runtimes, and threads that block.

use std::future::pending;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::runtime::Builder;
use tokio::sync::Notify;
use tokio::task::{LocalSet, spawn_local};

pub fn current_thread() {
    let runtime = Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        tokio::spawn(parked());
        tokio::spawn(async {
            crate::ready();
        });
        waits_in_main(&Notify::new()).await; // waits: current_thread
    });
}

async fn waits_in_main(bell: &Notify) {
    bell.notified().await; // waits: waits_in_main
}

async fn parked() {
    pending::<()>().await; // waits: parked
}

pub fn local_set() {
    let runtime = Builder::new_current_thread().enable_all().build().unwrap();
    let set = LocalSet::new();
    set.block_on(&runtime, async {
        spawn_local(parked());
        spawn_local(async {
            crate::ready();
        });
        waits_in_main(&Notify::new()).await; // waits: local_set
    });
}

/// A runtime with no task at all.
pub fn no_tasks() {
    let runtime = Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        crate::ready();
        waits_in_main(&Notify::new()).await; // waits: no_tasks
    });
}

/// A runtime that is gone, with its tasks, before another one starts.
pub fn dropped() {
    for _ in 0..3 {
        let runtime = Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .unwrap();
        runtime.block_on(async {
            let tasks: Vec<_> = (0..100).map(|_| tokio::spawn(parked())).collect();
            tokio::task::yield_now().await;
            drop(tasks);
        });
    }
    let runtime = Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        crate::ready();
        waits_in_main(&Notify::new()).await; // waits: dropped
    });
}

/// One closure runs, two are queued.
pub fn blocking() {
    let runtime = Builder::new_multi_thread()
        .worker_threads(1)
        .max_blocking_threads(1)
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let running = tokio::task::spawn_blocking(|| blocks());
        let _queued = [
            tokio::task::spawn_blocking(|| ()),
            tokio::task::spawn_blocking(|| ()),
        ];
        crate::ready();
        running.await.unwrap(); // waits: blocking
    });
}

fn blocks() {
    std::thread::sleep(Duration::from_secs(3600)); // waits: blocks
}

/// The future of main blocks its thread while another part of it is suspended.
pub fn blocked() {
    let runtime = Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .unwrap();
    let lock = Arc::new(Mutex::new(0));
    let guard = lock.lock().unwrap();
    runtime.block_on(async {
        tokio::join!(suspended(), blocks_in_poll(&lock));
    });
    drop(guard);
}

async fn suspended() {
    pending::<()>().await; // waits: suspended
}

async fn blocks_in_poll(lock: &Mutex<u8>) {
    crate::ready();
    *lock.lock().unwrap() += 1; // waits: blocks_in_poll
}

/// A task that has ended, and whose handle is kept.
pub fn ended() {
    let runtime = Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let ended = tokio::spawn(ends());
        while !ended.is_finished() {
            tokio::task::yield_now().await;
        }
        crate::ready();
        pending::<()>().await;
        ended.await.unwrap();
    });
}

async fn ends() {}
