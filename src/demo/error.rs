//! What can go wrong with a run itself.

use std::io;
use std::net::SocketAddr;
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
    /// The address for tokio-console is not to be had.
    #[error("tokio-console can't be served at {address}: {}; name a free address, as in `--console 127.0.0.1:6670`", source.kind())]
    Console {
        /// The address.
        address: SocketAddr,
        /// Why it failed.
        source: io::Error,
    },
    /// The process already sends its records elsewhere.
    #[error(
        "another subscriber for tracing is installed already; run the demo before it, or without it"
    )]
    Subscriber,
    /// The system refused a runtime or a thread.
    #[error("no thread or runtime could be started: {0}; the system may be out of either")]
    Runtime(#[from] io::Error),
    /// The thread that plays a side is gone.
    #[error("side `{side}` ended without a result; this is a fault of unstuck itself")]
    SideDied {
        /// Which side.
        side: &'static str,
    },
}
