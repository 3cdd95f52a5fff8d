//! Ctrl+C.

use std::io;
use std::thread;

use tokio::runtime::Builder;
#[cfg(windows)]
use tokio::signal::windows::ctrl_c as interrupt;

use crate::observe::{mark_own_thread, unrecorded};

#[cfg(unix)]
fn interrupt() -> io::Result<tokio::signal::unix::Signal> {
    tokio::signal::unix::signal(tokio::signal::unix::SignalKind::interrupt())
}

/// Calls `f` at the first Ctrl+C. From now on Ctrl+C does not end the process by itself.
///
/// On a thread of its own, so that it works whatever the runtimes are stuck in.
pub(super) fn on_interrupt(f: impl FnOnce() + Send + 'static) -> io::Result<()> {
    let runtime = Builder::new_current_thread().enable_io().build()?;
    let mut interrupts = {
        let _here = runtime.enter();
        interrupt()?
    };
    let listen = move || {
        mark_own_thread();
        let _unrecorded = unrecorded();
        if runtime.block_on(interrupts.recv()).is_some() {
            f();
        }
    };
    thread::Builder::new()
        .name("unstuck-ctrl-c".into())
        .spawn(listen)?;
    Ok(())
}
