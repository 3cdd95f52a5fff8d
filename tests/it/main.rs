//! The program, run as its users run it.

#[cfg(tokio_unstable)]
mod console;
#[cfg(tokio_unstable)]
mod hold;
#[cfg(tokio_unstable)]
mod json;
#[cfg(tokio_unstable)]
mod programs;
#[cfg(tokio_unstable)]
mod pty;
#[cfg(tokio_unstable)]
mod terminal;
mod unstuck;
mod usage;
