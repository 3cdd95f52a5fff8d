//! Both flavors of Tokio's runtime, as what a test says has to hold on either.

use tokio::runtime::Builder;

/// Runs the test on a runtime of each flavor; what it prints, and fails with, stands below the flavor's
/// name.
///
/// Each has one thread for blocking work, so that a test can make it wait.
pub(crate) fn on_each_flavor(test: impl AsyncFn()) {
    for mut builder in [Builder::new_current_thread(), Builder::new_multi_thread()] {
        let builder = builder.worker_threads(2).max_blocking_threads(1);
        let runtime = builder.enable_all().build().unwrap();
        println!("on {:?}", runtime.handle().runtime_flavor());
        runtime.block_on(test());
    }
}
