//! A guard without hooks: it reads the memory of the program.

use std::fmt;
use std::future::Future;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;

use tokio::runtime::{Builder, Handle};

use crate::asking::{Ending, Reachable};
use crate::own_threads;
use crate::report::page::Detail;
use crate::watcher::{Pace, Watching};

/// Runs `body` to its end, as `#[tokio::main]` would, under a [`Guard`] as it comes.
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
/// In a build with `--cfg tokio_unstable`, a report also has names of tasks, and the errors that they ended with.
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
}

/// Why a program was not run.
#[non_exhaustive]
pub enum GuardError {
    /// There is a runtime around the call, and a thread can't drive two.
    InsideRuntime,
    /// The runtime could not be set up.
    SetUp(io::Error),
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
        }
    }

    /// Also reports by itself, as [`watch`](crate::watch()) does: once the program, or a part of it, is stuck.
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
        } = self;
        refuse_inside_runtime()?;
        let runtime = runtime.build()?;
        let watching = Watching::new(runtime.metrics(), Pace::PROGRAM, detail);
        let (asking, asked) = mpsc::channel();
        let unanswered = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&unanswered);
        let ask = move |ending| asking.send(Request::new(ending, &counted)).is_ok();
        let reachable = Reachable::new(interrupts, ask)?;
        let guarding = own_threads::start("unstuck-guard", move || {
            if watches {
                watching.watch(&asked);
            } else {
                watching.answer_all(&asked);
            }
        })?;
        let value = runtime.block_on(body);
        drop(reachable);
        // Who has asked is answered. A reading for nobody is not waited for.
        if unanswered.load(Ordering::SeqCst) > 0 {
            let _ = guarding.join();
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

pub(super) fn refuse_inside_runtime() -> Result<(), GuardError> {
    match Handle::try_current() {
        Ok(_) => Err(GuardError::InsideRuntime),
        Err(_) => Ok(()),
    }
}

impl fmt::Display for GuardError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            GuardError::InsideRuntime => f.write_str(
                "a guard has a runtime of its own and can't run in another; call it from a plain `fn main` \
                 or `#[test]`",
            ),
            GuardError::SetUp(error) => write!(f, "the runtime can't be set up: {error}"),
        }
    }
}

impl fmt::Debug for GuardError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

impl std::error::Error for GuardError {}

impl From<io::Error> for GuardError {
    fn from(error: io::Error) -> Self {
        GuardError::SetUp(error)
    }
}
