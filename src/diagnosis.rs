//! What observations mean: a verdict on the program, and findings that explain it.
//!
//! Pure: observations in, conclusions out. No clock, no I/O, nothing printed.

mod by_task;
mod errors;
mod graph;
mod hidden;
mod joins;
mod prose;
mod rules;
mod standing;
mod time_outs;
mod verdict;
mod wait;

use std::borrow::Cow;
use std::collections::HashMap;
use std::time::Duration;

use crate::observe::{End, Snapshot, TaskId, TaskSeen, TaskState};
use crate::place::Place;
use by_task::ByTask;
use graph::Graph;

pub use errors::{Errors, Surfaced};
pub use verdict::{Judgement, judge};
pub use wait::{Wait, Waits};

pub use crate::verdict::{Confidence, Finding, Verdict};

impl Finding {
    /// Whether it tells of errors that nobody read, which does not explain why a program hangs.
    pub(crate) fn is_of_errors(&self) -> bool {
        self.rule == rules::SWALLOWED_ERROR
    }
}

/// All that can be said of a program.
#[derive(Clone, Debug)]
pub struct Diagnosis {
    /// What it came to.
    pub verdict: Verdict,
    /// How sure that is.
    pub confidence: Confidence,
    /// What became of the errors of its tasks.
    pub errors: Errors,
    /// Its tasks in spawn order, those of libraries left out.
    pub tasks: Vec<TaskStory>,
    /// How many tasks ended and are not among them: of very many, only the number is kept.
    pub unlisted: usize,
    /// What explains the verdict.
    pub findings: Vec<Finding>,
    /// What could not be looked at, in words.
    pub blind: Vec<Cow<'static, str>>,
    /// For how long nothing had moved, so that each task that is parked has been so at least as long.
    pub quiet_for: Duration,
}

/// What became of one task.
#[derive(Clone, Debug)]
pub struct TaskStory {
    /// Its name.
    pub name: String,
    /// The line that spawned it; none for `main`, which no line of the program spawned.
    pub spawned_at: Option<Place>,
    /// The task that spawned it, as its place among the program's tasks.
    pub parent: Option<usize>,
    /// How it ended, or what it is at.
    pub fate: Fate,
}

/// How a task ended, or what it is at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It has ended.
    Ended(End),
    /// It was alive when main returned, and was cut off; with where it was parked, if that was looked at.
    Outlived(Option<Parked>),
    /// It is being polled.
    Running,
    /// It was spawned, and has not been polled yet.
    Unpolled,
    /// It waits.
    Parked(Parked),
}

/// Where a task is parked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parked {
    /// The user's own innermost line, where that is known.
    pub at: Option<Place>,
    /// What it waits for.
    pub on: String,
    /// For how long, at least.
    pub lasts: Duration,
    /// How long it will be until the first of the timers goes off that it waits for, where that is known.
    pub due_in: Option<Duration>,
}

/// How the program's main task stands.
#[derive(Clone, Debug)]
pub enum Program {
    /// It has not returned.
    Runs(Judgement),
    /// It has ended like this, with these errors in what it returned.
    Returned(End, Vec<Surfaced>),
}

/// Explains what was seen of a program whose main task is `main`.
pub fn diagnose(seen: &Snapshot, main: TaskId, program: &Program) -> Diagnosis {
    let case = Case::new(seen, main, program);
    let (verdict, confidence) = match program {
        Program::Runs(judgement) => (judgement.verdict, judgement.confidence),
        Program::Returned(End::Ok, _) => (Verdict::Completed, Confidence::Proven),
        Program::Returned(..) => (Verdict::Failed, Confidence::Proven),
    };
    Diagnosis {
        verdict,
        confidence,
        errors: case.errors.counts(),
        tasks: case.stories(),
        unlisted: seen.unlisted.tasks,
        findings: [rules::all(&case), time_outs::before_the_end(&case)].concat(),
        blind: seen.blind.clone(),
        quiet_for: seen.quiet_for,
    }
}

/// What the rules look at.
struct Case<'s> {
    seen: &'s Snapshot,
    main: TaskId,
    program: &'s Program,
    by_id: ByTask<&'s TaskSeen>,
    /// The program's own, in spawn order.
    own: Vec<&'s TaskSeen>,
    waits: Waits<'s>,
    graph: Graph<'s>,
    errors: errors::Returned<'s>,
}

impl<'s> Case<'s> {
    fn new(seen: &'s Snapshot, main: TaskId, program: &'s Program) -> Self {
        let is_own = |task: &&TaskSeen| task.id == main || !task.spawned_at.is_library();
        let waits = Waits::of(seen);
        Self {
            seen,
            main,
            by_id: seen.tasks.iter().map(|task| (task.id, task)).collect(),
            own: seen.tasks.iter().filter(is_own).collect(),
            program,
            graph: Graph::of(seen, &waits),
            waits,
            errors: errors::Returned::of(seen, main, program),
        }
    }

