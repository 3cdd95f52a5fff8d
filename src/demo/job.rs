//! What a side is given to do.

use std::time::Duration;

use sqlx::sqlite::SqliteConnectOptions;

/// What a side is given to do: posts in a database, and how to go about them.
#[derive(Clone, Debug)]
pub struct Job {
    /// The database. It has `posts` posts with the ids 1, 2, 3 and so on, none of which has content.
    pub database: SqliteConnectOptions,
    /// How many posts there are.
    pub posts: i64,
    /// How many workers to run.
    pub workers: usize,
    /// How long the API takes to answer.
    pub latency: Duration,
    /// Whether to run with the scenario's bug fixed.
    pub fixed: bool,
}
