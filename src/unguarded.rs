//! What stands in for a guard and a check in a build that can't look into the runtime: they run what they
//! are given, and say that they see nothing.

pub mod observe;

use std::fmt;
use std::future::Future;
use std::io;
use std::panic::resume_unwind;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::Duration;

use tokio::runtime::{Builder, Handle, Runtime};
use tokio::task::JoinError;

/// Runs `body` to its end, unseen.
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

/// Runs the body of a test, unseen.
///
/// # Panics
///
/// If `body` does; within a runtime, as it has its own.
#[track_caller]
pub fn check<T: Send + 'static>(body: impl Future<Output = T> + Send + 'static) -> T {
    Check::new().run(body)
}

/// Would stand beside a program in a build with `--cfg tokio_unstable`.
pub struct Guard {
    runtime: Builder,
}

/// Would watch a test in a build with `--cfg tokio_unstable`.
#[derive(Clone, Copy, Debug)]
pub struct Check {
    give_up_after: Option<Duration>,
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
    /// A guard that sees nothing.
    #[expect(clippy::new_without_default, reason = "a guard is made on purpose")]
    pub fn new() -> Self {
        let mut runtime = Builder::new_multi_thread();
        runtime.enable_all();
        Self { runtime }
    }

    /// Does nothing here.
    #[must_use]
    pub fn watch(self) -> Self {
        self
    }

    /// Does nothing here.
    #[must_use]
    pub fn full(self) -> Self {
        self
    }

    /// Runs the program on this runtime rather than on the default one.
    #[must_use]
    pub fn runtime(self, runtime: Builder) -> Self {
        Self { runtime }
    }

    /// Does nothing here.
    #[must_use]
    pub fn leave_ctrl_c(self) -> Self {
        self
    }

    /// Runs `body` to its end, and says once that nobody looks.
    ///
    /// # Errors
    ///
    /// [`GuardError`] if it could not be started.
    pub fn run<F>(mut self, body: F) -> Result<F::Output, GuardError>
    where
        F: Future<Output: Send + 'static> + Send + 'static,
    {
        Ok(self.start()?.block_on(body))
    }

    fn start(&mut self) -> Result<Runtime, GuardError> {
        if Handle::try_current().is_ok() {
            return Err(GuardError::InsideRuntime);
        }
        let runtime = self.runtime.build().map_err(GuardError::SetUp)?;
        eprintln!(
            "unstuck cannot observe this program; build it with `--cfg tokio_unstable` in RUSTFLAGS, as Tokio keeps \
             its hooks behind that cfg"
        );
        Ok(runtime)
    }
}

impl Check {
    /// A check that sees nothing.
    #[expect(clippy::new_without_default, reason = "a check is made on purpose")]
    pub fn new() -> Self {
        Self {
            give_up_after: None,
        }
    }

    /// Does nothing here.
    #[must_use]
    pub fn strict(self) -> Self {
        self
    }

    /// Does nothing here.
    #[must_use]
    pub fn full(self) -> Self {
        self
    }

    /// Fails a test also if it has not ended after that long, whatever it is doing.
    ///
    /// ```should_panic
    /// # use std::time::Duration;
    /// # use unstuck::Check;
    /// Check::new()
    ///     .give_up_after(Duration::from_millis(10))
    ///     .run(std::future::pending::<()>());
    /// ```
    #[must_use]
    pub fn give_up_after(self, limit: Duration) -> Self {
        let give_up_after = Some(limit);
        Self { give_up_after }
    }

    /// Runs `body` to its end.
    ///
    /// # Panics
    ///
    /// If `body` does; if it takes longer than it may; within a runtime, as it has its own.
    #[track_caller]
    pub fn run<T: Send + 'static>(self, body: impl Future<Output = T> + Send + 'static) -> T {
        let runtime = match Guard::new().start() {
            Ok(runtime) => runtime,
            Err(error) => panic!("{error}"),
        };
        let (ended, end) = mpsc::channel::<()>();
        let test = runtime.spawn(async move {
            let _ended = ended;
            body.await
        });
        // The workers may all be blocked, so that no timer of theirs would go off.
        if let Some(limit) = self.give_up_after
            && end.recv_timeout(limit) == Err(RecvTimeoutError::Timeout)
        {
            runtime.shutdown_background();
            panic!("the test has not ended after {limit:?}");
        }
        match runtime.block_on(test).map_err(JoinError::try_into_panic) {
            Ok(value) => value,
            Err(Ok(payload)) => resume_unwind(payload),
            Err(Err(end)) => panic!("the test was cut off: {end}"),
        }
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
