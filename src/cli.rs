//! The command line: what may be asked for, and how it is answered.

#[cfg(tokio_unstable)]
mod all;
#[cfg(tokio_unstable)]
mod answer;
mod arguments;
#[cfg(tokio_unstable)]
mod catalogue;
#[cfg(target_os = "linux")]
mod command;
mod explain;
mod manual;
#[cfg(tokio_unstable)]
mod messages;
mod output;
mod usage;

use std::ffi::OsString;
use std::io::{self, Write};

use clap::{CommandFactory, Parser};

use crate::exit;
use arguments::{Arguments, Command};
use output::print;

/// Answers a command line, from a catalogue of chapters with at least one scenario, and returns the
/// [exit code](crate::exit).
///
/// The first of `arguments` is the name of the program.
#[cfg(tokio_unstable)]
pub fn main(
    arguments: impl IntoIterator<Item = OsString>,
    catalogue: &'static [crate::demo::Chapter],
) -> u8 {
    let arguments: Vec<OsString> = arguments.into_iter().collect();
    if let Some(code) = crate::demo::play_if_asked(&arguments, catalogue) {
        return code;
    }
    let catalogue = catalogue::Catalogue(catalogue);
    respond(arguments, |command| answer::answer(command, catalogue))
}

/// Answers a command line as far as a build can that has no scenarios, as they need the cfg, and returns the
/// [exit code](crate::exit).
#[cfg(not(tokio_unstable))]
pub fn main(arguments: impl IntoIterator<Item = OsString>) -> u8 {
    respond(arguments, |_| {
        let line = "this build has `explain` only, as scenarios need Tokio's hooks; build it with \
                    `--cfg tokio_unstable` in RUSTFLAGS, as the project's own .cargo/config.toml does";
        Err(Failure::Failed(line.to_owned()))
    })
}

/// Why a command was not answered. Each is a line that says what to do instead.
enum Failure {
    Usage(String),
    Failed(String),
    Output(io::Error),
}

fn respond(
    arguments: impl IntoIterator<Item = OsString>,
    answer: impl FnOnce(Command) -> Result<u8, Failure>,
) -> u8 {
    let arguments: Vec<OsString> = arguments.into_iter().collect();
    #[cfg(target_os = "linux")]
    if let Some(error) = crate::explain::command::continue_launch(&arguments) {
        return complain(error.exit_code(), &error.to_string());
    }
    let answered = match Arguments::try_parse_from(arguments) {
        Ok(Arguments { command }) => match command.unwrap_or_default() {
            Command::Completions { shell } => completions(shell),
            Command::Man => man(),
            Command::Explain(arguments) => explain::explain(&arguments),
            command => answer(command),
        },
        Err(error) if !error.use_stderr() => print(&error.render().ansi().to_string()),
        Err(error) => Err(Failure::Usage(usage::in_one_line(&error))),
    };
    match answered {
        Ok(code) => code,
        // Whoever reads our output has seen enough.
        Err(Failure::Output(error)) if error.kind() == io::ErrorKind::BrokenPipe => {
            exit::AS_EXPECTED
        }
        Err(Failure::Output(error)) => complain(
            exit::FAILED,
            &format!("the output can't be written: {error}"),
        ),
        Err(Failure::Usage(line)) => complain(exit::USAGE, &line),
        Err(Failure::Failed(line)) => complain(exit::FAILED, &line),
    }
}

fn complain(code: u8, line: &str) -> u8 {
    // With nowhere left to say it, the exit code has to do.
    let _ = writeln!(io::stderr(), "error: {line}");
    code
}

fn completions(shell: clap_complete::Shell) -> Result<u8, Failure> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Arguments::command(), "unstuck", &mut script);
    print(&String::from_utf8_lossy(&script))
}

/// One page, with what each command takes.
fn man() -> Result<u8, Failure> {
    let mut page = Vec::new();
    manual::write(&mut page).map_err(Failure::Output)?;
    print(&String::from_utf8_lossy(&page))
}
