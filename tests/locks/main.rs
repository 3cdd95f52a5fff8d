//! Locks under a guard: a part of a program that is stuck in them is told of while the rest goes on, and a
//! program that is only busy never is.

#![cfg(tokio_unstable)]

mod guarded;
mod traffic;

use std::sync::Once;

use tracing_subscriber::layer::SubscriberExt as _;
use unstuck::observe;

/// Records locks for the whole process.
fn record() {
    static SUBSCRIBER: Once = Once::new();
    SUBSCRIBER.call_once(|| {
        let records = tracing_subscriber::registry().with(observe::resource_layer());
        tracing::subscriber::set_global_default(records).expect("nobody else has set one");
    });
}
