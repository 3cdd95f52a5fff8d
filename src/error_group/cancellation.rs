//! Cancellation that a task passes on as an error.

use std::borrow::Cow;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};

/// Identifies a task group. Names can't: two groups may have the same one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct GroupId(u64);

impl GroupId {
    pub(crate) fn next() -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        Self(NEXT.fetch_add(1, Ordering::Relaxed))
    }
}

/// The last cause of every error that only passes a cancellation on, such as [`Refused`](super::Refused).
///
/// It is a cause because causes can still be found in an error that another crate has wrapped.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Cancellation {
    /// The group that this is about. An error in that group, or in one inside it, is cancellation;
    /// elsewhere it is a failure. None if it is cancellation everywhere.
    group: Option<GroupId>,
    text: Cow<'static, str>,
}

impl Cancellation {
    pub(crate) fn in_group(group: GroupId, text: impl Into<Cow<'static, str>>) -> Self {
        Self {
            group: Some(group),
            text: text.into(),
        }
    }

    /// The cause of a group that was cancelled and in which nothing failed.
    pub(super) const OF_EMPTY_GROUP: &'static Self = &Self {
        group: None,
        text: Cow::Borrowed("no task of it failed"),
    };

    pub(super) fn applies(&self, is_within: impl Fn(GroupId) -> bool) -> bool {
        self.group.is_none_or(is_within)
    }
}

impl fmt::Display for Cancellation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl std::error::Error for Cancellation {}
