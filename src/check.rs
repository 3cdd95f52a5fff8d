//! Around a test: one that hangs fails, and says why.

use std::future::Future;
use std::panic::resume_unwind;

use tokio::runtime::Builder;
use tokio::task::JoinError;

use crate::diagnosis::{Program, Verdict};
use crate::guard::{refuse_inside_runtime, surfaced};
use crate::observe::{End, Observer, leave_out_harness, note_panics};
use crate::observed::Observed;
use crate::report::Report;
use crate::watch::{TICK, Watch};

/// Runs the body of a test, as `#[tokio::test]` would, under a [`Check`] as it comes: what would hang for
/// ever fails, with a report as its message.
///
/// ```
/// // In a plain `#[test]`:
/// unstuck::check(async {
///     let (send, receive) = tokio::sync::oneshot::channel();
///     tokio::spawn(async move { send.send(42) });
///     assert_eq!(receive.await, Ok(42));
/// });
/// ```
///
/// # Panics
///
/// As [`Check::run`].
#[track_caller]
pub fn check<T: Send + 'static>(body: impl Future<Output = T> + Send + 'static) -> T {
    Check::new().run(body)
}

/// How the body of a test is run: on a runtime of its own, with one worker.
///
/// Many may run at once in one process. A test is called stuck only once nothing is left that could wake it,
/// which takes a tenth of a second after its last activity. A thread that is not known might, such as one
/// that the test started, or that of a plain test beside it; and so might another test under a check, as they
/// may share a lock, until it has ended or hangs itself. The main thread is taken for the test harness,
/// unless the check runs on it.
///
/// Names of tasks, errors of `#[instrument(err)]`, who holds which lock, and when timers are due, are known
/// where the process has a subscriber with [`observe::resource_layer`](crate::observe::resource_layer) in it,
/// which costs some microseconds for each lock that is taken and each timer that is set; all but these two
/// with [`observe::layer`](crate::observe::layer).
#[derive(Clone, Copy, Debug)]
pub struct Check {
    strict: bool,
}

impl Check {
    /// A check that fails a test only if it hangs. What else is amiss is printed.
    #[expect(clippy::new_without_default, reason = "a check is made on purpose")]
    pub fn new() -> Self {
        Self { strict: false }
    }

    /// Fails a test also if errors of its tasks were swallowed, or if tasks outlive it.
    #[must_use]
    pub fn strict(self) -> Self {
        Self { strict: true }
    }

    /// Runs `body` to its end.
    ///
    /// Which errors surfaced is known where it returns `()`, `Result<(), BoxError>` or
    /// `Result<(), ErrorGroup>`; otherwise none is called swallowed.
    ///
    /// # Panics
    ///
    /// If `body` does, with the same payload; if it is stuck, with a report; within a runtime, as it has
    /// its own.
    #[track_caller]
    pub fn run<T: Send + 'static>(self, body: impl Future<Output = T> + Send + 'static) -> T {
        let started = refuse_inside_runtime().and_then(|()| {
            note_panics();
            leave_out_harness();
            let mut runtime = Builder::new_multi_thread();
            runtime.enable_all().worker_threads(1);
            Ok(Observed::start(Observer::new(), runtime, "main", body)?)
        });
        let mut program = match started {
            Ok(program) => program,
            Err(error) => panic!("{error}"),
        };
        if let Some(report) = watch(&mut program) {
            program.runtime.shutdown_background();
            panic!("the test hangs\n\n{report}");
        }
        let view = program.view.clone();
        let (ended, runtime) = program.end();
        let value = match ended.map_err(JoinError::try_into_panic) {
            Ok(value) => value,
            Err(Ok(payload)) => resume_unwind(payload),
            Err(Err(end)) => panic!("the test was cut off: {end}"),
        };
        let amiss = surfaced(&value).and_then(|errors| {
            let end = errors
                .first()
                .map_or(End::Ok, |error| End::Error(error.text.clone()));
            let diagnosis = view.diagnose(&view.look_back(|| {}), &Program::Returned(end, errors));
            let report = || Report::new(&diagnosis, view.elapsed());
            (!diagnosis.findings.is_empty()).then(report)
        });
        runtime.shutdown_background();
        match amiss {
            Some(report) if self.strict => panic!("the test leaves something behind\n\n{report}"),
            Some(report) => eprintln!("{report}"),
            None => {}
        }
        value
    }
}

/// Watches a test until it has ended, or is stuck: then why.
fn watch<T: Send + 'static>(program: &mut Observed<T>) -> Option<Report> {
    let view = program.view.clone();
    let mut watching = view.watching(Watch::default());
    let report = loop {
        if program.has_ended_within(TICK) {
            break None;
        }
        let Some((seen, judgement)) = watching.tick() else {
            continue;
        };
        let diagnosis = view.diagnose(&seen, &Program::Runs(judgement));
        let report = Report::new(&diagnosis, view.elapsed());
        if judgement.verdict == Verdict::Stuck {
            break Some(report);
        }
        // It may yet go on.
        eprintln!("{report}");
    };
    // Before others stop to reckon with this program.
    view.let_go();
    report
}
