//! The program, run as its users run it.

#[cfg(unix)]
mod completion;
#[cfg(tokio_unstable)]
mod console;
#[cfg(any(tokio_unstable, all(target_os = "linux", target_arch = "x86_64")))]
mod examples;
#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
mod explain;
#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
mod explain_channels;
#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
mod explain_command;
#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
mod explain_outside;
#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
mod guard;
#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
mod health;
#[cfg(tokio_unstable)]
mod hold;
#[cfg(tokio_unstable)]
mod json;
#[cfg(tokio_unstable)]
mod lessons;
mod libraries;
#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
mod outcomes;
#[cfg(tokio_unstable)]
mod programs;
#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
mod proofs;
#[cfg(any(tokio_unstable, unix))]
mod pty;
mod readme;
#[cfg(tokio_unstable)]
mod rules;
#[cfg(all(tokio_unstable, unix))]
mod shutdown;
#[cfg(tokio_unstable)]
mod soak;
#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
mod stacks;
mod task_groups;
#[cfg(tokio_unstable)]
mod terminal;
mod tidy;
mod tools;
mod unstuck;
mod usage;
#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
mod watched;
