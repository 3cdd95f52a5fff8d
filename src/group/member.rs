//! Who is being polled: a child of a group, or the body of one.
//!
//! A scope that is dropped before its end can't wait for its children, nor return what they ended with.
//! If it was running in a child, or in the body, of another group, it leaves both to that group.

use std::sync::Arc;

use scoped_tls::scoped_thread_local;

use super::shared::{Key, Shared};

/// A place in a group.
#[derive(Clone)]
pub(super) struct Member {
    pub(super) shared: Arc<Shared>,
    pub(super) key: Key,
}

scoped_thread_local!(static POLLED: Member);

impl Member {
    /// Runs `f` as this member.
    pub(super) fn enter<R>(&self, f: impl FnOnce() -> R) -> R {
        POLLED.set(self, f)
    }

    /// The member that is being polled, or dropped, on this thread.
    pub(super) fn current() -> Option<Self> {
        POLLED.is_set().then(|| POLLED.with(Self::clone))
    }
}
