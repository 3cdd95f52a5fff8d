//! Programs that wait. `programs NAME` runs one of them; it prints `ready` once everything is set up.
//!
//! Lines with `// waits: NAME` are where tests expect somebody to wait.

/// Macros of this crate, in another file than where they are called.
#[cfg(feature = "full")]
macro_rules! waits {
    ($future:expr) => {
        $future.await
    };
}
#[cfg(feature = "full")]
macro_rules! selects {
    ($future:expr) => {
        tokio::select! {
            () = $future => {}
            () = std::future::pending() => {}
        }
    };
}

#[cfg(feature = "full")]
mod busy;
#[cfg(feature = "full")]
mod channels;
#[cfg(feature = "full")]
mod commands;
#[cfg(feature = "full")]
mod containers;
#[cfg(feature = "full")]
mod descriptors;
#[cfg(feature = "full")]
mod handles;
#[cfg(feature = "full")]
mod holders;
#[cfg(feature = "full")]
mod locks;
#[cfg(feature = "full")]
mod macros;
#[cfg(feature = "full")]
mod pipes;
#[cfg(feature = "full")]
mod primitives;
#[cfg(feature = "full")]
mod proofs;
#[cfg(feature = "full")]
mod queues;
#[cfg(feature = "full")]
mod runtimes;
#[cfg(feature = "full")]
mod shadows;
#[cfg(feature = "full")]
mod shared;
#[cfg(feature = "full")]
mod signals;
#[cfg(feature = "full")]
mod stacks;
#[cfg(feature = "full")]
mod verdicts;
#[cfg(feature = "full")]
mod wakers;

fn main() {
    // The tests make sure of it: programs must not need the flag.
    println!("tokio_unstable: {}", cfg!(tokio_unstable));
    let name = std::env::args().nth(1).expect("a name");
    match &*name {
        "minimal" => minimal(),
        #[cfg(feature = "full")]
        name => full(name),
        #[cfg(not(feature = "full"))]
        name => panic!("no program {name}"),
    }
}

/// One runtime, and nothing else.
fn minimal() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    runtime.block_on(async {
        tokio::spawn(std::future::pending::<()>());
        ready();
        std::future::pending::<()>().await;
    });
}

#[cfg(feature = "full")]
fn full(name: &str) {
    match name {
        "primitives" => primitives::main(),
        "signals" => signals::main(),
        "containers" => containers::main(),
        "handles" => handles::main(),
        "locks" => locks::main(),
        "macros" => macros::main(),
        "outside" => holders::outside(),
        "guards" => holders::guards(),
        "queues" => queues::main(),
        "futures_channel" => channels::futures_channel(),
        "futures_channel_in_use" => channels::futures_channel_in_use(),
        "flume" => channels::flume(),
        "flume_in_use" => channels::flume_in_use(),
        "async_channel" => channels::async_channel(),
        "async_channel_in_use" => channels::async_channel_in_use(),
        "pipes" => pipes::main(),
        "pipes_in_use" => pipes::in_use(),
        "wakers" => wakers::main(),
        "shadows" => shadows::main(),
        "shared" => shared::main(),
        "stacks" => stacks::main(),
        "deadlock_beside_sleeper" => verdicts::deadlock_beside_sleeper(),
        "sender_in_thread" => verdicts::sender_in_thread(),
        "nobody_replies" => verdicts::nobody_replies(),
        "one_sleeper_of_three_wakes_main" => verdicts::one_sleeper_of_three_wakes_main(),
        "two_sleepers_wake_main" => verdicts::two_sleepers_wake_main(),
        "current_thread" => runtimes::current_thread(),
        "local_set" => runtimes::local_set(),
        "no_tasks" => runtimes::no_tasks(),
        "dropped" => runtimes::dropped(),
        "blocking" => runtimes::blocking(),
        "blocked" => runtimes::blocked(),
        "ended" => runtimes::ended(),
        "deadlock" => commands::deadlock(),
        "naps" => commands::naps(),
        "echoes" => commands::echoes(),
        "full_pipe" => descriptors::full_pipe(),
        "read_pipe" => descriptors::read_pipe(),
        "both_ends" => descriptors::both_ends(),
        "backlog" => descriptors::backlog(),
        "returned" => descriptors::returned(),
        "churn" => busy::churn(),
        "parked" => busy::parked(),
        "spins" => busy::spins(),
        "lost_waker" => busy::lost_waker(),
        _ => match name.strip_prefix("proof-") {
            Some(proof) => proofs::proof(proof),
            None => panic!("no program {name}"),
        },
    }
}

/// Tells the test that everything is set up.
fn ready() {
    println!("ready");
}
