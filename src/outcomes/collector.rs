//! Hears of the tasks of one runtime, through its hooks.

use std::any::Any;
use std::time::Instant;

use tokio::runtime::{Builder, Handle};
use tokio::task::Id;

use super::{End, Outcomes, Returned, Surfaced};
use crate::error_group::{BoxError, ErrorGroup};
use crate::observe::{Observer, note_panics};
use crate::report::{ProgramReport, Report};
use crate::watcher;

/// Hears of the tasks of one runtime.
#[derive(Clone)]
pub(crate) struct Collector {
    observer: Observer,
    begun: Instant,
}

impl Collector {
    /// Adds hooks to a runtime that is about to be built, from the thread that will drive it.
    pub(crate) fn attach(runtime: &mut Builder) -> Self {
        note_panics();
        let observer = Observer::new();
        observer.adopt_thread();
        observer.attach(runtime);
        Self {
            observer,
            begun: Instant::now(),
        }
    }

    /// What is known while the program runs. Its main function may be a task.
    pub(crate) fn so_far(&self, main: Option<Id>) -> Outcomes {
        Outcomes {
            main: main.map(Into::into),
            ..self.observer.outcomes()
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
        let at_rest = self.observer.settle(runtime);
        let returned = Returned {
            end,
            surfaced,
            at_rest,
        };
        let outcomes = Outcomes {
            returned: Some(returned),
            ..self.so_far(main)
        };
        let elapsed = self.begun.elapsed();
        // Where tasks are that outlive it.
        let leaves_tasks = outcomes.left_behind().next().is_some();
        let left = leaves_tasks.then(|| watcher::read_own().ok()).flatten();
        let left = left.map(|(explanation, _)| explanation);
        let report = ProgramReport::ended(&outcomes, left.as_ref(), elapsed);
        (!report.findings.is_empty()).then(|| Report::ended(report))
    }
}

/// The errors in what a main function returned. `None` if it is not known how to look for them.
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
