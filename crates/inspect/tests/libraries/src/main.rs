//! Programs that wait for primitives of libraries. `libraries NAME` runs one of them; it prints `ready` once everything
//! is set up.

mod connections;
mod events;
mod groups;
mod once;
mod tokens;
mod trackers;

use std::time::Duration;

/// Longer than any test takes.
const HOUR: Duration = Duration::from_secs(3600);

fn main() {
    // The tests make sure of it: programs must not need the flag.
    println!("tokio_unstable: {}", cfg!(tokio_unstable));
    let name = std::env::args().nth(1).expect("a name");
    match &*name {
        "orphaned_event" => events::orphaned(),
        "late_setter" => events::late_setter(),
        "group_in_circle" => groups::in_circle(),
        "group_past_deadline" => groups::past_deadline(),
        "group_of_orphans" => groups::of_orphans(),
        "group_of_sleepers" => groups::of_sleepers(),
        "once_cell_in_circle" => once::cell_in_circle(),
        "slow_once_cell" => once::slow_cell(),
        "orphaned_set_once" => once::orphaned(),
        "late_set_once" => once::late(),
        "orphaned_token" => tokens::orphaned(),
        "token_of_a_parent" => tokens::of_a_parent(),
        "token_of_a_thread" => tokens::of_a_thread(),
        "late_token" => tokens::late(),
        "open_tracker" => trackers::open(),
        "tracker_of_the_stuck" => trackers::of_the_stuck(),
        "slow_tracker" => trackers::slow(),
        "sqlx_pool_in_use" => connections::sqlx_in_use(),
        "sqlx_pool_returned_late" => connections::sqlx_returned_late(),
        "deadpool_in_use" => connections::deadpool_in_use(),
        "deadpool_returned_late" => connections::deadpool_returned_late(),
        _ => panic!("no program {name}"),
    }
}

/// Tells the test that everything is set up.
fn ready() {
    println!("ready");
}

/// A task that goes on whatever the others do.
fn spawn_ticker() {
    tokio::spawn(async {
        loop {
            tokio::time::sleep(HOUR).await;
        }
    });
}
