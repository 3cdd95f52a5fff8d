//! Real processes, read from outside.
#![cfg(all(target_os = "linux", target_arch = "x86_64"))]

mod await_stacks;
mod bad_input;
mod busy;
mod channels;
mod core_files;
mod debug_files;
mod handles;
mod holders;
mod installed;
mod macros;
mod pipes;
mod program;
mod queues;
mod runtimes;
mod shadows;
mod shared;
mod users;
mod versions;
mod wakers;
