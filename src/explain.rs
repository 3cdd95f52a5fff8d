//! Explains a process from outside: a live one by its id, one that ended by its core file, or a snapshot that was
//! saved. And [a command](command) and what it starts, while it runs.
//!
//! A live process needs no preparation. It is not stopped, and nothing in it is polled.

mod blocked_threads;
#[cfg(all(feature = "explain", target_os = "linux"))]
pub mod command;
#[cfg(all(feature = "explain", target_os = "linux"))]
mod descendants;
#[cfg(all(feature = "explain", target_os = "linux"))]
mod launch;
#[cfg(all(feature = "explain", target_os = "linux"))]
mod monitor;
mod stuck_parts;

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{self, BufReader, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use serde::Deserialize;
use unstuck_inspect::Inspector;
use unstuck_inspect::snapshot::{SCHEMA, Snapshot, ThreadState};

use crate::liveness::{Case, Diagnosis, Motion};
use crate::outcomes::Outcomes;
use crate::verdict::Verdict;

pub(crate) use blocked_threads::BlockedThreads;
#[cfg(all(tokio_unstable, feature = "demo", target_os = "linux"))]
pub(crate) use descendants::Activity;
pub(crate) use stuck_parts::StuckParts;

pub use crate::liveness::{Positions, diagnose, diagnose_one};

/// Why there is nothing to explain.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The process can't be read.
    #[error(transparent)]
    Process(#[from] unstuck_inspect::Error),
    /// The executable that a core file belongs to is not at hand.
    #[error("{0} with `--exe FILE`")]
    Executable(#[source] unstuck_inspect::Error),
    /// The file with a snapshot can't be opened or written.
    #[error("{}: {source}; name a file that can be {what}", .file.display())]
    File {
        /// The file.
        file: PathBuf,
        /// What was tried: `read` or `written`.
        what: &'static str,
        /// Why it failed.
        source: io::Error,
    },
    /// The file is no snapshot.
    #[error("{} is no snapshot: {source}; `unstuck explain PID --save FILE` writes one", .file.display())]
    NoSnapshot {
        /// The file.
        file: PathBuf,
        /// Where it differs from one.
        source: serde_json::Error,
    },
    /// The snapshot was saved by another version.
    #[error(
        "{} has schema {found}, and this version reads schema {SCHEMA}; explain it with the version that saved it",
        .file.display()
    )]
    Schema {
        /// The file.
        file: PathBuf,
        /// Its schema.
        found: u32,
    },
}

/// A snapshot with what is concluded from it.
#[derive(Clone, Debug)]
pub struct Explanation {
    /// What was read last.
    pub snapshot: Snapshot,
    /// The verdict, and why.
    pub diagnosis: Diagnosis,
    /// What is known beside what is in memory. Nothing of another process.
    pub outcomes: Outcomes,
}

/// What there is to tell after a reading: findings of its diagnosis, by their indices.
#[derive(Debug, Default)]
pub(crate) struct News {
    /// What is surely wrong.
    pub(crate) current: Vec<usize>,
    /// What of that was not told before.
    pub(crate) new: Vec<usize>,
    /// Whether something is in no report yet.
    pub(crate) is_unreported: bool,
}

impl News {
    pub(crate) fn and(mut self, other: Self) -> Self {
        self.current.extend(other.current);
        self.new.extend(other.new);
        self.is_unreported |= other.is_unreported;
        self
    }
}

/// How long to wait before a live process is read again, and before a third time if it moved meanwhile.
const PAUSES: [Duration; 2] = [Duration::from_millis(10), Duration::from_millis(40)];

/// Reads a live process until two readings agree that it does not move, at most three times.
///
/// # Errors
///
/// If it can't be read: the message says why, and what would help.
pub fn live(id: u32) -> Result<Explanation, Error> {
    let inspector = Inspector::attach(id)?;
    let compared = compare(&inspector, Search::Memory)?;
    // Its debug info may take as much memory as the rest of the work.
    drop(inspector);
    Ok(compared.explain())
}

/// Reads as [`live`] does a process that the inspector is attached to.
pub(crate) fn read(
    inspector: &Inspector,
    search: Search,
) -> Result<Explanation, unstuck_inspect::Error> {
    Ok(compare(inspector, search)?.explain())
}

/// What is searched for the addresses of what is waited for, so that more is known of who could wake whom.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Search {
    /// All memory, but not that of this process, which has the addresses that were just read.
    Memory,
    /// Nothing: the same program has the same answer each time, whatever its freed memory still has in it.
    Nothing,
}

/// A reading of a process, compared with the one before.
struct Compared {
    snapshot: Snapshot,
    motion: Motion,
    /// What was concluded already, if memory did not have to be searched.
    diagnosis: Option<Diagnosis>,
}

