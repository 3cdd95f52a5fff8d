//! Plays the scenarios of `scenarios/` and reports what became of them.

use std::env;
use std::process::ExitCode;

#[cfg(tokio_unstable)]
#[path = "../scenarios/mod.rs"]
mod scenarios;

#[cfg(tokio_unstable)]
fn main() -> ExitCode {
    unstuck::cli::main(env::args_os(), scenarios::ALL).into()
}

#[cfg(not(tokio_unstable))]
fn main() -> ExitCode {
    unstuck::cli::main(env::args_os()).into()
}
