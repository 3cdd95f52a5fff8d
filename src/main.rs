//! The program: `explain`, and where the build has them, the scenarios of `scenarios/`.

use std::env;
use std::process::ExitCode;

#[cfg(all(tokio_unstable, feature = "demo"))]
#[path = "../scenarios/mod.rs"]
mod scenarios;

#[cfg(all(tokio_unstable, feature = "demo"))]
fn main() -> ExitCode {
    unstuck::cli::main(env::args_os(), scenarios::ALL).into()
}

#[cfg(not(all(tokio_unstable, feature = "demo")))]
fn main() -> ExitCode {
    unstuck::cli::main(env::args_os()).into()
}
