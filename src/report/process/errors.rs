//! Errors that are still there, in sentences.

use unstuck_inspect::snapshot::{HeldResults, Outcome};

use super::answer::NAMED;
use super::{Text, shown_local};
use crate::explain::Explanation;
use crate::liveness::maps::HashSet;
use crate::liveness::{HeldErrors, Kept};
use crate::outcomes::TaskId;

impl Text<'_> {
    /// A sentence for each who has errors.
    pub(super) fn errors(&self, explanation: &Explanation) -> Vec<String> {
        let diagnosis = &explanation.diagnosis;
        // What hooks heard of is told with where the task was spawned.
        let tasks = explanation.outcomes.tasks.iter();
        let told: HashSet<TaskId> = tasks
            .filter(|it| it.error().is_some())
            .map(|it| it.id)
            .collect();
        let is_told = |index: &usize| told.contains(&TaskId(self.snapshot.tasks[*index].id));
        let errors = diagnosis.errors.iter().filter(|errors| match &errors.kept {
            Kept::Tasks(tasks) => told.is_empty() || !tasks.iter().all(is_told),
            Kept::Results(_) => true,
            Kept::Nothing(_) => told.is_empty(),
        });
        let most = if self.full { usize::MAX } else { NAMED };
        let mut sentences: Vec<String> = errors.map(|it| self.held_errors(it)).collect();
        if let more @ 1.. = sentences.len().saturating_sub(most) {
            sentences.truncate(most);
            sentences.push(format!("and {more} more; `--full` shows all"));
        }
        sentences
    }

    fn held_errors(&self, errors: &HeldErrors) -> String {
        let locals = errors.locals.iter();
        let locals = locals.map(|local| shown_local(self.snapshot[*local].name.as_deref()));
        let locals = self.first_of(locals.collect(), ", ");
        let place = errors
            .place
            .map(|place| format!(" at {}", self.function(place)));
        let within = format!("in {locals}{}", place.unwrap_or_default());
        let holder = errors.holder.map(|holder| self.actor(holder));
        let texts = self.failures(&errors.failures);
        match &errors.kept {
            Kept::Tasks(tasks) => {
                let (error, handle) = match tasks[..] {
                    [task] => {
                        let task = self.task_title(&self.snapshot.tasks[task]);
                        (format!("the error of {task}"), "whose handle")
                    }
                    _ => (
                        format!("the errors of {} tasks", tasks.len()),
                        "whose handles",
                    ),
                };
                let holder = match holder {
                    Some(holder) => format!("{handle} {holder} holds {within}"),
                    None => "and it was not found who holds its handle".to_owned(),
                };
                format!("nobody has read {error}, {holder}: {texts}")
            }
            Kept::Nothing(places) => {
                let places = places.iter().map(|place| self.function(*place)).collect();
                format!(
                    "{} awaited results of tasks at {}, and no local has them any more: if an error was among them, it \
                     was read or dropped there [likely]",
                    holder.unwrap_or_default(),
                    self.first_of(places, ", "),
                )
            }
            Kept::Results(count) => {
                let holder = holder.unwrap_or_default();
                let results = some_are_errors(*count, &errors.failures);
                let within = if *count > 1 {
                    format!(", {within}")
                } else {
                    format!(" {within}")
                };
                format!("{holder} holds {results}{within}: {texts}")
            }
        }
    }

    /// What a local holds, below its function.
    pub(super) fn held_results(&self, held: &HeldResults) -> String {
        let local = shown_local(self.snapshot[held.local].name.as_deref());
        let results = some_are_errors(held.count, &held.failures);
        format!("{local}: {results}: {}", self.failures(&held.failures))
    }

    fn failures(&self, failures: &[(Outcome, u64)]) -> String {
        let texts = failures.iter().map(|(outcome, count)| match count {
            1 => failure(outcome),
            count => format!("{} ({count} times)", failure(outcome)),
        });
        self.first_of(texts.collect(), "; ")
    }

    /// The first few, and how many more, unless all is shown.
    fn first_of(&self, mut texts: Vec<String>, between: &str) -> String {
        let more = texts.len().saturating_sub(NAMED);
        if more < 2 || self.full {
            return texts.join(between);
        }
        texts.truncate(NAMED);
        format!("{} and {more} more", texts.join(between))
    }

    /// How a task ended, behind its name.
    pub(super) fn ended(outcome: Option<&Outcome>) -> String {
        match outcome {
            Some(Outcome::Returned) => ", ended and returned a value".to_owned(),
            Some(Outcome::Error { text }) => format!(", ended with an error: {text}"),
            Some(Outcome::Taken) => ", ended; somebody has taken its result".to_owned(),
            Some(outcome) => format!(", {}", failure(outcome)),
            None => ", ended".to_owned(),
        }
    }
}

/// How many results there are, and how many of them are errors.
fn some_are_errors(count: u64, failures: &[(Outcome, u64)]) -> String {
    let failed: u64 = failures.iter().map(|(_, count)| count).sum();
    match (count, failed) {
        (1, _) => "an error".to_owned(),
        (all, errors) if all == errors => format!("{all} results, all of them errors"),
        (all, 1) => format!("{all} results, 1 of them an error"),
        (all, errors) => format!("{all} results, {errors} of them errors"),
    }
}

/// An error or a panic.
fn failure(outcome: &Outcome) -> String {
    match outcome {
        Outcome::Error { text } => text.clone(),
        Outcome::Panic { text: Some(text) } => format!("panicked: {text}"),
        Outcome::Cancelled => "cancelled".to_owned(),
        _ => "panicked".to_owned(),
    }
}
