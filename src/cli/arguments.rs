//! What the command line may say. Help, completions and the manual page are made from this.

use std::ffi::OsString;
use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;

const EXAMPLES: &str = "\
Examples:
  unstuck                               play the first scenario, both sides at once
  unstuck run --fixed                   the same with its bug fixed
  unstuck run --only join-all --hold    leave it stuck until Ctrl+C, then explain
  unstuck run --console                 look at it with tokio-console meanwhile
  unstuck run --full                    with each task, and the evidence
  unstuck run --json                    the same for a program to read
  unstuck list                          all scenarios
  unstuck show lock-order               the page that teaches one
  unstuck run --all                     play every one, and say how each came out";

const RUN_EXAMPLES: &str = "\
Examples:
  unstuck run                              both sides of the first scenario
  unstuck run swallowed-errors --fixed     its bug fixed
  unstuck run --posts 1                    fewer posts than workers
  unstuck run --only join-all --hold       leave it stuck until Ctrl+C, then explain
  unstuck run --console 127.0.0.1:6670     serve tokio-console at another port
  unstuck run --all locks                  every scenario of a chapter";

const EXPLAIN_EXAMPLES: &str = "\
Examples:
  unstuck explain 4242                     what its tasks wait for, and what they hold
  unstuck explain -- ./app --flag          start it, and explain it on Ctrl+\\ and once it is stuck
  unstuck explain -- cargo nextest run     the same for each Tokio program that it starts
  unstuck explain 4242 --full              the code of libraries, too, and everything that they hold
  unstuck explain 4242 --json              the same for a program to read
  unstuck explain 4242 --save hang.json    keep what was read, to explain it later or elsewhere
  unstuck explain --snapshot hang.json     explain what was kept
  unstuck explain --core core.4242         what the tasks waited for when the process was killed

A command keeps its input, output, signals and exit code; reports go to standard error. Where Ctrl+\\ does not
reach unstuck, `kill -QUIT` does.

The process needs no preparation but debug info (Cargo's default for dev builds; `debug = true` for
others). It is not stopped, and nothing in it is polled.";

const COMPLETIONS_EXAMPLES: &str = "\
Examples:
  source <(unstuck completions bash)       in ~/.bashrc; zsh likewise, in ~/.zshrc behind compinit
  unstuck completions fish | source        in ~/.config/fish/config.fish";

pub(super) const EXIT_CODES: &str = "\
Exit codes:
  0    every side did what its scenario expects, a hang included
  1    something went wrong with unstuck itself, or around it
  2    the command line was not understood
  3    a side did not do what its scenario expects
  126  the command to explain can't be executed
  127  there is no such command to explain
  129  SIGHUP ended it: its terminal was closed
  130  Ctrl+C ended it
  131  SIGQUIT ended it before the verdict
  143  SIGTERM ended it
`explain -- COMMAND` ends as the command does.";

/// Shows why an async Rust program hangs, and which errors it swallowed
#[derive(Debug, Parser)]
// Of an option that is given twice, the last one counts: a command line can be taken up again and added to.
#[command(name = "unstuck", version, args_override_self = true, before_help = EXAMPLES, after_help = EXIT_CODES)]
pub(super) struct Arguments {
    #[command(subcommand)]
    pub(super) command: Option<Command>,
}

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Play a scenario, its sides at the same time
    #[command(before_help = RUN_EXAMPLES)]
    Run(Run),
    /// Say what the tasks of a process or a command wait for
    #[command(before_help = EXPLAIN_EXAMPLES)]
    Explain(Explain),
    /// Name all scenarios, by chapter
    List(List),
    /// Print the page that teaches a scenario
    Show(Show),
    /// Print a completion script
    #[command(before_help = COMPLETIONS_EXAMPLES)]
    Completions {
        /// For which shell
        shell: Shell,
    },
    /// Print the manual page of all commands, as `man -l -` reads it
    Man,
}

/// What stands for all chapters where one is to be named.
pub(super) const EVERY_CHAPTER: &str = "all";

/// What makes sense for one scenario only.
const PLAYED_ALONE: [&str; 10] = [
    "scenario", "only", "workers", "posts", "latency", "fixed", "full", "keep_db", "hold",
    "console",
];

#[derive(Args, Debug)]
pub(super) struct Explain {
    /// The id of the process
    #[arg(
        value_name = "PID",
        value_parser = process_id,
        required_unless_present_any = ["snapshot", "core", "command"],
        conflicts_with_all = ["snapshot", "core", "command"]
    )]
    pub(super) process: Option<u32>,
    /// Explain a core file that the kernel wrote
    #[arg(long, value_name = "FILE", conflicts_with_all = ["snapshot", "command"])]
    pub(super) core: Option<PathBuf>,
    /// The executable that the core file is of [default: the path that the core file names]
    #[arg(long, value_name = "FILE", requires = "core")]
    pub(super) exe: Option<PathBuf>,
    /// Explain a snapshot that `--save` wrote
    #[arg(long, value_name = "FILE", conflicts_with = "command")]
    pub(super) snapshot: Option<PathBuf>,
    /// Save what was read, as JSON: names, types and lines of code, addresses, counts and errors, and no other memory
    #[arg(long, value_name = "FILE", conflicts_with = "snapshot")]
    pub(super) save: Option<PathBuf>,
    /// Also write each report on a command to this folder, as text and as JSON
    #[arg(long, value_name = "DIR", requires = "command", conflicts_with_all = ["process", "core", "snapshot"])]
    pub(super) report_dir: Option<PathBuf>,
    /// Show the code of libraries, too, and everything that tasks hold
    #[arg(long)]
    pub(super) full: bool,
    /// Print the verdict only, in one line
    #[arg(short, long, conflicts_with_all = ["full", "json"])]
    pub(super) quiet: bool,
    /// Print JSON; with `--full`, tasks that are alike are not put together
    #[arg(long, conflicts_with = "command")]
    pub(super) json: bool,
    /// When to use colour; `auto` heeds `NO_COLOR` and `CLICOLOR_FORCE`
    #[arg(long, value_name = "WHEN", default_value = "auto", value_enum)]
    pub(super) color: Color,
    /// Start this command, and explain it and what it starts on Ctrl+\ or SIGQUIT, and once it is stuck
    #[arg(last = true, value_name = "COMMAND")]
    pub(super) command: Vec<OsString>,
}

