//! Runtimes.

use serde::{Deserialize, Serialize};

use super::{Address, Registration};

/// What owns and polls tasks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Runtime {
    /// Where its shared state is.
    pub address: Address,
    /// What it is.
    pub kind: RuntimeKind,
    /// Tokio's id of it, as `tokio::runtime::Id` prints it. `None` for a `LocalSet`.
    #[serde(default)]
    pub id: Option<u64>,
    /// How many tasks it owns by its own count. `None` for a `LocalSet`, which does not count them.
    pub owned: Option<u64>,
    /// The registrations with its I/O driver that somebody waits for.
    #[serde(default)]
    pub registrations: Vec<Registration>,
    /// Its blocking pool. `None` for a `LocalSet`, or if it is not known.
    pub blocking_pool: Option<BlockingPool>,
}

/// The kinds of runtimes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum RuntimeKind {
    /// `multi_thread`.
    MultiThread,
    /// `current_thread`.
    CurrentThread,
    /// A `LocalSet`.
    LocalSet,
}

/// The threads for `spawn_blocking`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct BlockingPool {
    /// Where its state is.
    pub address: Address,
    /// How many threads it has, workers of the runtime included.
    pub threads: Option<u64>,
    /// How many of them are idle.
    pub idle: Option<u64>,
    /// How many threads it may have, workers of the runtime included.
    pub limit: Option<u64>,
}
