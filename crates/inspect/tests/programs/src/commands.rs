//! Programs that a command starts.

use std::io::{BufRead, stdin};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Barrier, Mutex};

/// Two tasks that wait for each other, and main for both.
#[tokio::main]
pub async fn deadlock() {
    let locks = Arc::new([Mutex::new(()), Mutex::new(())]);
    let both_hold_one = Arc::new(Barrier::new(2));
    let forwards = tokio::spawn(takes_both(locks.clone(), [0, 1], both_hold_one.clone()));
    let backwards = tokio::spawn(takes_both(locks, [1, 0], both_hold_one));
    crate::ready();
    forwards.await.unwrap(); // waits: deadlock
    backwards.await.unwrap();
}

async fn takes_both(locks: Arc<[Mutex<()>; 2]>, order: [usize; 2], both_hold_one: Arc<Barrier>) {
    let _first = locks[order[0]].lock().await;
    both_hold_one.wait().await;
    let _second = locks[order[1]].lock().await; // waits: takes_both
}

/// Works for some seconds, and mostly sleeps.
#[tokio::main]
pub async fn naps() {
    let mut ticks = tokio::time::interval(Duration::from_millis(300));
    for _ in 0..5 {
        ticks.tick().await;
        tokio::spawn(tokio::time::sleep(Duration::from_millis(100)));
    }
    tokio::time::sleep(Duration::from_secs(2)).await;
}

/// Says back what it reads, until its input ends. It waits for that outside of any runtime.
#[tokio::main(flavor = "current_thread")]
pub async fn echoes() {
    crate::ready();
    for line in stdin().lock().lines() {
        println!("read {}", line.unwrap());
    }
}
