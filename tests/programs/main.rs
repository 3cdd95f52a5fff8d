//! Programs that the engine must judge rightly: each that is stuck has a near miss that is not.
//!
//! They play like scenarios, so that what is expected of them is checked as it is for those, and each in
//! a process of its own, as a process has only so many threads that could wake a task.

/// A scenario with one side, of the same name.
#[cfg(tokio_unstable)]
macro_rules! program {
    ($name:literal, $main:path, $expected:expr) => {
        unstuck::demo::Scenario {
            name: $name,
            summary: "",
            contrast: "",
            sides: &[unstuck::demo::Side {
                name: $name,
                main: |job| Box::pin($main(job)),
                file: file!(),
                source: "",
                expected: $expected,
            }],
            workers: Some(3),
            posts: Some(3),
            latency: std::time::Duration::from_millis(200),
            fix: None,
            page: "",
            next: &[],
        }
    };
}

#[cfg(tokio_unstable)]
mod around;
#[cfg(tokio_unstable)]
mod expected;
#[cfg(tokio_unstable)]
mod left_behind;
#[cfg(tokio_unstable)]
mod locks;
#[cfg(tokio_unstable)]
mod many;
#[cfg(tokio_unstable)]
mod near_misses;
#[cfg(tokio_unstable)]
mod permits;
#[cfg(tokio_unstable)]
mod stuck;

#[cfg(tokio_unstable)]
use expected::{A_WHILE, COMPLETES, completes, fails, hangs};

#[cfg(tokio_unstable)]
fn main() -> std::process::ExitCode {
    let all: Vec<_> = [
        stuck::PROGRAMS,
        near_misses::PROGRAMS,
        left_behind::PROGRAMS,
        many::PROGRAMS,
        locks::PROGRAMS,
        permits::PROGRAMS,
    ]
    .concat();
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let Some(("around", rest)) = arguments
        .split_first()
        .map(|(first, rest)| (&**first, rest))
    {
        return around::main(&all, rest).unwrap_or_else(|error| {
            eprintln!("{error}");
            2.into()
        });
    }
    let chapter = unstuck::demo::Chapter {
        name: "programs",
        title: "small programs, each stuck or nearly so",
        scenarios: all.leak(),
    };
    unstuck::cli::main(std::env::args_os(), vec![chapter].leak()).into()
}

#[cfg(not(tokio_unstable))]
fn main() {}
