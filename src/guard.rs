//! Around a program: it runs as it did, and says on request, or by itself, why it hangs.

use std::any::Any;
use std::fmt;
use std::future::Future;
use std::io::{self, Write};
use std::panic::resume_unwind;
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::time::Duration;

use tokio::runtime::{Builder, Handle};

use crate::asking::{Ending, Reachable};
use crate::diagnosis::{Judgement, Program, Surfaced};
use crate::observe::{End, Observer, Snapshot, note_panics, start_watching, unrecorded};
use crate::observed::{Observed, View};
use crate::report::Report;
use crate::report::page::{Detail, Page};
use crate::report::text;
use crate::watch::{TICK, Watch};
use crate::{BoxError, ErrorGroup};

/// Runs `body` to its end, as `#[tokio::main]` would, under a [`Guard`] as it comes.
///
/// ```no_run
/// fn main() -> Result<(), Box<dyn std::error::Error>> {
///     unstuck::run(async {
///         // What was in the async main function.
///     })?;
///     Ok(())
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
/// Both work while the threads of the runtime are blocked. Where tasks are parked is read from the program's own
/// memory, which takes Linux and full debug info (`debug = true`, the default of a dev build), and polls nothing.
///
/// Names of tasks and errors of `#[instrument(err)]` are known where the program's own subscriber has
/// [`observe::layer`](crate::observe::layer) in it. With
/// [`observe::resource_layer`](crate::observe::resource_layer) in its place it is known who holds which of
/// Tokio's locks and permits, and when timers are due, too, at the cost of some microseconds for each one
/// that is taken or set.
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

/// The program is to go on, whatever is looked at.
const WATCH: Watch = Watch {
    quiet: Duration::from_millis(100),
    patience: Duration::from_secs(5),
    is_apart: false,
    is_sparing: true,
};

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
    /// The main task was cut off.
    #[error("the program was cut off before it returned")]
    CutOff,
}

/// What Rust prints when `main` returns it: the same as its `Display`.
impl fmt::Debug for GuardError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

/// What a guard hears of.
enum News {
    /// Somebody asks for a report; the process may be about to end.
    Asked(Option<Arc<Ending>>),
    /// The main task has ended, with these errors in what it returned, if that is known.
    Ended(Option<Vec<Surfaced>>),
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

    /// Also reports by itself: once the program is stuck, or a part of it waits for nothing but an event that
    /// nobody can set; once a part of it has been stuck in its locks for 5 seconds (with the layer that records
    /// them), or it has been blocked or has waited for something outside for as long; and, if something is
    /// amiss, when it has ended.
    #[must_use]
    pub fn watch(self) -> Self {
        let watches = true;
        Self { watches, ..self }
    }

    /// Runs the program on this runtime rather than on the default one. The guard's hooks take the place
    /// of those for the start of threads, and for the spawn, the polls and the end of tasks.
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

    /// Prints each task and all evidence, too: without it a report has the verdict and why, in a few lines.
    #[must_use]
    pub fn full(self) -> Self {
        let detail = Detail::Full;
        Self { detail, ..self }
    }

    /// Hands reports to `tell`, on the guard's own thread, rather than printing them.
    #[must_use]
    pub fn on_report(self, tell: impl FnMut(&Report) + Send + 'static) -> Self {
        let tell: Option<Tell> = Some(Box::new(tell));
        Self { tell, ..self }
    }

    /// Runs `body` as the main task of a program, to its end.
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
            runtime,
            watches,
            interrupts,
            detail,
            tell,
        } = self;
        let tell = tell.unwrap_or_else(|| Box::new(move |report| print(report, detail)));
        refuse_inside_runtime()?;
        note_panics();
        let (asking, asked) = mpsc::channel();
        let signals = asking.clone();
        let ask = move |ending| signals.send(News::Asked(ending)).is_ok();
        let reachable = Reachable::new(interrupts, ask)?;
        let program = Observed::start(Observer::new(), runtime, "main", body)?;
        let view = program.view.clone();
        let beside = Beside {
            view: view.clone(),
            watches,
            tell,
            _reachable: reachable,
        };
        let guarding = start_watching("unstuck-guard", move || beside.guard(&asked))?;
        let (ended, runtime) = program.end();
        let surfaced = ended.as_ref().ok().and_then(|value| surfaced(value));
        let _ = asking.send(News::Ended(surfaced));
        // It speaks its last word before tasks that are left are cut off.
        let _ = guarding.join();
        drop(runtime);
        match ended {
            Ok(value) => Ok(value),
            Err(end) => match end.try_into_panic() {
                Ok(payload) => resume_unwind(payload),
                Err(_) => Err(GuardError::CutOff),
            },
        }
    }
}

