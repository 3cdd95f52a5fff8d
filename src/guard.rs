//! Beside a program: a report on what it is doing, whenever somebody asks.

use std::fmt;
use std::future::Future;
use std::io::{self, Write};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, mpsc};

use tokio::runtime::{Builder, Handle};

use crate::asking::{Ending, Reachable};
use crate::observe::unrecorded;
use crate::outcomes::Collector;
use crate::own_threads;
use crate::report::Report;
use crate::report::page::{Detail, Page};
use crate::sync::lock;
use crate::watcher::{Pace, Watching};

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
/// - Ctrl+C prints one and ends the process, with the [exit code](crate::exit) 130.
///
/// Both work while the threads of the runtime are blocked. What tasks wait for is read from the program's own memory,
/// which takes Linux on x86-64 and full debug info (`debug = true`, the default of a dev build), and polls nothing. The
/// first report takes up to half a second longer, as the debug info is indexed for it.
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
    interrupts: bool,
    detail: Detail,
    tell: Option<Tell>,
}

type Tell = Box<dyn FnMut(&Report) + Send>;

/// Why a program was not run.
#[derive(thiserror::Error)]
#[non_exhaustive]
pub enum GuardError {
    /// There is a runtime around the call, and a thread can't drive two.
    #[error(
        "a guard has a runtime of its own and can't run in another; call it from a plain `fn main` or `#[test]`"
    )]
    InsideRuntime,
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
            interrupts: true,
            detail: Detail::Brief,
            tell: None,
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
        let interrupts = false;
        Self { interrupts, ..self }
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
            interrupts,
            detail,
            tell,
        } = self;
        refuse_inside_runtime()?;
        let collector = Collector::attach(&mut runtime);
        let runtime = runtime.build()?;
        let tell = tell.unwrap_or_else(|| Box::new(move |report| print(report, detail)));
        let tell = Arc::new(Mutex::new(tell));
        let (asking, asked) = mpsc::channel();
        let unanswered = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&unanswered);
        let ask = move |ending| asking.send(Request::new(ending, &counted)).is_ok();
        let reachable = Reachable::new(interrupts, ask)?;
        let guarding = own_threads::start("unstuck-guard", {
            let watching = Watching::new(runtime.metrics(), Pace::PROGRAM);
            let (collector, tell) = (collector.clone(), Arc::clone(&tell));
            move || {
                let _unrecorded = unrecorded();
                let mut report = |explanation| {
                    let explanation = collector.add_to(explanation, None);
                    (lock(&tell))(&Report::running(explanation));
                };
                if watches {
                    watching.watch(&asked, &mut report);
                } else {
                    watching.answer_all(&asked, &mut report);
                }
            }
        })?;
        let value = runtime.block_on(body);
        drop(reachable);
        // Who has asked is answered. A reading for nobody is not waited for.
        if unanswered.load(Ordering::SeqCst) > 0 {
            let _ = guarding.join();
        }
        let amiss = watches.then(|| collector.at_end(runtime.handle(), None, &value));
        if let Some(report) = amiss.flatten() {
            (lock(&tell))(&report);
        }
        Ok(value)
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

/// In one write, so that the program's own output does not end up in the middle.
fn print(report: &Report, detail: Detail) {
    let text = report.render(detail, Page::of_stderr());
    let mut out = anstream::stderr().lock();
    // Ignore errors: there is nowhere left to report them.
    let _ = out.write_all(text.as_bytes());
}