#[derive(Args, Debug)]
pub(super) struct List {
    /// Print JSON
    #[arg(long)]
    pub(super) json: bool,
    /// When to use colour; `auto` heeds `NO_COLOR` and `CLICOLOR_FORCE`
    #[arg(long, value_name = "WHEN", default_value = "auto", value_enum)]
    pub(super) color: Color,
}

#[derive(Args, Debug)]
pub(super) struct Show {
    /// Which scenario; the first one if none is named
    pub(super) scenario: Option<String>,
    /// When to use colour; `auto` heeds `NO_COLOR` and `CLICOLOR_FORCE`
    #[arg(long, value_name = "WHEN", default_value = "auto", value_enum)]
    pub(super) color: Color,
}

#[derive(Args, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of its own")]
pub(super) struct Run {
    /// Which scenario; the first one if none is named
    pub(super) scenario: Option<String>,
    /// Play every scenario, or every one of a chapter that `list` names, several at a time
    #[arg(long, value_name = "CHAPTER", num_args = 0..=1, default_missing_value = EVERY_CHAPTER, conflicts_with_all = PLAYED_ALONE)]
    pub(super) all: Option<String>,
    /// Play this side only
    #[arg(long, value_name = "SIDE")]
    pub(super) only: Option<String>,
    /// How many workers each side runs, 1 to 1000 [default: as the scenario has it]
    #[arg(long, value_name = "N", value_parser = number::<1, 1000>)]
    pub(super) workers: Option<u32>,
    /// How many posts there are, 1 to 10000 [default: as the scenario has it]
    #[arg(long, value_name = "N", value_parser = number::<1, 10_000>)]
    pub(super) posts: Option<u32>,
    /// How long the simulated API takes to answer, in milliseconds, 0 to 60000 [default: as the scenario has it]
    #[arg(long, value_name = "MS", value_parser = number::<0, 60_000>)]
    pub(super) latency: Option<u32>,
    /// Fix the scenario's bug
    #[arg(long)]
    pub(super) fixed: bool,
    /// Print each task and all evidence, too
    #[arg(long, conflicts_with = "json")]
    pub(super) full: bool,
    /// Print the verdicts only, a line for each side; with `--all`, what all of them came to
    #[arg(short, long, conflicts_with_all = ["full", "json"])]
    pub(super) quiet: bool,
    /// Print JSON
    #[arg(long)]
    pub(super) json: bool,
    /// No columns, no colour, no animation, as where the output is no terminal
    #[arg(long, conflicts_with = "json")]
    pub(super) plain: bool,
    /// When to use colour; `auto` heeds `NO_COLOR` and `CLICOLOR_FORCE`
    #[arg(long, value_name = "WHEN", default_value = "auto", value_enum)]
    pub(super) color: Color,
    /// Leave the databases there, and say where
    #[arg(long)]
    pub(super) keep_db: bool,
    /// Leave a side that hangs as it is until Ctrl+C; Ctrl+\ explains it meanwhile
    #[arg(long)]
    pub(super) hold: bool,
    /// Serve tokio-console, and hold [address: 127.0.0.1:6669]
    #[arg(long, value_name = "ADDR", num_args = 0..=1, default_missing_value = "127.0.0.1:6669", value_parser = address)]
    pub(super) console: Option<SocketAddr>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Color {
    Auto,
    Always,
    Never,
}

impl Default for Command {
    /// `unstuck` alone is `unstuck run`.
    fn default() -> Self {
        match Arguments::parse_from(["unstuck", "run"]).command {
            Some(run) => run,
            None => unreachable!("`run` is a command"),
        }
    }
}

/// Parsers say what to write instead.
fn number<const FROM: u32, const TO: u32>(text: &str) -> Result<u32, String> {
    let number = text.parse().ok();
    let within = number.filter(|number| (FROM..=TO).contains(number));
    within.ok_or_else(|| format!("name a number from {FROM} to {TO}"))
}

fn process_id(text: &str) -> Result<u32, &'static str> {
    let instead = "name a process by its number; `ps -e` lists them";
    text.parse().map_err(|_| instead)
}

fn address(text: &str) -> Result<SocketAddr, &'static str> {
    let instead = "write an IP address and a port, as in `--console 127.0.0.1:6669`";
    text.parse().map_err(|_| instead)
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::Arguments;

    #[test]
    fn the_definition_of_the_command_line_is_sound() {
        Arguments::command().debug_assert();
    }
}
