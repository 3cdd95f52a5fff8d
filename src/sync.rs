//! What threads meet at. `tests/model.rs` has its own in place of these, so that it can try every order
//! in which threads may meet in a task group.

pub(crate) use std::sync::{Mutex, MutexGuard, PoisonError};
pub(crate) use tokio::task::AbortHandle;

/// Locks `mutex` even where a thread panicked while it held it: what is kept behind the mutexes of
/// this crate is whole between any two statements.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
