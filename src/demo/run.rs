//! A run: sets the sides up, plays them at the same time, and cleans up after them.

use std::env;
use std::fs;
use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::thread;
use std::time::{Duration, Instant};

use tempfile::TempDir;
use tokio::runtime::{Builder, Runtime};

use super::side::{LeftRunning, Played, play};
use super::{Error, Job, Posts, Scenario, Side, SideRun, console, database};
use crate::diagnosis::Verdict;
use crate::observe::{self, mark_own_thread, note_panics, start_watching, unrecorded};
use crate::signals::{self, Signal};

/// How to play a scenario.
#[derive(Clone, Debug)]
pub struct Options {
    /// Only this side.
    pub only: Option<&'static str>,
    /// How many workers each side runs; none stands for as many as the scenario has as shipped.
    pub workers: Option<u32>,
    /// How many posts there are; none stands for as many as the scenario has as shipped.
    pub posts: Option<u32>,
    /// How long the simulated API takes to answer; none stands for as long as in the scenario as shipped.
    pub latency: Option<Duration>,
    /// Whether the scenario's bug is fixed.
    pub fixed: bool,
    /// Whether to leave the databases there.
    pub keep_db: bool,
    /// Whether to leave a side that has not ended as it is until Ctrl+C.
    pub hold: bool,
    /// Where to serve tokio-console.
    pub console: Option<SocketAddr>,
}

impl Default for Options {
    /// As shipped.
    fn default() -> Self {
        Self {
            only: None,
            workers: None,
            posts: None,
            latency: None,
            fixed: false,
            keep_db: false,
            hold: false,
            console: None,
        }
    }
}

impl Options {
    /// Whether the sides do the same work as in the scenario as shipped, so that what they do can be
    /// held against what is expected of them.
    pub fn is_as_shipped(&self, scenario: &Scenario) -> bool {
        let same = |chosen: Option<u32>, shipped| chosen.is_none() || chosen == shipped;
        let latency = self.latency.unwrap_or(scenario.latency);
        same(self.workers, scenario.workers)
            && same(self.posts, scenario.posts)
            && latency == scenario.latency
            && !self.fixed
    }

    /// Whether a side that has not ended is left as it is.
    fn holds(&self) -> bool {
        self.hold || self.console.is_some()
    }
}

/// What a run came to.
#[derive(Debug)]
pub struct Outcome {
    /// What became of each side, in the scenario's order. Empty if it was ended before a verdict.
    pub sides: Vec<SideRun>,
    /// The [exit code](crate::exit) of the signal that ended it, if one did: Ctrl+C, SIGTERM, SIGHUP, or SIGQUIT
    /// before the verdict.
    pub cut_off: Option<u8>,
    /// How long it took.
    pub elapsed: Duration,
}

/// What the run hears of while it waits.
enum News {
    Played(usize, io::Result<Box<Played>>),
    Gone(usize),
    Signal(Signal),
}

