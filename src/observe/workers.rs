//! The workers of a runtime: whether they are at rest.

use std::thread;
use std::time::{Duration, Instant};

use tokio::runtime::{Handle, RuntimeFlavor};

/// Whether somebody drives the tasks that main has left behind. A runtime of one thread is driven only by whoever
/// waits for main, and after that neither moves nor comes to rest.
pub(super) fn is_driven_to_the_end(runtime: &Handle) -> bool {
    runtime.runtime_flavor() != RuntimeFlavor::CurrentThread
}

/// Whether every worker is parked and no task is on its way to one.
fn is_idle(runtime: &Handle) -> bool {
    let metrics = runtime.metrics();
    let workers = 0..metrics.num_workers();
    let parks = || {
        workers
            .clone()
            .map(|worker| metrics.worker_park_unpark_count(worker))
    };
    let before: Vec<u64> = parks().collect();
    before.iter().all(|parks| parks % 2 == 1)
        && metrics.global_queue_depth() == 0
        && workers.clone().all(|worker| metrics.worker_local_queue_depth(worker) == 0)
        // One that is looked at late may have passed a task on to one that was looked at early.
        && parks().eq(before)
}

/// Gives the runtime a moment to come to rest. Whether it did.
pub(super) fn settle(runtime: &Handle) -> bool {
    const AT_MOST: Duration = Duration::from_millis(500);
    let begun = Instant::now();
    while !is_idle(runtime) {
        if begun.elapsed() >= AT_MOST {
            return false;
        }
        thread::sleep(Duration::from_millis(1));
    }
    true
}

#[cfg(test)]
mod tests {
    use std::future::pending;

    use tokio::runtime::Builder;

    use crate::observe::{Keep, Observer};

    #[test]
    fn what_main_left_behind_on_one_thread_is_not_waited_for() {
        for (mut builder, driven) in [
            (Builder::new_current_thread(), false),
            (Builder::new_multi_thread(), true),
        ] {
            let observer = Observer::new(Keep::Failures);
            observer.attach(builder.worker_threads(1));
            let runtime = builder.build().unwrap();
            runtime.block_on(async { drop(tokio::spawn(pending::<()>())) });
            // It can't be told there which tasks were about to end.
            assert_eq!(observer.settle(runtime.handle()), driven);
        }
    }
}
