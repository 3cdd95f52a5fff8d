//! What a task group can do besides what task groups of other languages are tested for.

mod blocking;
mod body;
mod cancel;
mod children;
mod deadline;
#[path = "../failing/mod.rs"]
mod failing;
mod failures;
#[path = "../flavor/mod.rs"]
mod flavor;
mod local;
mod nested;
mod services;
mod spawning;
mod started;
mod stopping;
mod turn;

use tokio::runtime::Handle;
use tokio::task;

/// How many tasks of the runtime have not ended.
fn alive() -> usize {
    Handle::current().metrics().num_alive_tasks()
}

async fn until_alive(tasks: usize) {
    while alive() > tasks {
        task::yield_now().await;
    }
}
