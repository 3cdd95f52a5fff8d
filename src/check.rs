//! Around a test: one that hangs fails, and says why.

use std::future::Future;
use std::panic::resume_unwind;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

use tokio::runtime::{Builder, Runtime};
use tokio::task::{Id, JoinError};
use unstuck_inspect::snapshot::Snapshot;

use crate::explain::Explanation;
use crate::guard::{GuardError, refuse_inside_runtime};
use crate::health::Health;
use crate::liveness::Actor;
use crate::observe::unrecorded;
use crate::outcomes::Collector;
use crate::own_threads;
use crate::report::Report;
use crate::report::page::{Detail, Page};
use crate::report::process;
use crate::watcher::{Pace, TICK, Watching};

/// Runs the body of a test, as `#[tokio::test]` would, under a [`Check`] as it comes: what would hang for ever fails,
/// with a report as its message.
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
/// Once the test has not moved for a twentieth of a second, the memory of the process is read, which polls nothing. It
/// hangs if nothing in the process can wake it, twice in a row. A thread that is not known might, such as one that
/// the test started, or that of a plain test beside it; and so might another test under a check, until it has ended
/// or hangs itself. The main thread is taken for the test harness, unless the check runs on it.
///
/// A test that waits for something outside, in which nothing moves meanwhile, fails after a minute, or [as long as it
/// may](Check::wait_at_most). After half of that, a line on standard error says what it waits for. A test that makes
/// progress is left alone, unless the check is told when to [give up](Check::give_up_after).
///
/// That takes Linux on x86-64 and full debug info (`debug = true`, the default of a test build). Where the process
/// can't be read, the test runs all the same, and a line on standard error says why it is not watched.
///
/// In a build with `--cfg tokio_unstable`, Tokio's hooks tell how tasks ended. Then a check can be
/// [strict](Check::strict), and a report has the errors and panics that nobody read, and the names of tasks: errors
/// that `#[instrument(err)]` records, and names that `task::Builder` gives, where the process has a subscriber with
/// [`observe::layer`](crate::observe::layer) in it.
#[derive(Clone, Copy, Debug)]
pub struct Check {
    strict: bool,
    detail: Detail,
    longest_wait: Duration,
    give_up_after: Option<Duration>,
}

/// How long a test may wait unless it is told.
const LONGEST_WAIT: Duration = Duration::from_mins(1);

impl Check {
    /// A check that fails a test only if it hangs. What else is amiss at its end is printed.
    #[expect(clippy::new_without_default, reason = "a check is made on purpose")]
    pub fn new() -> Self {
        Self {
            strict: false,
            detail: Detail::Brief,
            longest_wait: LONGEST_WAIT,
            give_up_after: None,
        }
    }

    /// Fails a test also if errors of its tasks were swallowed, or if tasks outlive it, which is read from memory as
    /// well. Does nothing in a build without `--cfg tokio_unstable`, where nothing tells how a task ended.
    #[must_use]
    pub fn strict(self) -> Self {
        let strict = true;
        Self { strict, ..self }
    }

    /// Reports with each task and all that it holds: without it a report has the verdict and why, in a few lines.
    #[must_use]
    pub fn full(self) -> Self {
        let detail = Detail::Full;
        Self { detail, ..self }
    }

    /// Fails a test once nothing in it has moved for that long. Without this, that is a minute. A test that waits
    /// longer for a timer or for an answer needs more.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use unstuck::Check;
    /// let hour = Duration::from_hours(1);
    /// Check::new().wait_at_most(hour).run(async {
    ///     // What may take long to answer.
    /// });
    /// ```
    #[must_use]
    pub fn wait_at_most(self, longest_wait: Duration) -> Self {
        Self {
            longest_wait,
            ..self
        }
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
    /// Which errors surfaced is known where it returns `()`, `Result<(), BoxError>` or `Result<(), ErrorGroup>`;
    /// otherwise none is called swallowed.
    ///
    /// # Panics
    ///
    /// If `body` does, with the same payload; if it is stuck, or takes longer than it may, with a report; within a
    /// runtime, as it has its own.
    #[track_caller]
    pub fn run<T: Send + 'static>(self, body: impl Future<Output = T> + Send + 'static) -> T {
        let (runtime, collector) = match runtime() {
            Ok(runtime) => runtime,
            Err(error) => panic!("{error}"),
        };
        own_threads::leave_out_harness();
        let (ended, end) = mpsc::channel::<()>();
        let test = runtime.spawn(async move {
            let _ended = ended;
            body.await
        });
        let id = test.id();
        if let Some(hang) = self.watch(&runtime, &collector, id, &end) {
            runtime.shutdown_background();
            panic!("{hang}");
        }
        let value = match runtime.block_on(test).map_err(JoinError::try_into_panic) {
            Ok(value) => value,
            Err(Ok(payload)) => resume_unwind(payload),
            Err(Err(end)) => panic!("the test was cut off: {end}"),
        };
        let amiss = collector.at_end(runtime.handle(), Some(id), &value);
        runtime.shutdown_background();
        match amiss.map(|report| self.text(&report)) {
            Some(report) if self.strict => panic!("the test leaves something behind\n\n{report}"),
            Some(report) => eprintln!("{report}"),
            None => {}
        }
        value
    }

