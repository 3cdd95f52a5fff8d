//! The command line: what may be asked for, and how it is answered.

mod arguments;
#[cfg(target_os = "linux")]
mod command;
mod completion;
mod explain;
mod manual;
mod names;
mod nearest;
mod output;
#[cfg(all(tokio_unstable, feature = "demo"))]
mod scenarios;
mod usage;

use std::ffi::OsString;
use std::io::{self, Write};
#[cfg(not(all(tokio_unstable, feature = "demo")))]
use std::path::Path;

use clap::Parser;

use crate::exit;
use arguments::{Arguments, Command};
use names::Names;
use output::{print, write_bytes};
use usage::Misuse;

/// Answers a command line, from a catalogue of chapters with at least one scenario, and returns the
/// [exit code](crate::exit).
///
/// The first of `arguments` is the name of the program.
#[cfg(all(tokio_unstable, feature = "demo"))]
pub fn main(
    arguments: impl IntoIterator<Item = OsString>,
    catalogue: &'static [crate::demo::Chapter],
) -> u8 {
    let arguments: Vec<OsString> = arguments.into_iter().collect();
    if let Some(code) = crate::demo::play_if_asked(&arguments, catalogue) {
        return code;
    }
    let names = Names::of(catalogue);
    respond(&arguments, &names, |command| {
        scenarios::answer(command, catalogue, &names)
    })
}

/// Answers a command line as far as a build without scenarios can, and returns the [exit code](crate::exit).
#[cfg(not(all(tokio_unstable, feature = "demo")))]
pub fn main(arguments: impl IntoIterator<Item = OsString>) -> u8 {
    let arguments: Vec<OsString> = arguments.into_iter().collect();
    respond(&arguments, &Names::default(), |_| {
        Err(Failure::Failed(without_scenarios()))
    })
}

/// What a build lacks that has no scenarios, and the command that builds it.
#[cfg(not(all(tokio_unstable, feature = "demo")))]
fn without_scenarios() -> String {
    const SOURCE: &str = env!("CARGO_MANIFEST_DIR");
    let lacks = if cfg!(feature = "demo") {
        "`--cfg tokio_unstable`"
    } else {
        "the feature `demo`"
    };
    // What it was built from is still there, unless this is another machine. Without `--force`, Cargo does nothing
    // where only flags differ.
    let source = match usage::quoted(SOURCE).filter(|_| Path::new(SOURCE).is_dir()) {
        Some(folder) => format!("--path {folder}"),
        None => "--git URL unstuck".to_owned(),
    };
    format!(
        "this build has `explain` only, as it lacks {lacks}; for the scenarios, run \
         `RUSTFLAGS=\"--cfg tokio_unstable\" cargo install --locked --force {source}`"
    )
}

/// Why a command was not answered. Each is a line that says what to do instead.
enum Failure {
    Usage(Misuse),
    Failed(String),
    Output(io::Error),
}

fn respond(
    arguments: &[OsString],
    names: &Names,
    answer: impl FnOnce(Command) -> Result<u8, Failure>,
) -> u8 {
    #[cfg(target_os = "linux")]
    if let Some(error) = crate::explain::command::continue_launch(arguments) {
        return complain(error.exit_code(), &error.to_string(), None);
    }
    let answered = match completion::answer_if_asked(arguments, names) {
        Some(answer) => print_bytes(answer),
        None => parse_and_answer(arguments, names, answer),
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
            None,
        ),
        Err(Failure::Usage(misuse)) => {
            let (line, instead) = misuse.lines(arguments);
            complain(exit::USAGE, line, instead)
        }
        Err(Failure::Failed(line)) => complain(exit::FAILED, &line, None),
    }
}

fn parse_and_answer(
    arguments: &[OsString],
    names: &Names,
    answer: impl FnOnce(Command) -> Result<u8, Failure>,
) -> Result<u8, Failure> {
    match Arguments::try_parse_from(arguments) {
        Ok(Arguments { command }) => match command.unwrap_or_default() {
            Command::Completions { shell } => {
                print_bytes(completion::script(shell, arguments.first()))
            }
            Command::Man => man(),
            Command::Explain(arguments) => explain::explain(&arguments),
            command => answer(command),
        },
        Err(error) if !error.use_stderr() => print(&error.render().ansi().to_string()),
        Err(error) => Err(Failure::Usage(usage::misuse(&error, arguments, names))),
    }
}

/// Says what is wrong in one line, whatever is quoted in it, and in another one what to type instead.
fn complain(code: u8, line: &str, instead: Option<String>) -> u8 {
    let instead = instead.map_or_else(String::new, |it| format!("  {it}\n"));
    let text = format!("error: {}\n{instead}", usage::escaped(line));
    // With nowhere left to say it, the exit code has to do.
    let _ = io::stderr().write_all(text.as_bytes());
    code
}

/// Prints bytes unchanged: a completion script may have control characters.
fn print_bytes(text: io::Result<Vec<u8>>) -> Result<u8, Failure> {
    let text = text.map_err(Failure::Output)?;
    write_bytes(&mut io::stdout().lock(), &text)
}

/// One page, with what each command takes.
fn man() -> Result<u8, Failure> {
    let mut page = Vec::new();
    let written = manual::write(&mut page);
    print_bytes(written.map(|()| page))
}
