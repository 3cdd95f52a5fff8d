//! A command that runs as it would alone, and is explained while it does.
//!
//! # How a key reaches unstuck, and not the command
//!
//! The command is in unstuck's process group and has its descriptors, so it has the same terminal: input, output,
//! colours, window size, Ctrl+C and Ctrl+Z are as they are without unstuck, which has nothing to proxy and changes no
//! setting of the terminal. Ctrl+\ sends SIGQUIT to the whole group. The command is started with SIGQUIT blocked and
//! ignored, and what it starts inherits that. Blocked, it does not reach a program that has a handler for it, as
//! cargo-nextest does. Ignored, it does not end a program whose parent unblocked it, as dash does in a script.
//!
//! A process group for the command would take the key away from unstuck, as the terminal sends signals to one group
//! only. A pseudo-terminal in between would let unstuck see each byte, but it would have to imitate the terminal: its
//! settings, window size and job control, and it could not be used where only some of the three descriptors are a
//! terminal.
//!
//! So SIGQUIT explains, from the keyboard or from `kill -QUIT`, and does not reach the command. In a program that turns
//! the keys of the terminal off (an editor, say) Ctrl+\ is a key like any other, and `kill -QUIT` is left. A program
//! that unblocks SIGQUIT and has a handler for it gets it from the keyboard.
//!
//! # Signals
//!
//! unstuck blocks the signals that it can pass on, and reads them one by one. Those that a process sent go to the
//! command. Those that the kernel sent (Ctrl+C, a terminal that was closed) went to the whole group, so the command has
//! them already. unstuck stops when the command has stopped, so that the shell sees the whole job stop.

use std::ffi::OsString;
use std::io;
use std::sync::mpsc;
use std::sync::{Arc, Condvar, Mutex};
use std::thread;
use std::time::Duration;

use nix::errno::Errno;
use nix::sys::signal::{SigSet, Signal};
use nix::sys::signalfd::{SfdFlags, SignalFd};
use rustix::process::{self, Pid, Resource, Rlimit, WaitOptions, WaitStatus};

use super::descendants::is_stopped;
use super::launch;
pub use super::launch::{LaunchError, continue_launch};
pub use super::monitor::Event;
use super::monitor::{Monitor, Request};
use crate::sync::lock;

/// What is read from a descriptor rather than handled.
const SIGNALS: [Signal; 11] = [
    Signal::SIGCHLD,
    Signal::SIGHUP,
    Signal::SIGINT,
    Signal::SIGQUIT,
    Signal::SIGTERM,
    Signal::SIGUSR1,
    Signal::SIGUSR2,
    Signal::SIGWINCH,
    Signal::SIGTSTP,
    Signal::SIGTTIN,
    Signal::SIGTTOU,
];

/// How a command ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// With this exit code.
    Exited(u8),
    /// By the signal of this number.
    Signaled(i32),
}

impl Ended {
    /// Ends this process in the same way where a signal ended the command, so that whoever waits for it can tell.
    ///
    /// Returns the exit code to end with otherwise: 128 + the signal's number for a signal that does not end this
    /// process.
    pub fn end_alike(self) -> u8 {
        let number = match self {
            Ended::Exited(code) => return code,
            Ended::Signaled(number) => number,
        };
        if let Ok(signal) = Signal::try_from(number) {
            // The command has written a core file if there is to be one.
            let none = Rlimit {
                current: Some(0),
                maximum: Some(0),
            };
            let _ = process::setrlimit(Resource::Core, none);
            let _ = SigSet::from(signal).thread_unblock();
            // The standard library's handler of SIGSEGV and SIGBUS resets itself and returns.
            for _ in 0..2 {
                let _ = nix::sys::signal::raise(signal);
            }
        }
        u8::try_from(128 + number).unwrap_or(u8::MAX)
    }
}

