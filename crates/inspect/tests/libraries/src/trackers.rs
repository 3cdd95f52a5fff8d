//! Task trackers.

use tokio_util::task::TaskTracker;
use unstuck::Event;

/// All tasks have ended, and nobody closes the tracker.
#[tokio::main]
pub async fn open() {
    crate::spawn_ticker();
    let tracker = TaskTracker::new();
    tracker.spawn(async {}).await.unwrap();
    crate::ready();
    tracker.wait().await;
}

/// Its task waits for an event that nobody can set.
#[tokio::main]
pub async fn of_the_stuck() {
    crate::spawn_ticker();
    let tracker = TaskTracker::new();
    tracker.spawn(async { Event::new("opened").wait().await });
    tracker.close();
    crate::ready();
    tracker.wait().await;
}

/// One task sleeps, and another one closes the tracker then.
#[tokio::main]
pub async fn slow() {
    let tracker = TaskTracker::new();
    tracker.spawn(tokio::time::sleep(crate::HOUR));
    let closes = tracker.clone();
    tokio::spawn(async move {
        tokio::time::sleep(crate::HOUR).await;
        closes.close();
    });
    crate::ready();
    tracker.wait().await;
}
