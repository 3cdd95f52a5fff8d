//! Beside a program: a report on what it is doing, whenever somebody asks.

use std::any::Any;
use std::fmt;
use std::future::Future;
use std::io;
use std::path::PathBuf;
use std::process;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, mpsc};

use tokio::runtime::{Builder, Handle};

use crate::asking::{Ending, OnSignal, Reachable};
use crate::explain::Explanation;
use crate::health::Health;
use crate::outcomes::Collector;
use crate::own_threads;
use crate::report::page::{Detail, Page};
use crate::report::{Finding, Report};
use crate::report_dir::ReportDir;
use crate::sync::lock;
use crate::watcher::{Listen, Pace, Watching, write};

/// Runs `body` to its end, as `#[tokio::main]` would, under a [`Guard`] as it comes.
///
/// ```no_run
/// # type BoxError = Box<dyn std::error::Error + Send + Sync>;
/// fn main() -> Result<(), BoxError> {
///     unstuck::run(async {
///         // What was the body of an async main function.
///         Ok(())
///     })?
/// }
/// ```
///
/// # Errors
///
/// As [`Guard::run`].
pub fn run<F>(body: F) -> Result<F::Output, GuardError>
where
    F: Future<Output: Send + 'static> + Send + 'static,
{
    Guard::new().run(body)
}

/// Runs beside a program, and explains what it is doing when asked to:
///
/// - Ctrl+\ (SIGQUIT; not on Windows) prints a report to standard error, and the program goes on;
/// - Ctrl+C prints one and ends the process, with the [exit code](crate::exit) 130;
/// - SIGTERM writes one to a folder, if [it has one](Self::report_dir), and ends the process.
///
/// All of that works while the threads of the runtime are blocked. What tasks wait for is read from the program's own
/// memory, which takes Linux on x86-64 and full debug info (`debug = true`, the default of a dev build), and polls
/// nothing. The first report takes up to half a second longer, as the debug info is indexed for it.
///
/// In a build with `--cfg tokio_unstable`, Tokio's hooks tell how tasks ended. A report then has the errors and panics
/// that nobody read, and the names of tasks: errors that `#[instrument(err)]` records, and names that `task::Builder`
/// gives, where the process has a subscriber with [`observe::layer`](crate::observe::layer) in it. Memory tells which
/// tasks are alive: where it can't be read, an error that a task got over before it went idle counts as its end. The
/// guard's hooks take the place of those that the [runtime](Guard::runtime) had for the start of threads and for what
/// comes before a poll; and, on systems where memory can't be read, for the spawn and the end of tasks.
///
/// ```
/// let answer = unstuck::Guard::new()
///     .watch()
///     .run(async { tokio::spawn(async { 42 }).await });
/// assert_eq!(answer.unwrap().unwrap(), 42);
/// ```
pub struct Guard {
    runtime: Builder,
    watches: bool,
    leaves_ctrl_c: bool,
    leaves_sigterm: bool,
    detail: Detail,
    reports: Option<PathBuf>,
    tell: Option<Tell>,
    find: Option<Find>,
    health: Option<Health>,
}

type Tell = Box<dyn FnMut(&Report) + Send>;
type Find = Box<dyn FnMut(&Finding) + Send>;

/// Why a program was not run.
#[derive(thiserror::Error)]
#[non_exhaustive]
pub enum GuardError {
    /// There is a runtime around the call, and a thread can't drive two.
    #[error(
        "a guard has a runtime of its own and can't run in another; call it from a plain `fn main` or `#[test]`"
    )]
    InsideRuntime,
    /// The folder for reports is none, or can't be written to.
    #[error("reports can't be written to {}: {source}; name a folder that can be written to", .folder.display())]
    ReportDir {
        /// The folder.
        folder: PathBuf,
        /// Why it failed.
        source: io::Error,
    },
    /// The runtime, or what stands beside it, could not be set up.
    #[error("the runtime can't be set up: {0}")]
    SetUp(#[from] io::Error),
}

/// What Rust prints when `main` returns it: the same as its `Display`.
impl fmt::Debug for GuardError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

