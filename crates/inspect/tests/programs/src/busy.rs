//! Programs that never rest, and programs of many tasks.

use std::future::{pending, poll_fn};
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::Poll;
use std::time::Duration;

use tokio::runtime::Builder;
use tokio::sync::mpsc;

/// Tasks come and go at full speed.
#[tokio::main]
pub async fn churn() {
    crate::ready();
    loop {
        let (sender, mut receiver) = mpsc::channel::<u64>(4);
        for number in 0..16 {
            let sender = sender.clone();
            tokio::spawn(async move {
                tokio::task::yield_now().await;
                let nested = Box::pin(async move { sender.send(number).await });
                nested.await.unwrap();
            });
        }
        drop(sender);
        while receiver.recv().await.is_some() {}
    }
}

/// As many parked tasks as the second argument says.
#[tokio::main]
pub async fn parked() {
    let count: u64 = std::env::args()
        .nth(2)
        .expect("a number")
        .parse()
        .expect("a number");
    let (sender, mut receiver) = mpsc::unbounded_channel();
    for number in 0..count {
        tokio::spawn(parks(sender.clone(), number));
    }
    for _ in 0..count {
        receiver.recv().await.unwrap();
    }
    crate::ready();
    receiver.recv().await;
}

async fn parks(started: mpsc::UnboundedSender<u64>, number: u64) {
    started.send(number).unwrap();
    parks_inside(&started).await;
}

async fn parks_inside(started: &mpsc::UnboundedSender<u64>) {
    started.closed().await; // waits: parks_inside
}

static POLLS: AtomicU64 = AtomicU64::new(0);

/// A future whose waker is lost, and that counts how often it is polled. The count is printed for each line of input.
#[tokio::main]
pub async fn lost_waker() {
    tokio::spawn(loses_its_waker());
    while POLLS.load(Ordering::SeqCst) == 0 {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    std::thread::spawn(|| {
        for _ in std::io::stdin().lines() {
            println!("polls: {}", POLLS.load(Ordering::SeqCst));
        }
    });
    crate::ready();
    pending::<()>().await;
}

async fn loses_its_waker() {
    poll_fn::<(), _>(|_| {
        POLLS.fetch_add(1, Ordering::SeqCst);
        Poll::Pending
    })
    .await; // waits: loses_its_waker
}

/// A task that never returns from its poll.
pub fn spins() {
    let runtime = Builder::new_current_thread().build().unwrap();
    runtime.block_on(async {
        tokio::spawn(spin()).await.unwrap();
    });
}

async fn spin() {
    crate::ready();
    loop {
        std::hint::spin_loop();
    }
}
