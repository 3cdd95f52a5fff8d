//! What can go wrong with a run itself.

use std::io;
use std::path::PathBuf;

/// Why a scenario could not be played. Nothing has started then, but for [`Error::Database`] and
/// [`Error::SideDied`].
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// There is no place for the databases.
    #[error("no temporary folder can be made in {}: {}; set TMPDIR to a folder that can be written to", folder.display(), source.kind())]
    TemporaryFolder {
        /// Where it was tried.
        folder: PathBuf,
        /// Why it failed.
        source: io::Error,
    },
    /// The folder with the databases could not be removed.
    #[error("the temporary folder {} could not be removed: {}; remove it by hand", folder.display(), source.kind())]
    Leftover {
        /// The folder.
        folder: PathBuf,
        /// Why it failed.
        source: io::Error,
    },
    /// A database could not be made, or not be read back.
    #[error("the database of side `{side}` could not be {what}: {source}")]
    Database {
        /// Whose database.
        side: &'static str,
        /// `made` or `read back`.
        what: &'static str,
        /// Why it failed.
        source: sqlx::Error,
    },
    /// tokio-console can't be served.
    #[error("{0}")]
    Console(String),
    /// The system refused a process, a thread or a runtime.
    #[error("no process or thread could be started: {0}; the system may be out of either")]
    Start(#[from] io::Error),
    /// The process that plays a side is gone.
    #[error(
        "the process of side `{side}` ended without a result; play it again, and see whether something kills it"
    )]
    SideDied {
        /// Which side.
        side: &'static str,
    },
}
