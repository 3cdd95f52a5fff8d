//! Starts the command.
//!
//! Two settings of the command's process can be made by that process alone, between `fork` and `exec`: which signals it
//! blocks, and which signal it gets when its parent dies. So it starts as this program under another name, makes them,
//! and replaces itself.

use std::ffi::OsString;
use std::io;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command};

use nix::sys::signal::{SigSet, Signal};

use crate::exit;

/// The name of a process that is about to become the command.
const NAME: &str = "unstuck-launch";

/// Why a command did not start.
#[derive(Debug, thiserror::Error)]
pub enum LaunchError {
    /// There is no such file.
    #[error(
        "there is no command `{0}`; check how it is spelled, or give its path, as in `./{name}`",
        name = .0.rsplit('/').next().unwrap_or_default()
    )]
    NotFound(String),
    /// The file can't be executed.
    #[error(
        "`{0}` can't be executed: {1}; make it executable with `chmod +x`, or run it with its interpreter"
    )]
    NotExecutable(String, io::Error),
}

impl LaunchError {
    /// The exit code, by the convention of shells.
    pub fn exit_code(&self) -> u8 {
        match self {
            LaunchError::NotFound(_) => exit::NOT_FOUND,
            LaunchError::NotExecutable(..) => exit::NOT_EXECUTABLE,
        }
    }
}

/// Starts `command` as a child of the calling thread, with the signal mask that this process had before it blocked
/// `blocked_here`, and SIGQUIT blocked in any case.
///
/// The child gets SIGHUP when the calling thread ends.
pub(super) fn launch(command: &[OsString], blocked_here: &[Signal]) -> io::Result<Child> {
    let numbers = blocked_here
        .iter()
        .map(|signal| (*signal as i32).to_string());
    let numbers: Vec<String> = numbers.collect();
    Command::new("/proc/self/exe")
        .arg0(NAME)
        .arg(numbers.join(","))
        .args(command)
        .spawn()
}

/// Replaces this process with the command, if [`launch`] started it for that. The first of `arguments` is the name of
/// this process.
///
/// Returns `None` if it did not, and an error if the command can't be started.
pub fn continue_launch(arguments: &[OsString]) -> Option<LaunchError> {
    let [name, numbers, program, arguments @ ..] = arguments else {
        return None;
    };
    if name != NAME {
        return None;
    }
    let numbers = numbers.to_string_lossy();
    let signals = numbers.split(',').filter_map(|number| number.parse().ok());
    let unblocked: SigSet = signals
        .filter_map(|number: i32| Signal::try_from(number).ok())
        .filter(|signal| *signal != Signal::SIGQUIT)
        .collect();
    // Neither fails with valid signals, and the command runs without them too.
    let _ = unblocked.thread_unblock();
    let _ = rustix::process::set_parent_process_death_signal(Some(rustix::process::Signal::HUP));
    let error = Command::new(program).args(arguments).exec();
    let program = program.to_string_lossy().into_owned();
    Some(if error.kind() == io::ErrorKind::NotFound {
        LaunchError::NotFound(program)
    } else {
        LaunchError::NotExecutable(program, error)
    })
}
