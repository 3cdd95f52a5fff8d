//! Cancellation tokens.

use tokio_util::sync::CancellationToken;
use unstuck::Event;

/// All that have the token, or one above it, wait for it.
#[tokio::main]
pub async fn orphaned() {
    crate::spawn_ticker();
    let stop = CancellationToken::new();
    let child = stop.child_token();
    tokio::spawn(async move { child.cancelled().await });
    tokio::spawn(stop.clone().cancelled_owned());
    crate::ready();
    stop.cancelled().await;
}

/// The one that could cancel its children waits for an event that nobody can set; a task with a token below, which
/// could not cancel it, goes on.
#[tokio::main]
pub async fn of_a_parent() {
    let stop = CancellationToken::new();
    let [first, second] = [(); 2].map(|()| stop.child_token());
    tokio::spawn(async move {
        tokio::time::sleep(crate::HOUR).await;
        second.cancel();
    });
    tokio::spawn(async move { first.cancelled().await });
    crate::ready();
    cancel_once_opened(stop).await;
}

async fn cancel_once_opened(stop: CancellationToken) {
    Event::new("opened").wait().await;
    stop.cancel();
}

/// A thread of the program has the token above, and sleeps.
#[tokio::main]
pub async fn of_a_thread() {
    crate::spawn_ticker();
    let stop = below_that_of_a_thread();
    crate::ready();
    stop.cancelled().await;
}

fn below_that_of_a_thread() -> CancellationToken {
    let stop = CancellationToken::new();
    let child = stop.child_token();
    std::thread::spawn(move || {
        std::thread::sleep(crate::HOUR);
        stop.cancel();
    });
    child
}

/// A task sleeps, and cancels the token above then.
#[tokio::main]
pub async fn late() {
    let stop = CancellationToken::new();
    let child = stop.child_token();
    tokio::spawn(async move {
        let _guard = stop.drop_guard();
        tokio::time::sleep(crate::HOUR).await;
    });
    crate::ready();
    child.cancelled().await;
}