/// What to tell a person while the run goes on.
pub trait Notices {
    /// tokio-console can connect to this address.
    fn console(&self, address: SocketAddr);
    /// The sides still play. Called several times a second.
    fn playing(&self);
    /// These sides have not ended, and are left as they are until Ctrl+C.
    fn held(&self, sides: &[(&'static str, Verdict)]);
    /// Ctrl+\\ asks for a report on the sides, which stay as they are.
    fn asked(&self, outcome: &Outcome);
}

/// How long the sides wait for the debug info to be read.
const A_WHILE: Duration = Duration::from_secs(10);

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
    observe::prepare();
    let (tell, news) = mpsc::channel();
    // Before the folder is made, so that neither can leave it behind.
    for signal in Signal::ALL {
        let tell = tell.clone();
        // Once the run is over nobody hears of it: then what is printed may be what takes so long.
        signals::on(signal, move || tell.send(News::Signal(signal)).is_ok())?;
    }
    let folder = temporary_folder()?;
    if let Some(address) = console::subscribe(options.console)? {
        notices.console(address);
    }
    let _unrecorded = unrecorded();
    note_panics();

    let stage = Stage::set_up(scenario, options, folder.path())?;
    // So that the sides have the processor to themselves, and each rest is looked at, however short.
    observe::wait_until_prepared(A_WHILE);
    stage.start(&tell)?;
    drop(tell);
    let waited = stage.wait_for_all(&news, notices)?;
    let mut outcome = Outcome {
        sides: Vec::new(),
        cut_off: None,
        elapsed: started.elapsed(),
    };
    match waited {
        Ok(played) => {
            let (sides, left_running) = stage.read_back(played)?;
            outcome.sides = sides;
            let cut_off = stage.hold(&outcome, &news, notices);
            outcome.cut_off = cut_off.map(Signal::exit_code);
            drop(left_running);
        }
        Err(signal) => outcome.cut_off = Some(signal.exit_code()),
    }
    if options.keep_db {
        let _kept = folder.keep();
    } else {
        remove(folder)?;
    }
    Ok(outcome)
}

/// What the sides are played on.
struct Stage<'r> {
    options: &'r Options,
    posts: u32,
    workers: u32,
    latency: Duration,
    folder: &'r Path,
    /// For what is done before and after them.
    aside: Runtime,
    sides: Vec<(&'static Side, Job)>,
}

impl<'r> Stage<'r> {
    fn set_up(scenario: &Scenario, options: &'r Options, folder: &'r Path) -> Result<Self, Error> {
        let mut stage = Self {
            options,
            posts: options.posts.or(scenario.posts).unwrap_or_default(),
            workers: options.workers.or(scenario.workers).unwrap_or_default(),
            latency: options.latency.unwrap_or(scenario.latency),
            folder,
            aside: Builder::new_current_thread().enable_all().build()?,
            sides: Vec::new(),
        };
        let wanted = |side: &&Side| options.only.is_none_or(|only| only == side.name);
        for side in scenario.sides.iter().filter(wanted) {
            let job = stage.job(side)?;
            stage.sides.push((side, job));
        }
        Ok(stage)
    }

    fn job(&self, side: &Side) -> Result<Job, Error> {
        let posts = i64::from(self.posts);
        let path = self.database(side);
        let made = self.aside.block_on(database::create(&path, posts));
        Ok(Job {
            database: made.map_err(|source| Error::Database {
                side: side.name,
                what: "made",
                source,
            })?,
            posts,
            workers: self.workers as usize,
            latency: self.latency,
            fixed: self.options.fixed,
        })
    }

    fn database(&self, side: &Side) -> PathBuf {
        self.folder.join(format!("{}.sqlite3", side.name))
    }

    /// Plays each side on a thread of its own, so that one that blocks its thread can't take the rest
    /// with it.
    fn start(&self, tell: &Sender<News>) -> Result<(), Error> {
        for (index, (side, job)) in self.sides.iter().enumerate() {
            let (side, job, tell) = (*side, job.clone(), tell.clone());
            let playing = move || {
                let _gone = SayGone(index, &tell);
                let _ = tell.send(News::Played(index, play(side, job).map(Box::new)));
            };
            let name = format!("unstuck-{}", side.name);
            start_watching(&name, playing)?;
        }
        Ok(())
    }

    /// Waits for the verdict on each side, unless a signal comes first.
    fn wait_for_all(
        &self,
        news: &Receiver<News>,
        notices: &dyn Notices,
    ) -> Result<Result<Vec<Played>, Signal>, Error> {
        const TICK: Duration = Duration::from_millis(80);
        let mut played: Vec<Option<Played>> = self.sides.iter().map(|_| None).collect();
        while played.iter().any(Option::is_none) {
            match news.recv_timeout(TICK) {
                Ok(News::Played(index, result)) => played[index] = Some(*result?),
                Ok(News::Gone(index)) if played[index].is_none() => {
                    let side = self.sides[index].0.name;
                    return Err(Error::SideDied { side });
                }
                Ok(News::Gone(_)) => {}
                Ok(News::Signal(signal)) => return Ok(Err(signal)),
                // Those who listen for signals don't go away; if they did, it could not be ended any more.
                Err(RecvTimeoutError::Disconnected) => return Ok(Err(Signal::Interrupt)),
                Err(RecvTimeoutError::Timeout) => notices.playing(),
            }
        }
        Ok(Ok(played.into_iter().flatten().collect()))
    }

    /// Leaves sides that have not ended as they are until a signal ends the run, if there are any and that is wanted.
    fn hold(
        &self,
        outcome: &Outcome,
        news: &Receiver<News>,
        notices: &dyn Notices,
    ) -> Option<Signal> {
        let sides = outcome.sides.iter();
        let left: Vec<_> = sides
            .map(|run| (run.side.name, run.diagnosis.verdict))
            .filter(|(_, verdict)| !verdict.is_end())
            .collect();
        if left.is_empty() || !self.options.holds() {
            return None;
        }
        notices.held(&left);
        news.iter().find_map(|news| match news {
            News::Signal(Signal::Quit) => {
                notices.asked(outcome);
                None
            }
            News::Signal(signal) => Some(signal),
            News::Played(..) | News::Gone(_) => None,
        })
    }

    /// Reads the posts of the sides back, as they are at the verdict.
    fn read_back(&self, played: Vec<Played>) -> Result<(Vec<SideRun>, Vec<LeftRunning>), Error> {
        let sides = self.sides.iter().zip(played);
        let read_back = |((side, job), played): (&(&'static Side, Job), Played)| {
            let stored = self.aside.block_on(database::stored(&job.database));
            let total = u64::from(self.posts);
            let run = SideRun {
                side,
                diagnosis: played.diagnosis,
                printed: played.printed,
                posts: Posts {
                    total,
                    stored: stored.map_err(|source| Error::Database {
                        side: side.name,
                        what: "read back",
                        source,
                    })?,
                },
                elapsed: played.elapsed,
                database: self.options.keep_db.then(|| self.database(side)),
            };
            Ok((run, played.left_running))
        };
        sides.map(read_back).collect()
    }
}

/// Sent after the result of a side, or instead of it should the thread panic.
struct SayGone<'t>(usize, &'t Sender<News>);

impl Drop for SayGone<'_> {
    fn drop(&mut self) {
        let _ = self.1.send(News::Gone(self.0));
    }
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

/// Removes the folder with the databases. A side that was cut off may have its database open for a moment longer,
/// and not every system removes a file that is open.
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
