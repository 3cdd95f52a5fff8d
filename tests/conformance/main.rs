//! What a task group must do, line by line: cases that asyncio, trio and anyio are tested for, in Tokio's
//! terms, and some that only Rust can promise.

mod cancelled;
mod clean_up;
mod deep;
#[path = "../failing/mod.rs"]
mod failing;
#[path = "../flavor/mod.rs"]
mod flavor;
mod further;
mod numbered;
mod only_rust;
mod unnumbered;
mod unprintable;
