//! A run: sets the sides up, plays them at the same time, and cleans up after them.

use std::env;
use std::fs;
use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::path::Path;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::thread;
use std::time::{Duration, Instant};

use tempfile::TempDir;
use tokio::runtime::{Builder, Runtime};

use super::side::{Played, play};
use super::{Error, Job, Posts, Scenario, Side, SideRun, console, database, interrupt};
use crate::diagnosis::Verdict;
use crate::observe::{catch_panics, mark_own_thread, unrecorded};

/// How to play a scenario.
#[derive(Clone, Debug)]
pub struct Options {
    /// Only this side.
    pub only: Option<&'static str>,
    /// How many workers each side runs.
    pub workers: usize,
    /// How many posts there are.
    pub posts: u32,
    /// How long the simulated API takes to answer.
    pub latency: Duration,
    /// Whether the scenario's mistake is mended.
    pub fixed: bool,
    /// Whether to leave the databases there.
    pub keep_db: bool,
    /// Whether to leave a stuck side stuck until Ctrl+C.
    pub hold: bool,
    /// Where to serve tokio-console.
    pub console: Option<SocketAddr>,
}

impl Default for Options {
    /// As shipped.
    fn default() -> Self {
        Self {
            only: None,
            workers: 3,
            posts: 3,
            latency: Duration::from_millis(200),
            fixed: false,
            keep_db: false,
            hold: false,
            console: None,
        }
    }
}

impl Options {
    /// Whether a side does the same work as in the scenario as shipped, so that what it does can be
    /// held against what is expected of it.
    pub fn is_as_shipped(&self) -> bool {
        let shipped = Self::default();
        (self.workers, self.posts, self.fixed) == (shipped.workers, shipped.posts, shipped.fixed)
    }
}

/// What a run came to.
#[derive(Debug)]
pub struct Outcome {
    /// What became of each side, in the scenario's order. Empty if Ctrl+C came before a verdict.
    pub sides: Vec<SideRun>,
    /// Whether Ctrl+C ended it.
    pub interrupted: bool,
    /// How long it took.
    pub elapsed: Duration,
}

/// What the run hears of while it waits.
enum News {
    Played(usize, io::Result<Box<Played>>),
    Gone(usize),
    Interrupted,
}