impl Guard {
    /// A guard that reports when it is asked.
    #[expect(clippy::new_without_default, reason = "a guard is made on purpose")]
    pub fn new() -> Self {
        let mut runtime = Builder::new_multi_thread();
        runtime.enable_all();
        Self {
            runtime,
            watches: false,
            leaves_ctrl_c: false,
            leaves_sigterm: false,
            detail: Detail::Brief,
            reports: None,
            tell: None,
            find: None,
            health: None,
        }
    }

    /// Also reports by itself, as [`watch`](crate::watch()) does: once the program, or a part of it, is stuck, or a
    /// thread of its runtime has been asleep inside a poll for five seconds. With `--cfg tokio_unstable` also when it
    /// has ended, if errors were swallowed or tasks outlive it. Which tasks are alive is read from memory, too.
    #[must_use]
    pub fn watch(self) -> Self {
        let watches = true;
        Self { watches, ..self }
    }

    /// Runs the program on this runtime rather than on the default one.
    #[must_use]
    pub fn runtime(self, runtime: Builder) -> Self {
        Self { runtime, ..self }
    }

    /// Leaves Ctrl+C to the program.
    #[must_use]
    pub fn leave_ctrl_c(self) -> Self {
        let leaves_ctrl_c = true;
        Self {
            leaves_ctrl_c,
            ..self
        }
    }

    /// Also writes each report to this folder, as text with all details and as JSON: `unstuck-PID-1.txt` and so on. The
    /// folder is made if there is none.
    ///
    /// One more is written on SIGTERM, as `kill` and whatever runs containers send it; then the process ends, with the
    /// [exit code](crate::exit) 143. A program that shuts down by itself needs [`leave_sigterm`](Self::leave_sigterm).
    #[must_use]
    pub fn report_dir(self, folder: impl Into<PathBuf>) -> Self {
        let reports = Some(folder.into());
        Self { reports, ..self }
    }

    /// Leaves it to the program to end on SIGTERM. Where there is a [folder](Self::report_dir), a report is written all
    /// the same, unless the program has ended by then.
    #[must_use]
    pub fn leave_sigterm(self) -> Self {
        let leaves_sigterm = true;
        Self {
            leaves_sigterm,
            ..self
        }
    }

    /// Prints the code of libraries and everything that tasks hold, too.
    #[must_use]
    pub fn full(self) -> Self {
        let detail = Detail::Full;
        Self { detail, ..self }
    }

    /// Hands reports to `tell` rather than printing them: on the guard's own thread, or, once the program has ended,
    /// on this one.
    #[must_use]
    pub fn on_report(self, tell: impl FnMut(&Report) + Send + 'static) -> Self {
        let tell: Option<Tell> = Some(Box::new(tell));
        Self { tell, ..self }
    }

    /// Hands over each thing that is found to be wrong: once it is sure that a part of the program is stuck, or that a
    /// thread of its runtime has been asleep inside a poll for five seconds. Each cause once, by its
    /// [fingerprint](Finding::fingerprint), however many tasks get stuck in it. With `--cfg tokio_unstable` also what
    /// is amiss once the program has ended. Prints nothing by itself.
    ///
    /// Each is also a `tracing` event of the target `unstuck` and the level `ERROR`, with the fields `rule`,
    /// `fingerprint`, `confidence` and `at`, and the summary as its message. [`watch`](Self::watch) and
    /// [`health`](Self::health) make the same events.
    #[must_use]
    pub fn on_finding(self, find: impl FnMut(&Finding) + Send + 'static) -> Self {
        let find: Option<Find> = Some(Box::new(find));
        Self { find, ..self }
    }

    /// What tells at any time whether the program is stuck: for a health endpoint. Prints nothing by itself.
    ///
    /// ```
    /// # use unstuck::{Guard, Health};
    /// # async fn serve(health: Health) {}
    /// let mut guard = Guard::new();
    /// let health = guard.health();
    /// guard.run(serve(health)).unwrap();
    /// ```
    pub fn health(&mut self) -> Health {
        self.health.get_or_insert_with(Health::unknown).clone()
    }

