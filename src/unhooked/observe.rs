//! What stands in for the layers through which a program is observed, so that it builds here too: they
//! record nothing.
//!
//! ```
//! use tracing_subscriber::prelude::*;
//!
//! tracing_subscriber::registry().with(unstuck::observe::layer()).init();
//! unstuck::observe::mark_own_thread();
//! let _unrecorded = unstuck::observe::unrecorded();
//! ```

// It needs no runtime to look into.
#[path = "../observe/unrecorded.rs"]
mod unrecorded;

use tracing::Subscriber;
use tracing::level_filters::LevelFilter;
use tracing_subscriber::Layer;
use tracing_subscriber::layer::Identity;
use tracing_subscriber::registry::LookupSpan;

pub use unrecorded::unrecorded;

/// Would hear of names and errors in a build with `--cfg tokio_unstable`.
pub fn layer<S>() -> impl Layer<S>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    // A layer without a filter would have everything recorded.
    Identity::new().with_filter(LevelFilter::OFF)
}

/// Leaves this thread out of what is read of the process, until it ends: it only waits for others.
pub fn mark_own_thread() {
    crate::own_threads::mark();
}
