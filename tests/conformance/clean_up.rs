//! Tasks that have something to clean up, and whether they did.

use std::future::pending;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::runtime::Handle;
use tokio::sync::watch;
use tokio::task;

use crate::failing::Unit;

/// Counts the clean-ups that have run, and those that sleepers have ahead of them.
#[derive(Clone, Default)]
pub(crate) struct CleanUps(Arc<Counts>);

#[derive(Default)]
struct Counts {
    ran: AtomicUsize,
    asleep: watch::Sender<usize>,
}

pub(crate) struct CleanUp(CleanUps);

impl CleanUps {
    pub(crate) fn guard(&self) -> CleanUp {
        CleanUp(self.clone())
    }

    pub(crate) fn ran(&self) -> usize {
        self.0.ran.load(Ordering::SeqCst)
    }

    /// How many have yet to run.
    pub(crate) fn ahead(&self) -> usize {
        Arc::strong_count(&self.0) - 1
    }

    /// Waits until that many sleepers sleep.
    pub(crate) async fn asleep(&self, sleepers: usize) {
        let mut asleep = self.0.asleep.subscribe();
        asleep.wait_for(|asleep| *asleep >= sleepers).await.unwrap();
    }
}

impl Drop for CleanUp {
    fn drop(&mut self) {
        self.0.0.ran.fetch_add(1, Ordering::SeqCst);
    }
}

/// Sleeps for ever, and cleans up when it is cancelled.
pub(crate) async fn sleeper(guard: CleanUp) -> Unit {
    guard.0.0.asleep.send_modify(|asleep| *asleep += 1);
    let _guard = guard;
    pending().await
}

/// Sleeps for ever, and panics when it is cancelled, were it before its first poll.
pub(crate) async fn bombed(bomb: Bomb) -> Unit {
    let _bomb = bomb;
    pending().await
}

/// Panics with this text when it is dropped.
pub(crate) struct Bomb(pub(crate) &'static str);

impl Drop for Bomb {
    fn drop(&mut self) {
        assert!(std::thread::panicking(), "{}", self.0);
    }
}

/// Waits until no more than so many tasks of the runtime are left.
pub(crate) async fn until_alive(tasks: usize) {
    while Handle::current().metrics().num_alive_tasks() > tasks {
        task::yield_now().await;
    }
}