    fn text(self, report: &Report) -> String {
        match self.detail {
            Detail::Brief => report.to_string(),
            Detail::Full => format!("{report:#}"),
        }
    }

    /// Watches a test until it has ended, or is stuck, or has taken longer than it may: then what to say of it.
    fn watch(
        self,
        runtime: &Runtime,
        collector: &Collector,
        test: Id,
        end: &Receiver<()>,
    ) -> Option<String> {
        let _own = own_threads::join();
        let _unrecorded = unrecorded();
        let mut watching = Watching::new(runtime.metrics(), Pace::TEST, Health::unknown());
        let report = |mut explanation| {
            leave_out_others(&mut explanation, test);
            self.report(&collector.add_to(explanation, Some(test)))
        };
        let begun = Instant::now();
        let mut is_readable = true;
        let mut hung_before = false;
        let mut is_warned = false;
        loop {
            let left = self
                .give_up_after
                .map_or(TICK, |limit| limit.saturating_sub(begun.elapsed()));
            if end.recv_timeout(left.min(TICK)) != Err(RecvTimeoutError::Timeout) {
                return None;
            }
            let is_due = watching.is_due();
            let waits = watching.quiet_for();
            let is_late = self.give_up_after.filter(|limit| begun.elapsed() >= *limit);
            let why = is_late.map(|limit| format!("has not ended after {limit:?}"));
            let waits_too_long = || {
                format!(
                    "has waited for {:?}, and nothing in it has moved",
                    self.longest_wait
                )
            };
            let why = why.or_else(|| (waits >= self.longest_wait).then(waits_too_long));
            if let Some(why) = why {
                let report = match watching.read() {
                    Ok(explanation) => report(explanation),
                    Err(reason) => reason.to_string(),
                };
                // It may have ended while it was looked at.
                let has_ended = end.try_recv() != Err(mpsc::TryRecvError::Empty);
                return (!has_ended).then(|| format!("the test {why}\n\n{report}"));
            }
            if !is_warned && waits >= self.longest_wait / 2 {
                is_warned = true;
                if let Ok(mut explanation) = watching.read() {
                    leave_out_others(&mut explanation, test);
                    self.warn(&explanation);
                }
            }
            if !is_readable || !hung_before && !is_due {
                continue;
            }
            match watching.read() {
                Ok(explanation) => {
                    let hangs = hangs(&explanation, test);
                    if hangs && hung_before {
                        return Some(format!("the test hangs\n\n{}", report(explanation)));
                    }
                    hung_before = hangs;
                }
                Err(reason) => {
                    is_readable = false;
                    eprintln!("unstuck cannot observe this test: {reason}");
                }
            }
        }
    }

    /// Says in a line what the test waits for.
    fn warn(self, explanation: &Explanation) {
        let thread = thread::current();
        // The harness gives the thread the name of the test.
        let name = thread.name().unwrap_or("a test");
        let waits = self.longest_wait / 2;
        let title = format!(
            "{name} has waited for {waits:?}, and fails after {:?}: ",
            self.longest_wait
        );
        let text = process::render_verdict(explanation, &title, Page::Plain);
        eprint!("{}", anstream::adapter::strip_str(&text));
    }

    fn report(self, explanation: &Explanation) -> String {
        let text = match self.detail {
            Detail::Brief => process::render_answer(explanation, Page::Plain),
            Detail::Full => process::render(explanation, self.detail, Page::Plain),
        };
        anstream::adapter::strip_str(&text).to_string()
    }
}

/// Whether nothing can wake the test.
fn hangs(explanation: &Explanation, test: Id) -> bool {
    let stuck = &explanation.diagnosis.stuck;
    task(&explanation.snapshot, test)
        .is_some_and(|task| stuck.binary_search(&Actor::Task(task)).is_ok())
}

/// Leaves out what other tests in the process wait for.
fn leave_out_others(explanation: &mut Explanation, test: Id) {
    let snapshot = &explanation.snapshot;
    let runtime = task(snapshot, test).and_then(|test| snapshot.tasks[test].runtime);
    let is_own = |actor: Actor| match actor {
        Actor::Task(task) => snapshot.tasks[task].runtime == runtime,
        Actor::BlockOn(_) | Actor::Blocking(_) => true,
    };
    explanation.diagnosis.leave_out_others(snapshot, is_own);
}

/// The index of a task.
fn task(snapshot: &Snapshot, id: Id) -> Option<usize> {
    // Tokio tells the number of an id in no other way.
    let id = id.to_string();
    snapshot.tasks.iter().position(|it| it.id.to_string() == id)
}

fn runtime() -> Result<(Runtime, Collector), GuardError> {
    refuse_inside_runtime()?;
    let mut runtime = Builder::new_multi_thread();
    runtime.enable_all().worker_threads(1);
    let collector = Collector::attach(&mut runtime);
    Ok((runtime.build()?, collector))
}
