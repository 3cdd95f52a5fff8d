//! Short paths for tokio-console, which cuts the names of tasks to six characters where it runs out of columns.

use std::fmt;

use tracing::field::{Field, Value, Visit, display};
use tracing::span::{Attributes, Id, Record};
use tracing::subscriber::Interest;
use tracing::{Event, Metadata, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::Context;

use crate::place::Place;

/// Hands records on to another layer, with `connection.rs` for the path of a file, or `sqlx-core/connection.rs` if that
/// is a library's.
pub(super) struct ShortLocations<L>(pub(super) L);

const FILE: &str = "loc.file";
/// Tokio's spans have ten fields at most.
const MOST_FIELDS: usize = 16;

impl<S: Subscriber, L: Layer<S>> Layer<S> for ShortLocations<L> {
    fn register_callsite(&self, metadata: &'static Metadata<'static>) -> Interest {
        self.0.register_callsite(metadata)
    }

    fn on_new_span(&self, span: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        let metadata = span.metadata();
        let Some(file) = metadata.fields().field(FILE) else {
            return self.0.on_new_span(span, id, context);
        };
        let mut fields = Fields(Vec::new());
        span.record(&mut fields);
        if fields.0.len() > MOST_FIELDS {
            return self.0.on_new_span(span, id, context);
        }
        let mut values: [(&Field, Option<&dyn Value>); MOST_FIELDS] = [(&file, None); MOST_FIELDS];
        for (place, (field, value)) in values.iter_mut().zip(&fields.0) {
            *place = (field, Some(value));
        }
        let values = metadata.fields().value_set(&values);
        let span = match span.parent() {
            Some(parent) => Attributes::child_of(parent.clone(), metadata, &values),
            None if span.is_root() => Attributes::new_root(metadata, &values),
            None => Attributes::new(metadata, &values),
        };
        self.0.on_new_span(&span, id, context);
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, context: Context<'_, S>) {
        self.0.on_record(id, values, context);
    }

    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        self.0.on_event(event, context);
    }

    fn on_enter(&self, id: &Id, context: Context<'_, S>) {
        self.0.on_enter(id, context);
    }

    fn on_exit(&self, id: &Id, context: Context<'_, S>) {
        self.0.on_exit(id, context);
    }

    fn on_close(&self, id: Id, context: Context<'_, S>) {
        self.0.on_close(id, context);
    }
}

/// The fields of a span.
struct Fields(Vec<(Field, Box<dyn Value>)>);

impl Fields {
    fn add(&mut self, field: &Field, value: impl Value + 'static) {
        self.0.push((field.clone(), Box::new(value)));
    }
}

impl Visit for Fields {
    fn record_str(&mut self, field: &Field, value: &str) {
        if field.name() == FILE {
            self.add(field, shortened(value));
        } else {
            self.add(field, value.to_owned());
        }
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.add(field, value);
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.add(field, value);
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.add(field, display(format!("{value:?}")));
    }
}

fn shortened(path: &str) -> String {
    let place = Place::new(path.to_owned(), 0);
    let shown = place.in_short();
    let mut folders = shown.file().split('/');
    let file = folders.next_back().unwrap_or(path);
    if !place.is_library() {
        return file.to_owned();
    }
    let library = folders.next().unwrap_or_default();
    // `sqlx-core-0.9.0` is `sqlx-core`.
    let name = library.rsplit_once('-').map_or(library, |(name, _)| name);
    format!("{name}/{file}")
}

#[cfg(test)]
mod tests {
    use super::shortened;

    #[test]
    fn a_path_is_shortened_to_the_file_and_to_the_crate_that_it_is_from() {
        let of_a_library = "/home/a/.cargo/registry/src/index-01/sqlx-core-0.9.0/src/pool/inner.rs";
        assert_eq!(shortened(of_a_library), "sqlx-core/inner.rs");
        let of_a_scenario = "src/../scenarios/swallowed_errors/join_all.rs";
        assert_eq!(shortened(of_a_scenario), "join_all.rs");
    }
}