    fn is_stuck(&self) -> bool {
        self.has_come_to(Verdict::Stuck)
    }

    /// Whether the program has not returned, and this is why.
    fn has_come_to(&self, verdict: Verdict) -> bool {
        self.verdict() == Some(verdict)
    }

    /// Whether the verdict is a proof.
    fn is_proven(&self) -> bool {
        matches!(self.program, Program::Runs(judgement) if judgement.confidence == Confidence::Proven)
    }

    /// The verdict on a program that has not ended.
    fn verdict(&self) -> Option<Verdict> {
        match self.program {
            Program::Runs(judgement) => Some(judgement.verdict),
            Program::Returned(..) => None,
        }
    }

    fn task(&self, id: TaskId) -> Option<&'s TaskSeen> {
        self.by_id.of(id).next().copied()
    }

    /// The program's own tasks; those that a library spawned for itself are left out.
    fn tasks(&self) -> impl Iterator<Item = &'s TaskSeen> {
        self.own.iter().copied()
    }

    fn name_of(&self, id: TaskId) -> String {
        self.task(id)
            .map_or_else(|| format!("task {id}"), TaskSeen::display_name)
    }

    fn stories(&self) -> Vec<TaskStory> {
        let places: HashMap<TaskId, usize> = self
            .tasks()
            .enumerate()
            .map(|(place, task)| (task.id, place))
            .collect();
        let story = |task: &'s TaskSeen| TaskStory {
            parent: task.parent.and_then(|parent| places.get(&parent).copied()),
            ..self.story(task)
        };
        self.tasks().map(story).collect()
    }

    fn story(&self, task: &'s TaskSeen) -> TaskStory {
        TaskStory {
            name: task.display_name(),
            parent: None,
            spawned_at: self.spawned_at(task).cloned(),
            fate: self.fate(task),
        }
    }

    /// The line that spawned a task; none for `main`, which no line of the program spawned.
    fn spawned_at(&self, task: &'s TaskSeen) -> Option<&'s Place> {
        (task.id != self.main).then_some(&task.spawned_at)
    }

    fn fate(&self, task: &TaskSeen) -> Fate {
        match (self.program, &task.state) {
            (Program::Returned(end, _), _) if task.id == self.main => Fate::Ended(end.clone()),
            (_, TaskState::Ended(end)) => Fate::Ended(end.clone()),
            (Program::Returned(..), TaskState::Polling) => Fate::Outlived(None),
            (Program::Returned(..), TaskState::Parked(_)) => {
                let mut waits = self.waits.on(task.id).iter();
                let is_known =
                    |wait: &Wait<'_>| self.seen.is_read || !matches!(wait, Wait::Unseen { .. });
                Fate::Outlived(waits.any(is_known).then(|| self.parked(task)))
            }
            (_, TaskState::Polling) => Fate::Running,
            (_, TaskState::Parked(_)) if self.seen.unpolled.contains(&task.id) => Fate::Unpolled,
            (_, TaskState::Parked(_)) => Fate::Parked(self.parked(task)),
        }
    }

    fn parked(&self, task: &TaskSeen) -> Parked {
        let waits = self.waits.on(task.id);
        let since_poll = |at| self.seen.at.saturating_sub(at);
        Parked {
            at: waits.iter().find_map(Wait::at).cloned(),
            on: if self.seen.unwakeable.contains(&task.id) {
                "nothing that could wake it".to_owned()
            } else {
                prose::unique(waits.iter().map(|wait| self.describe(wait)))
            },
            // Nothing having moved, no task has been polled.
            lasts: self
                .seen
                .quiet_for
                .max(task.polled_at.map_or(Duration::ZERO, since_poll)),
            due_in: wait::due_in(self.seen, waits, task.id),
        }
    }

    /// What a task waits for, in words.
    fn describe(&self, wait: &Wait<'_>) -> String {
        match wait {
            Wait::Event { event, .. } => format!("event {}", event.name),
            Wait::Group { group, .. } => {
                let open = group.open.iter().map(|id| self.name_of(*id));
                format!("task group {}: {}", group.name, prose::list(open))
            }
            Wait::Timer { .. } => "a timer".to_owned(),
            Wait::TimeOut { .. } => "something with a timeout".to_owned(),
            Wait::Io { call, .. } => format!("I/O ({call})"),
            Wait::Join { call: None, .. } => "a task to end".to_owned(),
            Wait::Join {
                call: Some(call), ..
            } => format!("a task to end ({call})"),
            Wait::Sync { call, .. } => call.clone(),
            Wait::Never { .. } => "nothing: it never completes".to_owned(),
            Wait::Unseen { .. } if !self.seen.is_read => {
                "something that was not observed".to_owned()
            }
            Wait::Unseen { .. } => "something that unstuck cannot observe".to_owned(),
        }
    }
}
