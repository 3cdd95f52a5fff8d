//! Who is being polled: a child of a group, or the body of one.
//!
//! A scope that is dropped before its end can't wait for its children, nor return their failures. If it was running in
//! a child or in the body of another group, that group does both.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use scoped_tls::scoped_thread_local;

use super::shared::{Key, Shared};
use super::stop_waits::StopWaits;

/// A child or the body of a group.
pub(super) struct Member {
    pub(super) shared: Arc<Shared>,
    pub(super) key: Key,
    /// Whether it has waited for the group to stop.
    pub(super) has_stop_waits: AtomicBool,
}

scoped_thread_local!(static POLLED: Member);

impl Member {
    pub(super) fn new(shared: Arc<Shared>, key: Key) -> Self {
        Self {
            shared,
            key,
            has_stop_waits: AtomicBool::new(false),
        }
    }

    /// Runs `f` as this member.
    pub(super) fn enter<R>(&self, f: impl FnOnce() -> R) -> R {
        POLLED.set(self, f)
    }

    /// The member that is being polled, or dropped, on this thread.
    pub(super) fn current() -> Option<Self> {
        let current = |member: &Self| Self::new(Arc::clone(&member.shared), member.key);
        POLLED.is_set().then(|| POLLED.with(current))
    }

    /// If a child of `group` is being polled on this thread: its waits for that group to stop.
    pub(super) fn stop_waits_in(group: &Arc<Shared>) -> Option<Arc<StopWaits>> {
        if !POLLED.is_set() {
            return None;
        }
        POLLED.with(|member| {
            let is_child = member.key != Key::BODY && Arc::ptr_eq(&member.shared, group);
            is_child.then(|| {
                member.has_stop_waits.store(true, Ordering::Relaxed);
                group.stop_waits(member.key)
            })
        })
    }
}
