//! What `tracing` tells: the names of tasks, the errors that they return, and how the children of
//! task groups ended.
//!
//! `#[instrument(err)]` records an error at the end of a function. It counts as what the task
//! returned if that function is the outermost instrumented one in the task, and the task ended in the
//! very poll in which the error was recorded. An error that a caller got over fails the second test,
//! unless the task went on to end without waiting for anything.

use std::fmt::{self, Write as _};

use tokio::task;
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id};
use tracing::{Event, Level, Metadata, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::filter::filter_fn;
use tracing_subscriber::layer::Context;
use tracing_subscriber::registry::LookupSpan;

use super::{Observer, panics};
use crate::outcomes::{End, TaskId};

/// The layer through which observers hear of names and errors. One is enough for all observers.
pub fn layer<S>() -> impl Layer<S>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    Records.with_filter(filter_fn(is_wanted))
}

pub(super) const SPAWN: &str = "runtime.spawn";
const GROUP: &str = "unstuck::group";

pub(super) fn is_wanted(metadata: &Metadata<'_>) -> bool {
    if metadata.is_event() {
        return *metadata.level() == Level::ERROR || metadata.target() == GROUP;
    }
    let of_the_runtime = metadata.name().starts_with("runtime.");
    metadata.name() == SPAWN || (!of_the_runtime && *metadata.level() <= Level::INFO)
}

#[derive(Default)]
pub(super) struct Records;

/// Kept with each span of the program: the task in which it was made.
struct MadeIn(Option<task::Id>);

/// Kept with the span around a task that has a name.
struct Named {
    task: TaskId,
    observer: Observer,
}

impl<S> Layer<S> for Records
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        let Some(span) = context.span(id) else {
            return;
        };
        // There may be two such layers.
        if attributes.metadata().name() == SPAWN {
            let mut fields = Fields::default();
            attributes.record(&mut fields);
            if let (Some(id), Some(name)) = (fields.task_id, fields.task_name) {
                let task = TaskId(id);
                let named = Observer::here(|observer| {
                    observer.name(task, name);
                    let observer = observer.clone();
                    Named { task, observer }
                });
                named.map(|named| span.extensions_mut().replace(named));
            }
        } else {
            span.extensions_mut().replace(MadeIn(task::try_id()));
        }
    }

    fn on_close(&self, id: Id, context: Context<'_, S>) {
        // The span goes with the task.
        if let Some(span) = context.span(&id)
            && let Some(Named { task, observer }) = span.extensions().get()
        {
            observer.forget_name(*task);
        }
    }

    fn on_exit(&self, id: &Id, context: Context<'_, S>) {
        let name = || context.metadata(id).map(Metadata::name);
        panics::exits(|| name() == Some(SPAWN));
    }

    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        let mut fields = Fields::default();
        event.record(&mut fields);
        if event.metadata().target() == GROUP {
            // The task tells it itself, through its group.
            if let (Some(id), Some(end)) = (task::try_id(), fields.end()) {
                Observer::here(|observer| observer.hear_from_group(id, end));
            }
            return;
        }
        if let Some(id) = task::try_id()
            && let Some(error) = fields.error
            && is_outermost(id, event, &context)
        {
            Observer::here(|observer| observer.hear(id, End::Error(error)));
        }
    }
}

/// Whether the span of the event is the outermost one that was made in the task.
fn is_outermost<S>(task: task::Id, event: &Event<'_>, context: &Context<'_, S>) -> bool
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    let Some(span) = context.event_span(event) else {
        return false;
    };
    span.parent().is_none_or(|parent| {
        let extensions = parent.extensions();
        extensions
            .get::<MadeIn>()
            .is_none_or(|made| made.0 != Some(task))
    })
}

/// The fields that matter, of a span or an event.
#[derive(Default)]
struct Fields {
    task_id: Option<u64>,
    task_name: Option<String>,
    outcome: Option<String>,
    error: Option<String>,
}

impl Fields {
    fn end(&self) -> Option<End> {
        let error = || self.error.clone().unwrap_or_default();
        match self.outcome.as_deref()? {
            "error" => Some(End::Error(error())),
            "panic" => Some(End::Panic(error())),
            "cancelled" => Some(End::Cancelled),
            _ => None,
        }
    }
}

impl Visit for Fields {
    fn record_u64(&mut self, field: &Field, value: u64) {
        if field.name() == "task.id" {
            self.task_id = Some(value);
        }
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.record_debug(field, &format_args!("{value}"));
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        let text = || {
            let mut text = String::new();
            // Writing to a string fails only where the value's own `Debug` does.
            let _ = write!(text, "{value:?}");
            text
        };
        match field.name() {
            "task.id" => self.task_id = text().parse().ok(),
            "task.name" => self.task_name = Some(text()).filter(|name| !name.is_empty()),
            "outcome" => self.outcome = Some(text()),
            "error" => self.error = Some(text()),
            _ => {}
        }
    }
}
