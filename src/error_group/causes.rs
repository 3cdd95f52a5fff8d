//! The causes of an error: its chain of sources.

use std::error::Error;
use std::iter::successors;
use std::panic::{AssertUnwindSafe, catch_unwind};

use super::cancellation::{Cancellation, GroupId};
use super::contents::Contents;
use super::printable::Printable;
use super::{ErrorGroup, Failure};

type AnyError = dyn Error + 'static;

/// How many causes of an error are read at most: a `source` may return the error itself, and then there is no end.
const MOST: usize = 100;

/// The texts of the causes of an error, its source first. A group is the last, as it is a tree of its own. If the
/// error itself is a group that another crate has wrapped, it already has the text of that group.
fn texts(error: &AnyError) -> Vec<String> {
    let mut causes = endless(error);
    let mut texts: Vec<_> = causes
        .by_ref()
        .take(MOST)
        .filter(|cause| !cause.is::<Contents>())
        .map(|cause| Printable(cause).to_string())
        .collect();
    if causes.next().is_some() {
        texts.push("<more causes than are shown>".to_owned());
    }
    texts
}

/// The causes of an error that is no group. Has no end if a `source` returns its own error.
fn endless(error: &AnyError) -> impl Iterator<Item = &AnyError> {
    successors(source(error), |&cause| match as_group(cause) {
        Some(_) => None,
        None => source(cause),
    })
}

/// The causes that are read.
fn of(error: &AnyError) -> impl Iterator<Item = &AnyError> {
    endless(error).take(MOST)
}

/// If `source` panics, there is none.
fn source(error: &AnyError) -> Option<&AnyError> {
    catch_unwind(AssertUnwindSafe(|| error.source())).unwrap_or(None)
}

fn as_group(error: &AnyError) -> Option<&Contents> {
    if let Some(group) = error.downcast_ref::<ErrorGroup>() {
        return Some(&group.contents);
    }
    match error.downcast_ref::<Box<ErrorGroup>>() {
        Some(group) => Some(&group.contents),
        None => error.downcast_ref(),
    }
}

impl Failure {
    /// The group that it is, or that its error was caused by.
    pub(super) fn group(&self) -> Option<&Contents> {
        match self {
            Failure::Group(group) => Some(&group.contents),
            Failure::Error(error) => of(&**error).find_map(as_group),
            Failure::Panic(_) | Failure::Refused(_) | Failure::Deadline => None,
        }
    }

    /// The texts of the causes of its error, its source first.
    pub(super) fn causes(&self) -> Vec<String> {
        match self {
            Failure::Error(error) => texts(&**error),
            _ => Vec::new(),
        }
    }

    /// Whether it only passes a cancellation on: that of a group in which nothing failed, or of the groups
    /// that the task is within.
    pub(crate) fn is_cancellation(&self, is_within: impl Fn(GroupId) -> bool) -> bool {
        let error: &AnyError = match self {
            Failure::Error(error) => &**error,
            Failure::Refused(refused) => &**refused,
            Failure::Group(group) => return group.is_cancelled(),
            Failure::Panic(_) | Failure::Deadline => return false,
        };
        of(error).any(|cause| match as_group(cause) {
            Some(group) => group.failures.is_empty(),
            None => cause
                .downcast_ref::<Cancellation>()
                .is_some_and(|cancellation| cancellation.applies(&is_within)),
        })
    }
}