impl Compared {
    fn explain(self) -> Explanation {
        let diagnosis = self
            .diagnosis
            .unwrap_or_else(|| Case::twice(&self.snapshot, &self.motion).diagnosis());
        Explanation {
            snapshot: self.snapshot,
            diagnosis,
            outcomes: Outcomes::default(),
        }
    }
}

fn compare(inspector: &Inspector, search: Search) -> Result<Compared, unstuck_inspect::Error> {
    let first = Positions::of(&inspector.snapshot()?);
    read_again(inspector, search, first, &PAUSES)
}

fn read_again(
    inspector: &Inspector,
    search: Search,
    before: Positions,
    pauses: &[Duration],
) -> Result<Compared, unstuck_inspect::Error> {
    let (pause, later) = pauses.split_first().expect("a pause before each reading");
    thread::sleep(*pause);
    let mut snapshot = inspector.snapshot()?;
    let motion = Motion::between(&before, &snapshot);
    drop(before);
    let case = Case::twice(&snapshot, &motion);
    let moves = case.verdict() == Verdict::Running || !threads_rest(&snapshot);
    if moves && !later.is_empty() {
        drop(case);
        let before = Positions::of(&snapshot);
        drop(snapshot);
        return read_again(inspector, search, before, later);
    }
    let is_own = snapshot.process.id == std::process::id();
    let to_search = if search == Search::Nothing || is_own {
        BTreeSet::new()
    } else {
        case.to_search()
    };
    let diagnosis = to_search.is_empty().then(|| case.diagnosis());
    // Of many tasks, two graphs would take much memory.
    drop(case);
    if !to_search.is_empty() {
        inspector.find_pointers(&mut snapshot, to_search)?;
    }
    inspector.describe_descriptors(&mut snapshot);
    Ok(Compared {
        snapshot,
        motion,
        diagnosis,
    })
}

/// Whether all threads sleep. A worker that has just woken for nothing will soon.
fn threads_rest(snapshot: &Snapshot) -> bool {
    let mut threads = snapshot.threads.iter();
    threads.all(|thread| thread.state != ThreadState::Running)
}

impl Explanation {
    /// A program may contain Tokio and not run it, or not yet.
    pub(crate) fn has_runtime(&self) -> bool {
        !self.snapshot.runtimes.is_empty() || !self.snapshot.block_ons.is_empty()
    }
}

impl From<Snapshot> for Explanation {
    /// From one snapshot: of a core file, or one that was saved.
    fn from(snapshot: Snapshot) -> Self {
        Self {
            diagnosis: diagnose_one(&snapshot),
            snapshot,
            outcomes: Outcomes::default(),
        }
    }
}

/// What the process was doing when the kernel wrote its core file.
///
/// The debug info comes from `executable`, or from the path that the core file names.
///
/// # Errors
///
/// If the core file or the executable can't be read, or does not belong to the other.
pub fn core(file: &Path, executable: Option<&Path>) -> Result<Snapshot, Error> {
    use unstuck_inspect::Error as Cause;
    let inspector = Inspector::open_core(file, executable).map_err(|cause| match cause {
        Cause::NoExecutable { .. } | Cause::ReplacedExecutable { .. } => Error::Executable(cause),
        cause => Error::Process(cause),
    })?;
    let mut snapshot = inspector.snapshot()?;
    let to_search = Case::once(&snapshot, &Motion::default()).to_search();
    if !to_search.is_empty() {
        inspector.find_pointers(&mut snapshot, to_search)?;
    }
    Ok(snapshot)
}

/// Reads a snapshot that [`save`] wrote.
///
/// # Errors
///
/// If the file can't be read, is no snapshot, or has another [schema](SCHEMA).
pub fn saved(file: &Path) -> Result<Snapshot, Error> {
    #[derive(Deserialize)]
    struct Version {
        schema: u32,
    }
    let text = io::read_to_string(BufReader::new(open(file)?)).map_err(|source| Error::File {
        file: file.to_owned(),
        what: "read",
        source,
    })?;
    let no_snapshot = |source| Error::NoSnapshot {
        file: file.to_owned(),
        source,
    };
    // First, as the rest may be laid out differently in another schema.
    let Version { schema } = serde_json::from_str(&text).map_err(no_snapshot)?;
    if schema != SCHEMA {
        let file = file.to_owned();
        let found = schema;
        return Err(Error::Schema { file, found });
    }
    serde_json::from_str(&text).map_err(no_snapshot)
}

/// Writes a snapshot as JSON.
///
/// # Errors
///
/// If the file can't be written.
pub fn save(snapshot: &Snapshot, file: &Path) -> Result<(), Error> {
    let write = || {
        let mut out = BufWriter::new(File::create(file)?);
        serde_json::to_writer(&mut out, snapshot)?;
        out.flush()
    };
    write().map_err(|source| Error::File {
        file: file.to_owned(),
        what: "written",
        source,
    })
}

fn open(file: &Path) -> Result<File, Error> {
    File::open(file).map_err(|source| Error::File {
        file: file.to_owned(),
        what: "read",
        source,
    })
}
