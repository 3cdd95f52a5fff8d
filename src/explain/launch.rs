//! Starts the command.
//!
//! Some settings of the command's process can be made by that process alone, between `fork` and `exec`: which signals
//! it blocks and ignores, and which one it gets when its parent dies. So it starts as a shell, which alone can ignore a
//! signal without unsafe code. That becomes this program, which sets the rest and becomes the command. A shell may
//! change the environment, so the command gets this process's own.

use std::ffi::OsString;
use std::fs;
use std::io;
use std::os::unix::ffi::OsStringExt;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{self, Child, Command};

use nix::sys::signal::{SigSet, Signal};

use crate::exit;

/// The first argument of a process that is about to become the command.
const MARK: &str = "unstuck-launch";

/// What the shell does.
const IGNORE_SIGQUIT: &str = r#"trap '' QUIT; exec "$0" "$@""#;

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

/// Starts `command` as a child of the calling thread. SIGQUIT is blocked and ignored, and of the other signals those
/// are blocked that were before this process blocked `blocked_here`.
///
/// The child gets SIGHUP when the calling thread ends.
pub(super) fn launch(command: &[OsString], blocked_here: &[Signal]) -> io::Result<Child> {
    let this = format!("/proc/{}/exe", process::id());
    let numbers = blocked_here
        .iter()
        .map(|signal| (*signal as i32).to_string());
    let numbers = numbers.collect::<Vec<String>>().join(",");
    let marks = [MARK, &numbers];
    let mut shell = Command::new("/bin/sh");
    shell.env_clear().args(["-c", IGNORE_SIGQUIT, &this]);
    match shell.args(marks).args(command).spawn() {
        // Where there is no shell, there is no script whose shell unblocks the signal.
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            Command::new(this).args(marks).args(command).spawn()
        }
        spawned => spawned,
    }
}

/// Replaces this process with the command, if `launch` started it for that. The first of `arguments` is the name of
/// this process.
///
/// Returns `None` if it did not, and an error if the command can't be started.
pub fn continue_launch(arguments: &[OsString]) -> Option<LaunchError> {
    let [name, mark, numbers, program, arguments @ ..] = arguments else {
        return None;
    };
    if mark != MARK {
        return None;
    }
    let launcher = Path::new(name).strip_prefix("/proc").ok()?.parent()?;
    let numbers = numbers.to_string_lossy();
    let signals = numbers.split(',').filter_map(|number| number.parse().ok());
    let unblocked: SigSet = signals
        .filter_map(|number: i32| Signal::try_from(number).ok())
        .filter(|signal| *signal != Signal::SIGQUIT)
        .collect();
    // Neither fails with valid signals, and the command runs without them too.
    let _ = unblocked.thread_unblock();
    let _ = rustix::process::set_parent_process_death_signal(Some(rustix::process::Signal::HUP));
    let error = match environment(launcher) {
        // unstuck has died.
        Err(error) => error,
        Ok(variables) => {
            let mut command = Command::new(program);
            command.args(arguments).env_clear().envs(variables);
            command.exec()
        }
    };
    let program = program.to_string_lossy().into_owned();
    Some(if error.kind() == io::ErrorKind::NotFound {
        LaunchError::NotFound(program)
    } else {
        LaunchError::NotExecutable(program, error)
    })
}

/// The environment that a process was started with.
fn environment(process: &Path) -> io::Result<Vec<(OsString, OsString)>> {
    let text = fs::read(Path::new("/proc").join(process).join("environ"))?;
    let variables = text.split(|byte| *byte == 0).filter_map(|variable| {
        let at = variable.iter().position(|byte| *byte == b'=')?;
        let [name, value] = [&variable[..at], &variable[at + 1..]];
        Some((
            OsString::from_vec(name.to_vec()),
            OsString::from_vec(value.to_vec()),
        ))
    });
    Ok(variables.filter(|(name, _)| !name.is_empty()).collect())
}
