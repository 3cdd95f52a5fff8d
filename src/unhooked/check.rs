//! What stands in for a check: it runs a test, and says that it does not observe it.

use std::future::Future;
use std::panic::resume_unwind;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::Duration;

use tokio::runtime::{Builder, Runtime};
use tokio::task::JoinError;

use super::guard::{GuardError, refuse_inside_runtime};

/// Runs the body of a test, unseen.
///
/// # Panics
///
/// If `body` does; within a runtime, as it has its own.
#[track_caller]
pub fn check<T: Send + 'static>(body: impl Future<Output = T> + Send + 'static) -> T {
    Check::new().run(body)
}

/// Would watch a test in a build with `--cfg tokio_unstable`.
#[derive(Clone, Copy, Debug)]
pub struct Check {
    give_up_after: Option<Duration>,
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
        let runtime = match runtime() {
            Ok(runtime) => runtime,
            Err(error) => panic!("{error}"),
        };
        eprintln!(
            "unstuck cannot observe this test; build it with `--cfg tokio_unstable` in RUSTFLAGS, as Tokio keeps its \
             hooks behind that cfg"
        );
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

fn runtime() -> Result<Runtime, GuardError> {
    refuse_inside_runtime()?;
    let runtime = Builder::new_multi_thread().enable_all().build();
    runtime.map_err(GuardError::SetUp)
}