    /// Runs `body` to its end.
    ///
    /// # Errors
    ///
    /// [`GuardError`] if it could not be started. What `body` returns is its own.
    ///
    /// # Panics
    ///
    /// If `body` does, with the same payload.
    pub fn run<F>(self, body: F) -> Result<F::Output, GuardError>
    where
        F: Future<Output: Send + 'static> + Send + 'static,
    {
        let Self {
            mut runtime,
            watches,
            leaves_ctrl_c,
            leaves_sigterm,
            detail,
            reports,
            tell,
            find,
            health,
        } = self;
        refuse_inside_runtime()?;
        let folder = reports.map(ReportDir::open).transpose()?;
        let collector = Collector::attach(&mut runtime);
        let runtime = runtime.build()?;
        let reads_by_itself = watches || find.is_some() || health.is_some();
        let on_interrupt = OnSignal {
            reports: !leaves_ctrl_c,
            ends: !leaves_ctrl_c,
        };
        let on_terminate = OnSignal {
            reports: folder.is_some(),
            ends: !leaves_sigterm,
        };
        let listener = Arc::new(Listener {
            collector,
            watches,
            folder,
            tell: Mutex::new(tell.unwrap_or_else(|| Box::new(move |report| print(report, detail)))),
            find: find.map(Mutex::new),
        });
        let (asking, asked) = mpsc::channel();
        let unanswered = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&unanswered);
        let ask = move |ending| asking.send(Request::new(ending, &counted)).is_ok();
        let reachable = Reachable::new(on_interrupt, on_terminate, ask)?;
        let guarding = own_threads::start("unstuck-guard", {
            let health = health.unwrap_or_else(Health::unknown);
            let watching = Watching::new(runtime.metrics(), Pace::PROGRAM, health);
            let listener = Arc::clone(&listener);
            move || {
                if reads_by_itself {
                    watching.watch(&asked, &*listener);
                } else {
                    watching.answer_all(&asked, &*listener);
                }
            }
        })?;
        let value = runtime.block_on(body);
        drop(reachable);
        // Who has asked is answered. A reading for nobody is not waited for.
        if unanswered.load(Ordering::SeqCst) > 0 {
            let _ = guarding.join();
        }
        if reads_by_itself {
            listener.ended(runtime.handle(), &value);
        }
        Ok(value)
    }
}

/// Hears what there is to tell of the program, and passes it on.
struct Listener {
    collector: Collector,
    /// Whether it reports by itself.
    watches: bool,
    folder: Option<ReportDir>,
    tell: Mutex<Tell>,
    find: Option<Mutex<Find>>,
}

impl Listener {
    fn tell(&self, report: &Report) {
        if let Some(folder) = &self.folder {
            let text = report.render(Detail::Full, Page::Plain);
            if let Err(error) = folder.write(process::id(), &text, &report.to_json()) {
                write(&format!("unstuck cannot write a report: {error}\n"));
            }
        }
        lock(&self.tell)(report);
    }

    /// The program has ended, with this value.
    fn ended(&self, runtime: &Handle, value: &dyn Any) {
        let Some(report) = self.collector.at_end(runtime, None, value) else {
            return;
        };
        for finding in report.findings_at_end() {
            finding.record();
            self.found(&finding);
        }
        if self.watches {
            self.tell(&report);
        }
    }
}

impl Listen for Listener {
    fn report(&self, explanation: Explanation, is_asked_for: bool) {
        if is_asked_for || self.watches {
            let explanation = self.collector.add_to(explanation, None);
            self.tell(&Report::running(explanation));
        }
    }

    fn found(&self, finding: &Finding) {
        if let Some(find) = &self.find {
            lock(find)(finding);
        }
    }
}

/// Somebody asks for a report; the process may be about to end.
struct Request {
    unanswered: Arc<AtomicUsize>,
    _ending: Option<Arc<Ending>>,
}

impl Request {
    fn new(ending: Option<Arc<Ending>>, unanswered: &Arc<AtomicUsize>) -> Self {
        unanswered.fetch_add(1, Ordering::SeqCst);
        Self {
            unanswered: Arc::clone(unanswered),
            _ending: ending,
        }
    }
}

impl Drop for Request {
    fn drop(&mut self) {
        self.unanswered.fetch_sub(1, Ordering::SeqCst);
    }
}

pub(crate) fn refuse_inside_runtime() -> Result<(), GuardError> {
    match Handle::try_current() {
        Ok(_) => Err(GuardError::InsideRuntime),
        Err(_) => Ok(()),
    }
}

fn print(report: &Report, detail: Detail) {
    write(&report.render(detail, Page::of_stderr()));
}
