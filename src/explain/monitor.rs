//! Watches the processes of a command: explains them when asked, and by itself once one is stuck.
//!
//! As long as a process does something, all that is read is what the system says of its threads, less and less often.
//! Its memory is read once it sleeps, and not again before it has done something; and once in a while if it never
//! sleeps, as a part of it may be stuck.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

use unstuck_inspect::{DebugInfoLevel, Error, Inspector};

use super::descendants::{Activity, FileId, Process, descendants};
use super::stuck_parts::StuckParts;
use super::{Explanation, Search, read};

/// How often the processes are looked at: at first and when one is new, and after a while.
const GLANCES: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(1));

/// Until a process that was not stuck is read again: at first, and after many readings.
const READINGS: (Duration, Duration) = (Duration::from_millis(500), Duration::from_mins(1));

/// How many times as long a process that does not sleep is left alone.
const IF_BUSY: u32 = 8;

/// For how many times as long as the readings took a process is left alone.
const SHARE: u32 = 20;

/// What the monitor can be asked for.
#[derive(Clone, Copy, Debug)]
pub(super) enum Request {
    /// Explain every process that runs Tokio.
    Explain,
}

/// What there is to say of a command that runs.
#[derive(Debug)]
#[non_exhaustive]
pub enum Event {
    /// Somebody asked, and this is what a process is doing.
    Explained(Box<Explanation>),
    /// A process or a part of it is stuck. This is said once for each part.
    Stuck(Box<Explanation>),
    /// Somebody asked, and no process can be explained that runs Tokio. Why some can't be read, each with its id.
    Nothing(Vec<(u32, Arc<Error>)>),
}

/// The processes below one, as far as they were looked at.
pub(super) struct Monitor {
    root: u32,
    processes: BTreeMap<Process, Watched>,
    /// Programs that can't be explained, whichever process runs them.
    refused: HashMap<FileId, Arc<Error>>,
}

impl Monitor {
    pub(super) fn new(root: u32) -> Self {
        Self {
            root,
            processes: BTreeMap::new(),
            refused: HashMap::new(),
        }
    }

    /// Goes on for as long as somebody could send a request.
    pub(super) fn run(mut self, requests: &Receiver<Request>, mut report: impl FnMut(Event)) {
        let mut pause = GLANCES.0;
        loop {
            match requests.recv_timeout(pause) {
                Ok(Request::Explain) => self.explain(&mut report),
                Err(RecvTimeoutError::Timeout) => {
                    let is_one_new = self.refresh();
                    pause = if is_one_new {
                        GLANCES.0
                    } else {
                        (pause * 2).min(GLANCES.1)
                    };
                    self.glance(&mut report);
                }
                Err(RecvTimeoutError::Disconnected) => return,
            }
        }
    }

    /// Looks which processes there are. Whether one is new.
    fn refresh(&mut self) -> bool {
        let processes = descendants(self.root);
        self.processes
            .retain(|process, _| processes.binary_search(process).is_ok());
        let known = self.processes.len();
        for process in processes {
            self.processes.entry(process).or_insert_with(Watched::new);
        }
        self.processes.len() > known
    }

    /// Reads each process that may be stuck, and reports those that are.
    fn glance(&mut self, report: &mut impl FnMut(Event)) {
        for (process, watched) in &mut self.processes {
            if !watched.is_due(process.id) {
                continue;
            }
            let Ok(explanation) = watched.read(process, &mut self.refused) else {
                continue;
            };
            if watched.stuck.note(&explanation).is_unreported {
                report(Event::Stuck(Box::new(explanation)));
            }
        }
    }

    /// Reads each process, whatever it does, and reports those that run Tokio.
    fn explain(&mut self, report: &mut impl FnMut(Event)) {
        self.refresh();
        let mut is_one_explained = false;
        let mut unreadable = Vec::new();
        for (process, watched) in &mut self.processes {
            match watched.read(process, &mut self.refused) {
                Ok(explanation) if explanation.has_runtime() => {
                    is_one_explained = true;
                    // What somebody has just seen is not reported again.
                    watched.stuck.note_reported(&explanation);
                    report(Event::Explained(Box::new(explanation)));
                }
                Ok(_) => {}
                Err(error) => unreadable.push((process.id, error)),
            }
        }
        if !is_one_explained {
            unreadable.retain(|(_, error)| may_run_tokio(error));
            report(Event::Nothing(unreadable));
        }
    }
}

