//! A task that waits for a signal. A program of its own: it changes how the whole process takes that signal.

use std::future::pending;

use tokio::signal::unix::{self, SignalKind};

#[tokio::main]
pub async fn main() {
    tokio::spawn(signal());
    crate::ready();
    pending::<()>().await;
}

async fn signal() {
    let mut hangups = unix::signal(SignalKind::hangup()).unwrap();
    hangups.recv().await; // waits: signal
}
