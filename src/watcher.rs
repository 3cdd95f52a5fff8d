//! Watches the program from a thread of its own, and reports once it, or a part of it, is stuck.
//!
//! It needs no hooks: the metrics of the runtime tell when it rests, and then the memory of the process is read.

use std::convert::Infallible;
use std::error::Error;
use std::io::Write;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender, TryRecvError};
use std::time::{Duration, Instant};

use tokio::runtime::{Handle, RuntimeMetrics};

use crate::explain::{BlockedThreads, Explanation, News, StuckParts};
use crate::fingerprint::Fingerprint;
use crate::health::{Health, Status};
use crate::report::page::{Detail, Page};
use crate::report::{Finding, process};
use crate::{own_process, own_threads};

/// Watches the program that the current runtime belongs to, until the returned value is dropped.
///
/// One line in an async main function is enough, on stable Tokio, with `--cfg tokio_unstable` and without it:
///
/// ```
/// #[tokio::main]
/// async fn main() {
///     let _watcher = unstuck::watch();
///     // What the program does.
/// }
/// ```
///
/// Once nothing can wake the program any more, or a part of it, a report on standard error says which tasks wait for
/// what, where, and why nobody wakes them, as `unstuck explain PID` does; and so it does once a thread of the runtime
/// has been asleep inside a poll for five seconds. Each part is reported once, and of several that are stuck for the
/// same reason, the first. The program goes on. What moves by itself is no reason for a report: a timer, a socket, a
/// thread that may still send something.
///
/// The thread compares the metrics of the runtime forty times a second. Once nothing has moved between two looks, and
/// now and then while something moves, it reads the memory of the process, which polls nothing. That takes
/// milliseconds, and at most a fiftieth of the time. Before the first reading it indexes the debug info, once: 0.1 to
/// 0.5 seconds on that thread, and memory of about the size of the debug sections.
///
/// It takes Linux on x86-64, and full debug info: `debug = true`, the default of a dev build. Where the program can't
/// be read, a line on standard error says why.
///
/// # Panics
///
/// Outside of a Tokio runtime, and if no thread can be started.
#[track_caller]
pub fn watch() -> Watcher {
    let runtime = Handle::current().metrics();
    let (watcher, dropped) = mpsc::channel();
    let health = Health::unknown();
    let watching = Watching::new(runtime, Pace::PROGRAM, health.clone());
    let watching = move || watching.watch(&dropped, &Printer);
    if let Err(error) = own_threads::start("unstuck-watcher", watching) {
        panic!("no thread can be started that watches: {error}");
    }
    Watcher {
        _alive: watcher,
        health,
    }
}

/// Watches the program for as long as it is kept. Made by [`watch`].
#[derive(Debug)]
#[must_use = "the program is watched until this is dropped"]
pub struct Watcher {
    _alive: Sender<Infallible>,
    health: Health,
}

impl Watcher {
    /// What tells at any time whether the program is stuck: for a health endpoint.
    pub fn health(&self) -> Health {
        self.health.clone()
    }
}

/// Whom the watching tells what it finds. On its thread.
pub(crate) trait Listen {
    /// Somebody asked, or something is in no report yet.
    fn report(&self, explanation: Explanation, is_asked_for: bool);

    /// Something is surely wrong that was not found before.
    fn found(&self, finding: &Finding);
}

/// Prints reports as they come.
struct Printer;

impl Listen for Printer {
    fn report(&self, explanation: Explanation, _: bool) {
        let text = process::render(&explanation, Detail::Brief, Page::of_stderr());
        write(&text);
    }

    fn found(&self, _: &Finding) {}
}

/// How often the metrics are looked at. If they are the same twice, nothing has moved for so long.
pub(crate) const TICK: Duration = Duration::from_millis(25);

/// How often the memory is read.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pace {
    /// From one reading to the next, at least: at first and after something has moved.
    shortest: Duration,
    /// After a long rest.
    longest: Duration,
    /// For how many times as long as a reading took no other one begins.
    share: u32,
}

impl Pace {
    /// Beside a program that should not notice.
    pub(crate) const PROGRAM: Self = Self {
        shortest: Duration::from_millis(250),
        longest: Duration::from_mins(1),
        share: 50,
    };
    /// Beside a test: whoever runs it waits for the answer.
    pub(crate) const TEST: Self = Self {
        shortest: Duration::from_millis(200),
        longest: Duration::from_millis(800),
        share: 2,
    };
}

/// How many times as long a program that moves is left alone.
const IF_BUSY: u32 = 8;

pub(crate) struct Watching {
    runtime: RuntimeMetrics,
    pace: Pace,
    pulse: Pulse,
    stuck: StuckParts,
    blocked: BlockedThreads,
    health: Health,
    /// What the health says by now, if it has been said.
    causes: Option<Vec<Fingerprint>>,
    has_moved: bool,
    /// When something moved last.
    moved_at: Instant,
    has_read: bool,
    pause: Duration,
    next: Instant,
}

/// What changes as long as the runtime does anything.
#[derive(Debug, PartialEq, Eq)]
struct Pulse {
    /// How often each worker was parked and unparked: odd while it is parked.
    parks: Vec<u64>,
    tasks: usize,
    queued: usize,
}

impl Pulse {
    fn of(runtime: &RuntimeMetrics) -> Self {
        let workers = 0..runtime.num_workers();
        Self {
            parks: workers
                .map(|worker| runtime.worker_park_unpark_count(worker))
                .collect(),
            tasks: runtime.num_alive_tasks(),
            queued: runtime.global_queue_depth(),
        }
    }

