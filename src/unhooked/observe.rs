//! What stands in for the layers through which a program is observed, so that it builds here too: they
//! record nothing.
//!
//! ```
//! use tracing_subscriber::prelude::*;
//!
//! let layers = unstuck::observe::layer().and_then(unstuck::observe::resource_layer());
//! tracing_subscriber::registry().with(layers).init();
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

pub(crate) use crate::own_threads::start as start_watching;
pub use unrecorded::unrecorded;

/// Would hear of names and errors in a build with `--cfg tokio_unstable`.
pub fn layer<S>() -> impl Layer<S>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    // A layer without a filter would have everything recorded.
    Identity::new().with_filter(LevelFilter::OFF)
}

/// Would hear of locks and timers, too, in a build with `--cfg tokio_unstable`.
pub fn resource_layer<S>() -> impl Layer<S>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    layer()
}

/// Leaves this thread out of what is read of the process, until it ends: it only waits for others.
pub fn mark_own_thread() {
    crate::own_threads::mark();
}

/// Nothing asks which signals the program waits for.
#[cfg(unix)]
pub(crate) fn leave_out_signal(_: i32) {}
