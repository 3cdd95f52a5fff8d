//! How the tasks of a program ended, and what they are called: what only the inside can tell.
//!
//! Tokio tells it through hooks, in a build with `--cfg tokio_unstable`. In others nothing of it is known.

use std::any::Any;
use std::collections::BTreeMap;

use tokio::runtime::{Builder, Handle};
use tokio::task::Id;
use unstuck_inspect::snapshot::NameId;

use crate::explain::Explanation;
use crate::report::Report;
use crate::verdict::Finding;

#[cfg(tokio_unstable)]
use crate::diagnosis::{Judgement, Program, Surfaced, diagnose};
#[cfg(tokio_unstable)]
use crate::error_group::{BoxError, ErrorGroup};
#[cfg(tokio_unstable)]
use crate::observe::{End, Observer, TaskId, note_panics};
#[cfg(tokio_unstable)]
use crate::report::ProgramReport;
#[cfg(tokio_unstable)]
use crate::verdict::{Confidence, Verdict};

/// What is known of the tasks of a program that runs, beside what is in its memory.
#[derive(Clone, Debug, Default)]
pub struct Outcomes {
    /// The names that tasks were given, by Tokio's ids.
    pub names: BTreeMap<u64, String>,
    /// On errors that nobody read so far.
    pub findings: Vec<Finding>,
}

impl Outcomes {
    /// An explanation of the same program, with this in it.
    pub(crate) fn added_to(self, explanation: Explanation) -> Explanation {
        let mut snapshot = explanation.snapshot;
        for task in &mut snapshot.tasks {
            if let Some(name) = self.names.get(&task.id) {
                task.given_name = u32::try_from(snapshot.names.len()).ok().map(NameId);
                snapshot.names.push(name.clone());
            }
        }
        Explanation {
            snapshot,
            outcomes: self,
            ..explanation
        }
    }
}

/// Hears of the tasks of one runtime.
#[derive(Clone)]
pub(crate) struct Collector {
    #[cfg(tokio_unstable)]
    observer: Observer,
    #[cfg(tokio_unstable)]
    begun: std::time::Instant,
}

#[cfg(not(tokio_unstable))]
#[expect(clippy::unused_self, reason = "with hooks it has something to tell")]
impl Collector {
    pub(crate) fn attach(_: &mut Builder) -> Self {
        Self {}
    }

    pub(crate) fn so_far(&self, _main: Option<Id>) -> Outcomes {
        Outcomes::default()
    }

    pub(crate) fn at_end(&self, _: &Handle, _main: Option<Id>, _value: &dyn Any) -> Option<Report> {
        None
    }
}

#[cfg(tokio_unstable)]
impl Collector {
    /// Adds hooks to a runtime that is about to be built, from the thread that will drive it.
    pub(crate) fn attach(runtime: &mut Builder) -> Self {
        note_panics();
        let observer = Observer::new();
        observer.adopt_thread();
        observer.attach(runtime);
        Self {
            observer,
            begun: std::time::Instant::now(),
        }
    }

    /// What is known while the program runs. Its main function may be a task.
    pub(crate) fn so_far(&self, main: Option<Id>) -> Outcomes {
        let seen = self.observer.look_at_tasks();
        let names = seen.tasks.iter();
        let names = names.filter_map(|task| Some((task.id.0, task.name.clone()?)));
        let running = Program::Runs(Judgement {
            verdict: Verdict::Running,
            confidence: Confidence::Proven,
        });
        let findings = diagnose(&seen, main_id(main), &running).findings;
        Outcomes {
            names: names
                .chain(main.map(|id| (TaskId::from(id).0, "main".to_owned())))
                .collect(),
            findings: findings.into_iter().filter(Finding::is_of_errors).collect(),
        }
    }

    /// What is amiss with a program that has ended with this value: errors that nobody read, tasks that outlive it.
    /// `None` if nothing is.
    pub(crate) fn at_end(
        &self,
        runtime: &Handle,
        main: Option<Id>,
        value: &dyn Any,
    ) -> Option<Report> {
        // Where it is not known what main returned, any error may be in it.
        let surfaced = surfaced(value)?;
        let end = match surfaced.first() {
            Some(error) => End::Error(error.text.clone()),
            None => End::Ok,
        };
        let seen = self.observer.look_back(runtime, || {});
        let diagnosis = diagnose(&seen, main_id(main), &Program::Returned(end, surfaced));
        let report = || ProgramReport::new(&diagnosis, self.begun.elapsed());
        (!diagnosis.findings.is_empty()).then(|| Report::ended(report()))
    }
}

/// No task has the number 0.
#[cfg(tokio_unstable)]
fn main_id(main: Option<Id>) -> TaskId {
    main.map_or(TaskId(0), TaskId::from)
}

/// The errors in what a main function returned. `None` if it is not known how to look for them.
#[cfg(tokio_unstable)]
fn surfaced(value: &dyn Any) -> Option<Vec<Surfaced>> {
    if value.is::<()>() {
        return Some(Vec::new());
    }
    if let Some(ended) = value.downcast_ref::<Result<(), ErrorGroup>>() {
        let error = ended.as_ref().err();
        return Some(error.map_or_else(Vec::new, |error| Surfaced::all_in(error)));
    }
    let ended = value.downcast_ref::<Result<(), BoxError>>()?;
    let error = ended.as_ref().err();
    Some(error.map_or_else(Vec::new, |error| Surfaced::all_in(&**error)))
}