/// A process, and what is known of it.
struct Watched {
    /// `None` before the first try.
    program: Option<Program>,
    /// At the last glance, if it slept.
    activity: Option<Activity>,
    /// Before it was read last, if it slept. As long as it sleeps on, there is nothing new to read.
    read_at: Option<Activity>,
    stuck: StuckParts,
    /// From the last reading to the next one.
    pause: Duration,
    next: Instant,
}

/// What is read from, or why nothing can be.
type Program = Result<Box<Inspector>, Arc<Error>>;

impl Watched {
    fn new() -> Self {
        Self {
            program: None,
            activity: None,
            read_at: None,
            stuck: StuckParts::default(),
            pause: READINGS.0,
            next: Instant::now(),
        }
    }

    /// Whether to read its memory now.
    fn is_due(&mut self, id: u32) -> bool {
        if matches!(self.program, Some(Err(_))) {
            return false;
        }
        let activity = Activity::of_sleeping(id);
        let sleeps = activity.is_some() && activity == self.activity;
        self.activity = activity;
        // To be confirmed by another reading.
        let is_suspect = self.stuck.are_suspected();
        if sleeps || is_suspect {
            (is_suspect || self.activity != self.read_at) && Instant::now() >= self.next
        } else {
            Instant::now() >= self.next + self.pause * IF_BUSY
        }
    }

    /// Reads its memory.
    fn read(
        &mut self,
        process: &Process,
        refused: &mut HashMap<FileId, Arc<Error>>,
    ) -> Result<Explanation, Arc<Error>> {
        let begun = Instant::now();
        self.read_at = Activity::of_sleeping(process.id);
        let attached = self.attach(process, refused);
        let explanation = attached.and_then(|inspector| Ok(read(inspector, Search::Memory)?));
        self.next = Instant::now() + self.pause.max(begun.elapsed() * SHARE);
        self.pause = (self.pause * 2).min(READINGS.1);
        explanation
    }

    fn attach(
        &mut self,
        process: &Process,
        refused: &mut HashMap<FileId, Arc<Error>>,
    ) -> Result<&Inspector, Arc<Error>> {
        let program = match &mut self.program {
            Some(program) => program,
            new => new.insert(attach(process, refused)?),
        };
        program.as_deref().map_err(Arc::clone)
    }
}

/// An error is in the outer result if trying again may help.
fn attach(
    process: &Process,
    refused: &mut HashMap<FileId, Arc<Error>>,
) -> Result<Program, Arc<Error>> {
    let file = process.executable;
    if let Some(error) = file.and_then(|file| refused.get(&file)) {
        return Ok(Err(Arc::clone(error)));
    }
    match Inspector::attach(process.id) {
        Ok(inspector) => Ok(Ok(Box::new(inspector))),
        Err(error) if is_of_file(&error) => {
            let error = Arc::new(error);
            refused.extend(file.map(|file| (file, Arc::clone(&error))));
            Ok(Err(error))
        }
        Err(error) => Err(Arc::new(error)),
    }
}

/// Whether every process that runs this file is refused for the same reason.
fn is_of_file(error: &Error) -> bool {
    matches!(
        error,
        Error::NotTokio { .. }
            | Error::DebugInfo { .. }
            | Error::Architecture { .. }
            | Error::Executable { .. }
            | Error::UnknownTokio { .. }
    )
}

/// Whether somebody could expect this program to be explained. Nothing tells what a stripped program is made of.
fn may_run_tokio(error: &Error) -> bool {
    match error {
        Error::DebugInfo { found, .. } => *found != DebugInfoLevel::Stripped,
        Error::NoPermission { .. } | Error::UnknownTokio { .. } | Error::UnsupportedSystem => true,
        _ => false,
    }
}
