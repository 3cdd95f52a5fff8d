//! A web server that shuts down on Ctrl+C and SIGTERM: it takes no more connections, and what is being answered
//! has ten seconds to end. A second signal cuts them short.
//!
//! `cargo run --example shutdown`, and then `curl ADDRESS/slow` with the address that it prints.

use std::convert::Infallible;
use std::time::Duration;

use axum::Router;
use axum::routing::get;
use tokio::net::TcpListener;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::time::sleep;
use unstuck::{BoxError, Scope, TaskGroup};

#[tokio::main]
async fn main() -> Result<(), BoxError> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let interrupt = signal(SignalKind::interrupt())?;
    let terminate = signal(SignalKind::terminate())?;
    println!("listening on {}", listener.local_addr()?);

    let server = TaskGroup::new("server").grace(Duration::from_secs(10));
    server
        .scope(async |group: Scope| {
            let http = axum::serve(listener, router()).with_graceful_shutdown(group.stopping());
            group.spawn("http", async { http.await })?;
            group.spawn_service("signals", cancel_on(interrupt, terminate, group.clone()))?;
            Ok(())
        })
        .await?;

    println!("the server has ended");
    Ok(())
}

/// The first signal begins the grace period, and the second one ends it.
async fn cancel_on(
    mut interrupt: Signal,
    mut terminate: Signal,
    group: Scope,
) -> Result<Infallible, BoxError> {
    loop {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
        println!("shutting down");
        group.cancel();
    }
}

fn router() -> Router {
    let slow = async || {
        println!("answering");
        sleep(Duration::from_secs(1)).await;
        "sent after a second\n"
    };
    let never = async || {
        println!("answering");
        std::future::pending::<()>().await;
    };
    Router::new()
        .route("/slow", get(slow))
        .route("/never", get(never))
}
