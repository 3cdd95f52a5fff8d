//! A box for one post. Whoever waits for the post is woken when it is put in.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Waker;

#[derive(Clone, Default)]
pub(super) struct Letterbox(Arc<Mutex<Inside>>);

#[derive(Default)]
pub(super) struct Inside {
    pub(super) post: Option<String>,
    /// Wakes the task that waits for the post.
    pub(super) waker: Option<Waker>,
}

impl Letterbox {
    pub(super) fn put(&self, post: &str) {
        let mut inside = self.open();
        inside.post = Some(post.to_owned());
        if let Some(waker) = inside.waker.take() {
            waker.wake();
        }
    }

    pub(super) fn open(&self) -> MutexGuard<'_, Inside> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