pub(crate) fn refuse_inside_runtime() -> Result<(), GuardError> {
    match Handle::try_current() {
        Ok(_) => Err(GuardError::InsideRuntime),
        Err(_) => Ok(()),
    }
}

/// What stands beside the program, on a thread of its own.
struct Beside {
    view: View,
    watches: bool,
    tell: Tell,
    _reachable: Arc<Reachable>,
}

impl Beside {
    fn guard(mut self, news: &Receiver<News>) {
        let _unrecorded = unrecorded();
        let view = self.view.clone();
        let mut watching = view.watching(WATCH);
        let mut next = None;
        loop {
            let heard = match next.take() {
                Some(news) => Ok(news),
                None if self.watches => news.recv_timeout(TICK),
                None => news.recv().map_err(RecvTimeoutError::from),
            };
            match heard {
                Ok(News::Asked(ending)) => {
                    // One report answers all who have asked for one by now.
                    next = news
                        .try_iter()
                        .find(|news| !matches!(news, News::Asked(None)));
                    self.report(watching.look());
                    drop(ending);
                }
                Ok(News::Ended(surfaced)) => {
                    if self.watches {
                        self.look_back(surfaced);
                    }
                    // Before others stop to reckon with this program.
                    self.view.let_go();
                    return;
                }
                Err(RecvTimeoutError::Timeout) => {
                    if let Some(seen) = watching.tick().or_else(|| watching.glance()) {
                        self.report(seen);
                    }
                }
                Err(RecvTimeoutError::Disconnected) => return,
            }
        }
    }

    fn report(&mut self, (seen, judgement): (Snapshot, Judgement)) {
        let diagnosis = self.view.diagnose(&seen, &Program::Runs(judgement));
        (self.tell)(&Report::new(&diagnosis, self.view.elapsed()));
    }

    /// Tells of what is amiss with a program that has ended.
    fn look_back(&mut self, surfaced: Option<Vec<Surfaced>>) {
        // Where it is not known what main returned, any error may be in it.
        let Some(surfaced) = surfaced else { return };
        let end = match surfaced.first() {
            Some(error) => End::Error(error.text.clone()),
            None => End::Ok,
        };
        let program = Program::Returned(end, surfaced);
        let diagnosis = self.view.diagnose(&self.view.look_back(|| {}), &program);
        if !diagnosis.findings.is_empty() {
            (self.tell)(&Report::new(&diagnosis, self.view.elapsed()));
        }
    }
}

/// The errors in what a main function returned: none at all if it is not known how to look for them.
pub(crate) fn surfaced(value: &dyn Any) -> Option<Vec<Surfaced>> {
    if value.is::<()>() {
        return Some(Vec::new());
    }
    if let Some(ended) = value.downcast_ref::<Result<(), ErrorGroup>>() {
        return Some(
            ended
                .as_ref()
                .err()
                .map_or_else(Vec::new, |error| Surfaced::all_in(error)),
        );
    }
    let ended = value.downcast_ref::<Result<(), BoxError>>()?;
    Some(
        ended
            .as_ref()
            .err()
            .map_or_else(Vec::new, |error| Surfaced::all_in(&**error)),
    )
}

fn print(report: &Report, detail: Detail) {
    let page = match terminal_size::terminal_size_of(io::stderr()) {
        Some((width, _)) => Page::Terminal(usize::from(width.0)),
        None => Page::Plain,
    };
    let mut out = anstream::stderr().lock();
    let text = text::render(report, page, detail);
    // Ignore errors: there is nowhere left to report them.
    let _ = out.write_all(format!("unstuck: {text}").as_bytes());
}
