//! A run: sets the sides up, plays them at the same time, and cleans up after them.

use std::env;
use std::fs;
use std::io::ErrorKind;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::sync::{Arc, Barrier};
use std::thread;
use std::time::{Duration, Instant};

use tempfile::TempDir;
use tokio::runtime::{Builder, Runtime};

use super::player::Part;
use super::side::{Played, Player};
use super::{Error, Posts, Scenario, Side, SideRun, database};
use crate::signals::Signal;
use crate::verdict::Verdict;

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

/// A side, by its index, was played.
type News = (usize, Result<Box<Played>, Error>);

/// What to tell a person while the run goes on.
pub trait Notices {
    /// tokio-console can connect to this side at this address.
    fn console(&self, side: &'static str, address: SocketAddr);
    /// The sides still play. Called several times a second.
    fn playing(&self);
    /// These sides have not ended, and are left as they are until Ctrl+C.
    fn held(&self, sides: &[(&'static str, Verdict)]);
    /// Ctrl+\\ asks for a report on the sides, which stay as they are.
    fn asked(&self, outcome: &Outcome);
}

/// Plays the sides of `scenario` at the same time, and returns when all of them have ended or are
/// known to be stuck; with [`hold`](Options::hold), at Ctrl+C. A signal ends it.
///
/// The panics of the sides' tasks are not printed, as they are part of what is reported.
pub(crate) fn run(
    scenario: &Scenario,
    options: &Options,
    notices: &dyn Notices,
    signals: &Receiver<Signal>,
) -> Result<Outcome, Error> {
    let started = Instant::now();
    let (tell, news) = mpsc::channel();
    let folder = temporary_folder()?;
    let stage = Stage::set_up(scenario, options, folder.path())?;
    let started_all = stage.start(&tell, notices);
    drop(tell);
    let waited = started_all.and_then(|()| stage.wait_for_all(&news, signals, notices));
    let waited = waited.or_else(|error| ended_by_signal(error, signals).map(Err))?;
    let mut outcome = Outcome {
        sides: Vec::new(),
        cut_off: None,
        elapsed: started.elapsed(),
    };
    match waited {
        Ok(played) => {
            let (sides, left_running) = stage.read_back(played)?;
            outcome.sides = sides;
            let cut_off = stage.hold(&outcome, signals, notices);
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

/// The signal that ended a side. A process that was just made is in this one's group for a moment, so that a key of the
/// terminal reaches both.
fn ended_by_signal(error: Error, signals: &Receiver<Signal>) -> Result<Signal, Error> {
    const AT_MOST: Duration = Duration::from_millis(200);
    match error {
        Error::SideDied { .. } => signals.recv_timeout(AT_MOST).map_err(|_| error),
        error => Err(error),
    }
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
    sides: Vec<(&'static Side, Part)>,
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
            let console = options.console.map(|it| nth(it, stage.sides.len()));
            let part = stage.part(scenario, side, console)?;
            stage.sides.push((side, part));
        }
        Ok(stage)
    }

    fn part(
        &self,
        scenario: &Scenario,
        side: &Side,
        console: Option<SocketAddr>,
    ) -> Result<Part, Error> {
        let posts = i64::from(self.posts);
        let database = self.database(side);
        let made = self.aside.block_on(database::create(&database, posts));
        made.map_err(|source| Error::Database {
            side: side.name,
            what: "made",
            source,
        })?;
        Ok(Part {
            scenario: scenario.name.to_owned(),
            side: side.name.to_owned(),
            database,
            posts,
            workers: self.workers as usize,
            latency: self.latency,
            fixed: self.options.fixed,
            console,
        })
    }

    fn database(&self, side: &Side) -> PathBuf {
        self.folder.join(format!("{}.sqlite3", side.name))
    }

    /// Starts a process for each side, and has them play once all are there: each is watched from a thread of its own.
    fn start(&self, tell: &Sender<News>, notices: &dyn Notices) -> Result<(), Error> {
        let mut players = Vec::new();
        for (side, part) in &self.sides {
            let (player, console) = Player::start(side, part)?;
            if let Some(address) = console {
                notices.console(side.name, address);
            }
            players.push(player);
        }
        let all = Arc::new(Barrier::new(players.len()));
        for (index, player) in players.into_iter().enumerate() {
            let (tell, all) = (tell.clone(), Arc::clone(&all));
            let playing = move || {
                let _ = tell.send((index, player.play(&all).map(Box::new)));
            };
            thread::Builder::new()
                .name(format!("unstuck-{}", self.sides[index].0.name))
                .spawn(playing)?;
        }
        Ok(())
    }

    /// Waits for the verdict on each side, unless a signal comes first.
    fn wait_for_all(
        &self,
        news: &Receiver<News>,
        signals: &Receiver<Signal>,
        notices: &dyn Notices,
    ) -> Result<Result<Vec<Played>, Signal>, Error> {
        const TICK: Duration = Duration::from_millis(40);
        let mut played: Vec<Option<Played>> = self.sides.iter().map(|_| None).collect();
        while played.iter().any(Option::is_none) {
            match news.recv_timeout(TICK) {
                Ok((index, result)) => played[index] = Some(*result?),
                Err(RecvTimeoutError::Timeout) => notices.playing(),
                Err(RecvTimeoutError::Disconnected) => {
                    let lost = played.iter().position(Option::is_none).unwrap_or_default();
                    let side = self.sides[lost].0.name;
                    return Err(Error::SideDied { side });
                }
            }
            if let Ok(signal) = signals.try_recv() {
                return Ok(Err(signal));
            }
        }
        Ok(Ok(played.into_iter().flatten().collect()))
    }

    /// Leaves sides that have not ended as they are until a signal ends the run, if there are any and that is wanted.
    fn hold(
        &self,
        outcome: &Outcome,
        signals: &Receiver<Signal>,
        notices: &dyn Notices,
    ) -> Option<Signal> {
        let sides = outcome.sides.iter();
        let left: Vec<_> = sides
            .map(|run| (run.side.name, run.report.verdict))
            .filter(|(_, verdict)| !verdict.is_end())
            .collect();
        if left.is_empty() || !self.options.holds() {
            return None;
        }
        notices.held(&left);
        signals.iter().find_map(|signal| match signal {
            Signal::Quit => {
                notices.asked(outcome);
                None
            }
            signal => Some(signal),
        })
    }

    /// Reads the posts of the sides back, as they are at the verdict.
    fn read_back(&self, played: Vec<Played>) -> Result<(Vec<SideRun>, Vec<Option<Player>>), Error> {
        let sides = self.sides.iter().zip(played);
        let read_back = |((side, part), played): (&(&'static Side, Part), Played)| {
            let stored = self.aside.block_on(database::stored(&part.database));
            let total = u64::from(self.posts);
            let run = SideRun {
                side,
                report: played.report,
                printed: played.printed,
                posts: Posts {
                    total,
                    stored: stored.map_err(|source| Error::Database {
                        side: side.name,
                        what: "read back",
                        source,
                    })?,
                },
                database: self.options.keep_db.then(|| self.database(side)),
            };
            Ok((run, played.left_running))
        };
        sides.map(read_back).collect()
    }
}

/// The address for the side with this index: its port is higher by that, but for 0, which stands for any that is free.
fn nth(first: SocketAddr, index: usize) -> SocketAddr {
    let mut address = first;
    if let (1.., Ok(index)) = (first.port(), u16::try_from(index)) {
        address.set_port(first.port().saturating_add(index));
    }
    address
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
