//! Hears of the tasks of one runtime, through its hooks.

use std::any::Any;
use std::collections::HashSet;
use std::time::Instant;

use tokio::runtime::{Builder, Handle};
use tokio::task::Id;
use unstuck_inspect::snapshot::{Lifecycle, Snapshot, Task};

use super::{End, Outcomes, Returned, Surfaced, TaskId, TaskOutcome};
use crate::error_group::{BoxError, ErrorGroup};
use crate::explain::Explanation;
use crate::observe::{Keep, Observer, note_panics};
use crate::own_process::{self, Reading};
use crate::place::Place;
use crate::report::{ProgramReport, Report};

/// Where memory can be read, it tells which tasks are alive, and nothing of it is noted while the program runs.
const KEEP: Keep = if cfg!(all(target_os = "linux", target_arch = "x86_64")) {
    Keep::Failures
} else {
    Keep::EveryTask
};

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
        let observer = Observer::new(KEEP);
        observer.adopt_thread();
        observer.attach(runtime);
        Self {
            observer,
            begun: Instant::now(),
        }
    }

    /// An explanation of the program as it runs, with what is known beside it. Its main function may be a task.
    pub(crate) fn add_to(&self, explanation: Explanation, main: Option<Id>) -> Explanation {
        let mut outcomes = self.so_far(main);
        outcomes.leave_out_alive(&explanation.snapshot);
        outcomes.added_to(explanation)
    }

    fn so_far(&self, main: Option<Id>) -> Outcomes {
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
        let mut outcomes = Outcomes {
            returned: Some(returned),
            ..self.so_far(main)
        };
        let elapsed = self.begun.elapsed();
        let metrics = runtime.metrics();
        let alive = metrics.num_alive_tasks();
        // Where tasks are that outlive it.
        let left = (alive > 0).then(|| own_process::read().ok()).flatten();
        let left = left.map(Reading::into_explanation);
        if let (Keep::Failures, Some(left)) = (KEEP, &left) {
            outcomes.leave_out_alive(&left.snapshot);
            outcomes.add_alive(&left.snapshot, runtime);
        }
        let spawned = usize::try_from(metrics.spawned_tasks_count()).unwrap_or(usize::MAX);
        let is_main = |task: &TaskOutcome| Some(task.id) == outcomes.main;
        let ended = |task: &&TaskOutcome| task.end.is_some() && !is_main(task);
        let listed = outcomes.tasks.iter().filter(ended).count();
        let others = alive + listed + usize::from(main.is_some());
        outcomes.unlisted.tasks = spawned.saturating_sub(others);
        let report = ProgramReport::ended(&outcomes, left.as_ref(), elapsed);
        (!report.findings.is_empty()).then(|| Report::ended(report))
    }
}

impl Outcomes {
    /// Leaves out the failures of tasks that are alive in memory, and so have got over them.
    fn leave_out_alive(&mut self, snapshot: &Snapshot) {
        let tasks = snapshot.tasks.iter().filter(|task| is_alive(task));
        let alive: HashSet<TaskId> = tasks.map(|task| TaskId(task.id)).collect();
        let is_over = |task: &TaskOutcome| KEEP == Keep::EveryTask || !alive.contains(&task.id);
        self.tasks.retain(is_over);
    }

    /// Adds the tasks of a runtime that are alive, as they are in memory.
    fn add_alive(&mut self, snapshot: &Snapshot, runtime: &Handle) {
        // Tokio tells the number of an id in no other way.
        let runtime = runtime.id().to_string().parse().ok();
        let is_own = |task: &&Task| {
            let owner = task.runtime.map(|id| &snapshot.runtimes[id.0 as usize]);
            is_alive(task) && owner.is_some_and(|it| it.id == runtime)
        };
        let outcome = |task: &Task| {
            let id = TaskId(task.id);
            let spawned_at = task.spawned_at?;
            Some(TaskOutcome {
                id,
                name: self.names.remove(&id),
                spawned_at: Place::new(snapshot[spawned_at.file].clone(), spawned_at.line),
                parent: None,
                end: None,
                ended_after: 0,
            })
        };
        let alive = snapshot.tasks.iter().filter(is_own).filter_map(outcome);
        self.tasks.extend(alive);
        self.tasks.sort_unstable_by_key(|task| task.id);
    }
}

fn is_alive(task: &Task) -> bool {
    task.state.lifecycle != Lifecycle::Complete
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