    fn rests(&self) -> bool {
        self.queued == 0 && self.parks.iter().all(|parks| parks % 2 == 1)
    }
}

impl Watching {
    pub(crate) fn new(runtime: RuntimeMetrics, pace: Pace, health: Health) -> Self {
        Self {
            pulse: Pulse::of(&runtime),
            runtime,
            pace,
            stuck: StuckParts::default(),
            blocked: BlockedThreads::default(),
            health,
            causes: None,
            has_moved: true,
            moved_at: Instant::now(),
            has_read: false,
            pause: pace.shortest,
            next: Instant::now(),
        }
    }

    /// Watches, and answers each request with a report. A request is dropped once it is answered.
    ///
    /// Goes on for as long as somebody could send one, or until it turns out that the program can't be read.
    pub(crate) fn watch<R>(mut self, requests: &Receiver<R>, listener: &impl Listen) {
        loop {
            match requests.recv_timeout(TICK) {
                Ok(request) => self.answer(request, requests, listener),
                Err(RecvTimeoutError::Timeout) if self.is_due() => {
                    let explanation = match self.read() {
                        Ok(explanation) => explanation,
                        Err(error) => {
                            refuse(&*error);
                            self.health.set(Status::Unknown);
                            return self.answer_all(requests, listener);
                        }
                    };
                    let news = self.note(&explanation);
                    for finding in process::findings_by_themselves(&explanation, &news.new) {
                        finding.record();
                        listener.found(&finding);
                    }
                    match requests.try_recv() {
                        Ok(request) => self.answer(request, requests, listener),
                        Err(TryRecvError::Empty) if news.is_unreported => {
                            listener.report(explanation, false);
                        }
                        Err(_) => {}
                    }
                }
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => {
                    self.health.set(Status::Unknown);
                    return;
                }
            }
        }
    }

    fn note(&mut self, explanation: &Explanation) -> News {
        let was_suspected = self.stuck.are_suspected();
        let stuck = if explanation.has_runtime() {
            self.stuck.note(explanation)
        } else {
            News::default()
        };
        if self.stuck.are_suspected() && !was_suspected {
            self.next = Instant::now() + self.pace.shortest;
        }
        let news = self.blocked.note(explanation).and(stuck);
        let findings = news.current.iter();
        let findings = findings.map(|it| &explanation.diagnosis.findings[*it]);
        let causes = findings.map(|it| it.fingerprint(&explanation.snapshot));
        let causes = Some(causes.collect());
        if self.causes != causes {
            let current = process::findings_by_themselves(explanation, &news.current);
            self.health.set(if current.is_empty() {
                Status::GoesOn
            } else {
                Status::Stuck(current)
            });
            self.causes = causes;
        }
        news
    }

    /// Answers each request with a report, and reports nothing by itself.
    pub(crate) fn answer_all<R>(mut self, requests: &Receiver<R>, listener: &impl Listen) {
        while let Ok(request) = requests.recv() {
            self.answer(request, requests, listener);
        }
    }

    /// One report answers all who have asked for one by the time that the memory was read.
    fn answer<R>(&mut self, request: R, requests: &Receiver<R>, listener: &impl Listen) {
        let read = self.read();
        let others: Vec<R> = requests.try_iter().collect();
        match read {
            Ok(explanation) => {
                self.stuck.note_reported(&explanation);
                self.blocked.note_reported(&explanation);
                listener.report(explanation, true);
            }
            Err(error) => refuse(&*error),
        }
        drop((request, others));
    }

    /// Whether to read the memory now.
    pub(crate) fn is_due(&mut self) -> bool {
        let pulse = Pulse::of(&self.runtime);
        let is_quiet = pulse == self.pulse && pulse.rests();
        self.pulse = pulse;
        let now = Instant::now();
        if !is_quiet {
            self.has_moved = true;
            self.moved_at = now;
        }
        if is_quiet || self.stuck.are_suspected() {
            now >= self.next
        } else {
            now >= self.next + self.pause * IF_BUSY
        }
    }

    /// For how long nothing has moved, by the last look at the metrics.
    pub(crate) fn quiet_for(&self) -> Duration {
        self.moved_at.elapsed()
    }

    /// Reads the memory of the program.
    ///
    /// # Errors
    ///
    /// If it can't be read.
    pub(crate) fn read(&mut self) -> Result<Explanation, Box<dyn Error>> {
        let reading = own_process::read()?;
        let took = reading.took;
        let explanation = reading.into_explanation();
        if let Some(reason) = explanation.snapshot.no_tasks() {
            return Err(reason.into());
        }
        self.pause = if self.has_moved {
            self.pace.shortest
        } else {
            (self.pause * 2).min(self.pace.longest)
        };
        self.has_moved = false;
        // The first one takes longer, as types are laid out for it.
        let share = if self.has_read { self.pace.share } else { 1 };
        self.has_read = true;
        self.next = Instant::now() + self.pause.max(took * share);
        Ok(explanation)
    }
}

fn refuse(error: &dyn Error) {
    write(&format!("unstuck cannot observe this program: {error}\n"));
}

/// In one write, so that the program's own output does not end up in the middle.
pub(crate) fn write(text: &str) {
    let mut out = anstream::stderr().lock();
    // Ignore errors: there is nowhere left to report them.
    let _ = out.write_all(text.as_bytes());
}
