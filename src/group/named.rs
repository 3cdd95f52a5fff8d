//! Spawning tasks with a name, where Tokio supports names and a subscriber records them.

use std::future::Future;

use tokio::task::{self, JoinHandle};
#[cfg(all(tokio_unstable, feature = "guard"))]
use tracing::level_filters::LevelFilter;

#[track_caller]
pub(super) fn spawn<F>(name: impl FnOnce() -> String, future: F) -> JoinHandle<F::Output>
where
    F: Future<Output: Send + 'static> + Send + 'static,
{
    #[cfg(all(tokio_unstable, feature = "guard"))]
    if is_read() {
        let named = task::Builder::new().name(&name()).spawn(future);
        return named.expect(NO_IO);
    }
    let _ = name;
    task::spawn(future)
}

#[track_caller]
pub(super) fn spawn_local<F>(name: impl FnOnce() -> String, future: F) -> JoinHandle<F::Output>
where
    F: Future<Output: 'static> + 'static,
{
    #[cfg(all(tokio_unstable, feature = "guard"))]
    if is_read() {
        let named = task::Builder::new().name(&name()).spawn_local(future);
        return named.expect(NO_IO);
    }
    let _ = name;
    task::spawn_local(future)
}

/// Whether a subscriber may record the names: they are fields of Tokio's spans, which have the level `TRACE`.
#[cfg(all(tokio_unstable, feature = "guard"))]
fn is_read() -> bool {
    LevelFilter::current() == LevelFilter::TRACE
}

#[cfg(all(tokio_unstable, feature = "guard"))]
const NO_IO: &str = "spawning a future does no I/O that could fail";
