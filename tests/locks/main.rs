//! Locks under a guard: a part of a program that is stuck in them is told of while the rest goes on, and a program that
//! is only busy never is.

#![cfg(all(target_os = "linux", target_arch = "x86_64"))]

mod guarded;
mod traffic;
