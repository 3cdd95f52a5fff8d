//! Ctrl+C; and, where there are such, Ctrl+\ and what `kill` sends.

use std::io;
use std::process;
#[cfg(all(tokio_unstable, feature = "demo"))]
use std::sync::mpsc::{self, Receiver};

use tokio::runtime::Builder;

use crate::exit;
use crate::observe::unrecorded;
use crate::own_threads;

/// What a process can be asked for from outside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Signal {
    /// Ctrl+C.
    Interrupt,
    /// Ctrl+\, on Unix: SIGQUIT.
    Quit,
    /// On Unix: SIGTERM, as `kill` and `timeout` send it.
    Terminate,
    /// On Unix: SIGHUP, as a terminal that is closed sends it.
    #[cfg_attr(
        not(all(tokio_unstable, feature = "demo")),
        expect(dead_code, reason = "the demo alone has something to clear away")
    )]
    Hangup,
}

impl Signal {
    /// All that ask a process to end.
    #[cfg(all(tokio_unstable, feature = "demo"))]
    pub(crate) const ALL: [Self; 4] = [
        Signal::Interrupt,
        Signal::Quit,
        Signal::Terminate,
        Signal::Hangup,
    ];

    /// The exit code of a process that the signal has ended, by the convention of shells.
    pub(crate) fn exit_code(self) -> u8 {
        match self {
            Signal::Interrupt => exit::INTERRUPTED,
            Signal::Quit => exit::QUIT,
            Signal::Terminate => exit::TERMINATED,
            Signal::Hangup => exit::HUNG_UP,
        }
    }

    #[cfg(unix)]
    fn listen(self) -> io::Result<tokio::signal::unix::Signal> {
        use tokio::signal::unix::{SignalKind, signal};

        let kind = match self {
            Signal::Interrupt => SignalKind::interrupt(),
            Signal::Quit => SignalKind::quit(),
            Signal::Terminate => SignalKind::terminate(),
            Signal::Hangup => SignalKind::hangup(),
        };
        signal(kind)
    }

    #[cfg(windows)]
    fn listen(self) -> io::Result<tokio::signal::windows::CtrlC> {
        match self {
            Signal::Interrupt => tokio::signal::windows::ctrl_c(),
            Signal::Quit | Signal::Terminate | Signal::Hangup => {
                Err(io::ErrorKind::Unsupported.into())
            }
        }
    }
}

#[cfg(all(tokio_unstable, feature = "demo"))]
impl std::fmt::Display for Signal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Signal::Interrupt => "Ctrl+C",
            Signal::Quit => "SIGQUIT",
            Signal::Terminate => "SIGTERM",
            Signal::Hangup => "SIGHUP",
        })
    }
}

/// Hears of all signals that ask the process to end. Once nobody hears any more, the next one ends it.
#[cfg(all(tokio_unstable, feature = "demo"))]
pub(crate) fn listen() -> io::Result<Receiver<Signal>> {
    let (tell, heard) = mpsc::channel();
    for signal in Signal::ALL {
        let tell = tell.clone();
        on(signal, move || tell.send(signal).is_ok())?;
    }
    Ok(heard)
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
    own_threads::start("unstuck-signals", listen)?;
    Ok(())
}
