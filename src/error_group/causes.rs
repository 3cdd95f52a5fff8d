//! What an error was caused by, as far as it says.

use std::error::Error;
use std::iter::successors;

use super::{ErrorGroup, Failure};

type AnyError = dyn Error + 'static;

/// The causes of an error, the nearest first. A group is the last: it is a tree of its own.
pub(super) fn of(error: &AnyError) -> impl Iterator<Item = &AnyError> {
    chain(error).skip(1)
}

/// Their texts.
pub(super) fn texts(error: &AnyError) -> Vec<String> {
    of(error).map(ToString::to_string).collect()
}

fn chain(error: &AnyError) -> impl Iterator<Item = &AnyError> {
    successors(Some(error), |&error| match as_group(error) {
        Some(_) => None,
        None => error.source(),
    })
}

fn as_group(error: &AnyError) -> Option<&ErrorGroup> {
    let boxed = || {
        error
            .downcast_ref::<Box<ErrorGroup>>()
            .map(|group| &**group)
    };
    error.downcast_ref().or_else(boxed)
}

impl Failure {
    /// The group that it is, or that its error was caused by.
    pub(super) fn group(&self) -> Option<&ErrorGroup> {
        match self {
            Failure::Group(group) => Some(group),
            Failure::Error(error) => chain(&**error).find_map(as_group),
            Failure::Panic(_) | Failure::Refused(_) | Failure::Deadline => None,
        }
    }
}
