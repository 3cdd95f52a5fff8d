//! How tasks ended.

use super::names::{self, state};
use super::tasks::{RawTask, Stage};
use crate::debug_info::Value;
use crate::snapshot::Outcome;
use crate::values::{Texts, panic_message};

/// How a task ended. `None` if it has not, or that can't be known: a task whose handle is gone has dropped what it
/// returned.
pub(crate) fn of_task(texts: &Texts<'_>, task: &RawTask) -> Option<Outcome> {
    let has_output = task.has(state::COMPLETE) && task.has(state::JOIN_INTEREST);
    let cell = task
        .ty
        .cell
        .as_ref()
        .filter(|_| has_output && !task.has(state::RUNNING))?;
    match cell.stage(texts.context.memory, task.address)? {
        Stage::Running => None,
        Stage::Consumed => Some(Outcome::Taken),
        Stage::Finished => of_result(texts, &cell.output(texts.context.debug, task.address)?),
    }
}

/// What a result says, of which a `JoinError` may be a part.
pub(crate) fn of_result(texts: &Texts<'_>, result: &Value) -> Option<Outcome> {
    texts.outcome(result, |error| of_join_error(texts, error))
}

fn of_join_error(texts: &Texts<'_>, error: &Value) -> Option<Outcome> {
    let (debug, memory) = (texts.context.debug, texts.context.memory);
    if &*error.ty.name != names::JOIN_ERROR {
        return None;
    }
    let repr = error.field(debug, "repr")?;
    if repr.variant(debug, memory, "Cancelled").is_some() {
        return Some(Outcome::Cancelled);
    }
    let panic = repr.variant(debug, memory, "Panic")?;
    let payload = panic.typed(debug, memory, "alloc::boxed::Box<");
    let text = payload.and_then(|payload| panic_message(texts, &payload));
    Some(Outcome::Panic { text })
}
