//! Around a test: one that hangs fails, and says why.

use std::future::Future;
use std::panic::resume_unwind;
use std::time::Duration;

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
/// unless the check runs on it. A test that makes progress, or waits for something outside, is left alone, unless
/// the check is told when to [give up](Check::give_up_after).
///
/// Names of tasks, errors of `#[instrument(err)]`, who holds which lock, and when timers are due, are known
/// where the process has a subscriber with [`observe::resource_layer`](crate::observe::resource_layer) in it,
/// which costs some microseconds for each lock that is taken and each timer that is set; all but these two
/// with [`observe::layer`](crate::observe::layer).
#[derive(Clone, Copy, Debug)]
pub struct Check {
    strict: bool,
    full: bool,
    give_up_after: Option<Duration>,
}

impl Check {
    /// A check that fails a test only if it hangs. Other findings are printed.
    #[expect(clippy::new_without_default, reason = "a check is made on purpose")]
    pub fn new() -> Self {
        Self {
            strict: false,
            full: false,
            give_up_after: None,
        }
    }

    /// Fails a test also if errors of its tasks were swallowed, or if tasks outlive it.
    #[must_use]
    pub fn strict(self) -> Self {
        let strict = true;
        Self { strict, ..self }
    }

    /// Reports with each task and all evidence: without it a report has the verdict and why, in a few lines.
    #[must_use]
    pub fn full(self) -> Self {
        let full = true;
        Self { full, ..self }
    }

    /// Fails a test also if it has not ended after that long, whatever it is doing: a wait for something outside, a
    /// poll that does not return, or work without an end. The report is of that moment.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use unstuck::Check;
    /// let answer = Check::new()
    ///     .give_up_after(Duration::from_secs(10))
    ///     .run(async { tokio::spawn(async { 42 }).await });
    /// assert_eq!(answer.unwrap(), 42);
    /// ```
    #[must_use]
    pub fn give_up_after(self, limit: Duration) -> Self {
        let give_up_after = Some(limit);
        Self {
            give_up_after,
            ..self
        }
    }

    /// Runs `body` to its end.
    ///
    /// Which errors surfaced is known where it returns `()`, `Result<(), BoxError>` or
    /// `Result<(), ErrorGroup>`; otherwise none is called swallowed.
    ///
    /// # Panics
    ///
    /// If `body` does, with the same payload; if it is stuck, or takes longer than it may, with a report; within a
    /// runtime, as it has its own.
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
        if let Some(hang) = self.watch(&mut program) {
            program.runtime.shutdown_background();
            panic!("{hang}");
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
            Some(report) if self.strict => {
                panic!("the test leaves something behind\n\n{}", self.text(&report))
            }
            Some(report) => eprintln!("{}", self.text(&report)),
            None => {}
        }
        value
    }

    fn text(self, report: &Report) -> String {
        if self.full {
            format!("{report:#}")
        } else {
            report.to_string()
        }
    }

    /// Watches a test until it has ended, or is stuck, or has taken longer than it may: then what to say of it.
    fn watch<T: Send + 'static>(self, program: &mut Observed<T>) -> Option<String> {
        let limit = self.give_up_after;
        let view = program.view.clone();
        let mut watching = view.watching(Watch::default());
        let hang = loop {
            if program.has_ended_within(TICK) {
                break None;
            }
            let passed = limit.filter(|limit| view.elapsed() >= *limit);
            let seen = match passed {
                Some(_) => Some(watching.look()),
                None => watching.tick().or_else(|| watching.glance()),
            };
            let Some((seen, judgement)) = seen else {
                continue;
            };
            let diagnosis = view.diagnose(&seen, &Program::Runs(judgement));
            let report = Report::new(&diagnosis, view.elapsed());
            if judgement.verdict == Verdict::Stuck {
                break Some(format!("the test hangs\n\n{}", self.text(&report)));
            }
            if let Some(limit) = passed {
                // It may have ended while it was looked at.
                let has_ended = program.has_ended_within(Duration::ZERO);
                let report = self.text(&report);
                let late = || format!("the test has not ended after {limit:?}\n\n{report}");
                break (!has_ended).then(late);
            }
            // It may yet go on.
            eprintln!("{}", self.text(&report));
        };
        // Before others stop to reckon with this program.
        view.let_go();
        hang
    }
}
