//! Ctrl+C; and, where there are such, Ctrl+\ and what `kill` sends.

use std::io;
use std::process;

use tokio::runtime::Builder;

use crate::exit;
use crate::observe::{start_watching, unrecorded};

/// What a process can be asked for from outside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Signal {
    /// Ctrl+C.
    Interrupt,
    /// Ctrl+\, on Unix: SIGQUIT.
    Quit,
    /// On Unix: SIGTERM, as `kill` and `timeout` send it.
    #[cfg_attr(
        not(feature = "demo"),
        expect(dead_code, reason = "the demo alone has something to clear away")
    )]
    Terminate,
}

impl Signal {
    /// With which a process ends that the signal has ended, by the habit of shells.
    pub(crate) fn exit_code(self) -> u8 {
        match self {
            Signal::Interrupt => exit::INTERRUPTED,
            Signal::Quit => exit::QUIT,
            Signal::Terminate => exit::TERMINATED,
        }
    }

    #[cfg(unix)]
    fn listen(self) -> io::Result<tokio::signal::unix::Signal> {
        use tokio::signal::unix::{SignalKind, signal};

        use crate::observe::leave_out_signal;

        let kind = match self {
            Signal::Interrupt => SignalKind::interrupt(),
            Signal::Quit => SignalKind::quit(),
            Signal::Terminate => SignalKind::terminate(),
        };
        leave_out_signal(kind.as_raw_value());
        signal(kind)
    }

    #[cfg(windows)]
    fn listen(self) -> io::Result<tokio::signal::windows::CtrlC> {
        match self {
            Signal::Interrupt => tokio::signal::windows::ctrl_c(),
            Signal::Quit | Signal::Terminate => Err(io::ErrorKind::Unsupported.into()),
        }
    }
}

/// Calls `f` each time the signal comes. Where that says that it has no use for it, the signal ends the process,
/// as it would have without. Where there is no such signal, nothing calls it.
///
/// On a thread of its own, so that it works whatever the runtimes are stuck in.
pub(crate) fn on(signal: Signal, mut f: impl FnMut() -> bool + Send + 'static) -> io::Result<()> {
    let runtime = Builder::new_current_thread().enable_io().build()?;
    let listening = {
        let _here = runtime.enter();
        signal.listen()
    };
    let mut signals = match listening {
        Err(error) if error.kind() == io::ErrorKind::Unsupported => return Ok(()),
        listening => listening?,
    };
    let listen = move || {
        let _unrecorded = unrecorded();
        while runtime.block_on(signals.recv()).is_some() {
            if !f() {
                process::exit(signal.exit_code().into());
            }
        }
    };
    start_watching("unstuck-signals", listen)?;
    Ok(())
}