/// Runs a command and waits for its end. `report` is called on a thread of its own for what there is to say meanwhile,
/// and not any more once this has returned.
///
/// Call it from the main thread while no other thread runs: the signals are blocked in all threads that are started
/// from here on.
///
/// # Errors
///
/// If the system refuses what it takes to start any process. A command that does not exist ends with the
/// [code](crate::exit::NOT_FOUND) that a shell ends with, and its process says why.
pub fn run(command: &[OsString], report: impl FnMut(Event) + Send + 'static) -> io::Result<Ended> {
    let signals: SigSet = SIGNALS.into_iter().collect();
    let before = SigSet::thread_get_mask()?;
    signals.thread_block()?;
    let descriptor = SignalFd::with_flags(&signals, SfdFlags::SFD_CLOEXEC)?;
    // What is left behind by the command's processes stays below this one.
    process::set_child_subreaper(Some(process::getpid()))?;

    let were_unblocked = SIGNALS.into_iter().filter(|it| !before.contains(*it));
    let child = launch::launch(command, &were_unblocked.collect::<Vec<Signal>>())?;
    let child = Pid::from_child(&child);

    let printer = Arc::new(Printer::default());
    let (requests, received) = mpsc::channel();
    let monitor = {
        let printer = Arc::clone(&printer);
        let mut report = report;
        let root = std::process::id();
        move || Monitor::new(root).run(&received, |event| printer.print(|| report(event)))
    };
    thread::Builder::new()
        .name("unstuck-monitor".into())
        .spawn(monitor)?;

    let ended = loop {
        let signal = match descriptor.read_signal() {
            Ok(Some(signal)) => signal,
            // This process was stopped and continued.
            Ok(None) | Err(Errno::EINTR) => continue,
            Err(error) => return Err(error.into()),
        };
        let raw = i32::try_from(signal.ssi_signo).unwrap_or_default();
        match Signal::try_from(raw) {
            Ok(Signal::SIGCHLD) => {
                if let Some(ended) = reap(child)? {
                    break ended;
                }
            }
            Ok(Signal::SIGQUIT) => {
                let _ = requests.send(Request::Explain);
            }
            // Sent by a process rather than by the kernel.
            Ok(_) if signal.ssi_code <= 0 => {
                if let Some(signal) = process::Signal::from_named_raw(raw) {
                    // It may have ended by itself.
                    let _ = process::kill_process(child, signal);
                }
            }
            _ => {}
        }
    };
    printer.close();
    Ok(ended)
}

/// Takes note of children that ended or stopped. `Some` once `command` has ended.
///
/// Others are what the command's processes left behind. A standing `SIGCHLD` may stand for several of them.
fn reap(command: Pid) -> io::Result<Option<Ended>> {
    loop {
        let (id, status) = match process::wait(WaitOptions::NOHANG | WaitOptions::UNTRACED) {
            Ok(Some(changed)) => changed,
            Ok(None) => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        if id != command {
            continue;
        }
        if status.stopped() {
            stop_alike(command);
        } else if let Some(ended) = ended(status) {
            return Ok(Some(ended));
        }
    }
}

fn ended(status: WaitStatus) -> Option<Ended> {
    let exited = status
        .exit_status()
        .and_then(|code| u8::try_from(code).ok())
        .map(Ended::Exited);
    exited.or_else(|| status.terminating_signal().map(Ended::Signaled))
}

/// Stops this process, as the command has stopped, until something continues it.
fn stop_alike(command: Pid) {
    let _ = process::kill_process(process::getpid(), process::Signal::STOP);
    // A shell continues the group, anybody else may have continued this process alone.
    if is_stopped(command.as_raw_nonzero().get().unsigned_abs()) {
        let _ = process::kill_process(command, process::Signal::CONT);
    }
}

/// Lets one report be written at a time, and none any more once it is closed.
#[derive(Default)]
struct Printer {
    state: Mutex<State>,
    free: Condvar,
}

#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum State {
    #[default]
    Free,
    Printing,
    Closed,
}

impl Printer {
    fn print(&self, write: impl FnOnce()) {
        {
            let mut state = lock(&self.state);
            if *state == State::Closed {
                return;
            }
            *state = State::Printing;
        }
        write();
        let mut state = lock(&self.state);
        if *state == State::Printing {
            *state = State::Free;
        }
        self.free.notify_all();
    }

    /// Waits for a report that is being written, unless nobody reads it.
    fn close(&self) {
        const AT_MOST: Duration = Duration::from_secs(1);
        let state = lock(&self.state);
        let printing = |state: &mut State| *state == State::Printing;
        let (mut state, _) = self
            .free
            .wait_timeout_while(state, AT_MOST, printing)
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        *state = State::Closed;
    }
}
