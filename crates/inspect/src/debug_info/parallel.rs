//! Work that is shared among threads.

use std::panic::resume_unwind;
use std::thread;

/// Does all parts of some work at the same time, each in a thread of its own, and returns the results in their order.
pub(super) fn in_parallel<P: Copy + Send, R: Send>(
    parts: &[P],
    work: impl Fn(P) -> R + Sync,
) -> Vec<R> {
    let work = &work;
    thread::scope(|scope| {
        let start = |part| thread::Builder::new().spawn_scoped(scope, move || work(part));
        let started: Vec<_> = parts.iter().map(|part| (*part, start(*part))).collect();
        let results = started.into_iter().map(|(part, thread)| match thread {
            Ok(thread) => thread.join().unwrap_or_else(|panic| resume_unwind(panic)),
            // There are too many threads already.
            Err(_) => work(part),
        });
        results.collect()
    })
}