/// What to tell a person while the run goes on.
pub trait Notices {
    /// tokio-console can connect to this address.
    fn console(&self, address: SocketAddr);
    /// The sides still play. Called several times a second.
    fn playing(&self);
    /// These sides are stuck, and stay so until Ctrl+C.
    fn held(&self, sides: &[&'static str]);
}

/// Plays the sides of `scenario` at the same time, and returns when all of them have ended or are
/// known to be stuck; with [`hold`](Options::hold), at Ctrl+C.
///
/// The panics of the sides' tasks are not printed, as they are part of what is reported.
pub fn run(
    scenario: &Scenario,
    options: &Options,
    notices: &dyn Notices,
) -> Result<Outcome, Error> {
    let started = Instant::now();
    mark_own_thread();
    let (tell, news) = mpsc::channel();
    let interrupting = tell.clone();
    // Before the folder is made, so that no Ctrl+C can leave it behind.
    interrupt::on_interrupt(move || {
        let _ = interrupting.send(News::Interrupted);
    })?;
    let folder = temporary_folder()?;
    if let Some(address) = console::subscribe(options.console)? {
        notices.console(address);
    }
    let _unrecorded = unrecorded();
    catch_panics();
    let aside = Builder::new_current_thread().enable_all().build()?;

    let sides: Vec<&'static Side> = scenario
        .sides
        .iter()
        .filter(|side| options.only.is_none_or(|only| only == side.name))
        .collect();
    let mut jobs = Vec::new();
    for side in &sides {
        jobs.push(job(&aside, side, options, folder.path())?);
    }
    for (index, side) in sides.iter().enumerate() {
        start(index, side, jobs[index].clone(), tell.clone())?;
    }
    drop(tell);

    let Some(played) = wait_for_all(&sides, &news, notices)? else {
        remove(folder)?;
        return Ok(Outcome {
            sides: Vec::new(),
            interrupted: true,
            elapsed: started.elapsed(),
        });
    };
    let elapsed = started.elapsed();
    let stuck: Vec<_> = sides
        .iter()
        .zip(&played)
        .filter(|(_, played)| played.diagnosis.verdict == Verdict::Stuck)
        .map(|(side, _)| side.name)
        .collect();
    let held = (options.hold || options.console.is_some()) && !stuck.is_empty();
    if held {
        notices.held(&stuck);
        while !matches!(news.recv(), Ok(News::Interrupted) | Err(_)) {}
    }

    let mut runs = Vec::new();
    for ((side, job), played) in sides.into_iter().zip(jobs).zip(played) {
        runs.push(finish(&aside, side, &job, played, options, folder.path())?);
    }
    if options.keep_db {
        let _kept = folder.keep();
    } else {
        remove(folder)?;
    }
    Ok(Outcome {
        sides: runs,
        interrupted: held,
        elapsed,
    })
}

fn temporary_folder() -> Result<TempDir, Error> {
    tempfile::Builder::new()
        .prefix("unstuck-")
        .tempdir()
        .map_err(|source| Error::TemporaryFolder {
            folder: env::temp_dir(),
            source,
        })
}

/// Removes the folder with the databases. A side that is cut off may still be making files there, though
/// not for long.
fn remove(folder: TempDir) -> Result<(), Error> {
    const TRIES: u32 = 50;
    const PAUSE: Duration = Duration::from_millis(10);
    let folder = folder.keep();
    let mut tried = 1;
    loop {
        match fs::remove_dir_all(&folder) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
            Err(_) if tried < TRIES => thread::sleep(PAUSE),
            Err(source) => return Err(Error::Leftover { folder, source }),
            Ok(()) => return Ok(()),
        }
        tried += 1;
    }
}

fn job(aside: &Runtime, side: &Side, options: &Options, folder: &Path) -> Result<Job, Error> {
    let posts = i64::from(options.posts);
    let path = folder.join(format!("{}.sqlite3", side.name));
    let made = aside.block_on(database::create(&path, posts));
    Ok(Job {
        database: made.map_err(|source| Error::Database {
            side: side.name,
            what: "made",
            source,
        })?,
        posts,
        workers: options.workers,
        latency: options.latency,
        fixed: options.fixed,
    })
}

/// Plays a side on a thread of its own, so that one that blocks its thread can't take the rest with it.
fn start(index: usize, side: &'static Side, job: Job, tell: Sender<News>) -> Result<(), Error> {
    let playing = move || {
        let gone = SayGone(index, &tell);
        let _ = tell.send(News::Played(index, play(side, job).map(Box::new)));
        drop(gone);
    };
    thread::Builder::new()
        .name(format!("unstuck-{}", side.name))
        .spawn(playing)?;
    Ok(())
}

/// Sent after the result of a side, or instead of it should the thread panic.
struct SayGone<'t>(usize, &'t Sender<News>);

impl Drop for SayGone<'_> {
    fn drop(&mut self) {
        let _ = self.1.send(News::Gone(self.0));
    }
}

/// Waits for the verdict on each side. None: Ctrl+C came first.
fn wait_for_all(
    sides: &[&'static Side],
    news: &Receiver<News>,
    notices: &dyn Notices,
) -> Result<Option<Vec<Played>>, Error> {
    const TICK: Duration = Duration::from_millis(80);
    let mut played: Vec<Option<Played>> = sides.iter().map(|_| None).collect();
    while played.iter().any(Option::is_none) {
        match news.recv_timeout(TICK) {
            Ok(News::Played(index, result)) => played[index] = Some(*result?),
            Ok(News::Gone(index)) if played[index].is_none() => {
                return Err(Error::SideDied {
                    side: sides[index].name,
                });
            }
            Ok(News::Gone(_)) => {}
            Err(RecvTimeoutError::Timeout) => notices.playing(),
            Ok(News::Interrupted) | Err(RecvTimeoutError::Disconnected) => return Ok(None),
        }
    }
    Ok(Some(played.into_iter().flatten().collect()))
}

/// Ends what is left of a side, and reads its posts back.
fn finish(
    aside: &Runtime,
    side: &'static Side,
    job: &Job,
    played: Played,
    options: &Options,
    folder: &Path,
) -> Result<SideRun, Error> {
    // As when a process ends: what still runs is not waited for.
    played.runtime.shutdown_background();
    let stored = aside.block_on(database::stored(&job.database));
    Ok(SideRun {
        side,
        diagnosis: played.diagnosis,
        printed: played.printed,
        posts: Posts {
            total: u64::from(options.posts),
            stored: stored.map_err(|source| Error::Database {
                side: side.name,
                what: "read back",
                source,
            })?,
        },
        elapsed: played.elapsed,
        database: options
            .keep_db
            .then(|| folder.join(format!("{}.sqlite3", side.name))),
    })
}
