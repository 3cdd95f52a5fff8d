//! How a task ended, and results that locals hold.

use serde::{Deserialize, Serialize};

use super::LocalId;

/// How a task ended.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
#[non_exhaustive]
pub enum Outcome {
    /// It returned a value that is no error.
    Returned,
    /// It returned an error.
    Error {
        /// The error, about as `{:?}` prints it. It is cut off after [`Outcome::LONGEST`] characters.
        text: String,
    },
    /// It panicked.
    Panic {
        /// The message. `None` if the panic has none, or it can't be read.
        text: Option<String>,
    },
    /// It was cancelled.
    Cancelled,
    /// Somebody has taken what it returned.
    Taken,
}

impl Outcome {
    /// How long a text is at most, in characters.
    pub const LONGEST: usize = 200;

    /// Whether it is an error or a panic.
    pub fn is_failure(&self) -> bool {
        matches!(self, Self::Error { .. } | Self::Panic { .. })
    }
}

/// A local that holds results, such as a `Vec<Result<T, E>>`, of which at least one is an error.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HeldResults {
    /// The local.
    pub local: LocalId,
    /// How many results it holds.
    pub count: u64,
    /// Those that are no success, each with how many of them are alike, in the order of the first of each. A
    /// [`JoinError`] is a panic or a cancellation.
    ///
    /// [`JoinError`]: https://docs.rs/tokio/latest/tokio/task/struct.JoinError.html
    pub failures: Vec<(Outcome, u64)>,
}
