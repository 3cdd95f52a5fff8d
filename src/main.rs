//! Plays the scenarios of `scenarios/` and reports what became of them.

use std::process::ExitCode;

#[cfg(tokio_unstable)]
#[path = "../scenarios/mod.rs"]
mod scenarios;

#[cfg(tokio_unstable)]
fn main() -> ExitCode {
    unstuck::cli::main(scenarios::ALL)
}

#[cfg(not(tokio_unstable))]
fn main() -> ExitCode {
    unstuck::cli::main()
}
