//! Ctrl+C.

use std::io;
use std::thread;

use tokio::runtime::Builder;
use tokio::signal;

use crate::observe::{mark_own_thread, unrecorded};

/// Calls `f` at the first Ctrl+C. From now on Ctrl+C does not end the process by itself.
///
/// On a thread of its own, so that it works whatever the runtimes are stuck in.
pub(super) fn on_interrupt(f: impl FnOnce() + Send + 'static) -> io::Result<()> {
    let runtime = Builder::new_current_thread().enable_io().build()?;
    let listen = move || {
        mark_own_thread();
        let _unrecorded = unrecorded();
        if runtime.block_on(signal::ctrl_c()).is_ok() {
            f();
        }
    };
    thread::Builder::new().name("unstuck-ctrl-c".into()).spawn(listen)?;
    Ok(())
}
