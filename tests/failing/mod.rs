//! Tasks that fail, and what their errors come to.

use unstuck::{BoxError, ErrorGroup, Failure};

pub(crate) type Unit = Result<(), BoxError>;

pub(crate) fn fail(text: &str) -> Unit {
    Err(text.into())
}

/// The tree of a group, as text: `[a, [b, c]]`.
pub(crate) fn shape(errors: &ErrorGroup) -> String {
    let failures = errors
        .failures()
        .iter()
        .map(|failure| match failure.failure() {
            Failure::Group(inner) => shape(inner),
            other => other.to_string(),
        });
    format!("[{}]", failures.collect::<Vec<_>>().join(", "))
}
