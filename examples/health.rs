//! A web server whose health endpoint tells stuck from idle: it answers 200 while the server goes on, also while it
//! waits for clients, and 503 with the cause once a part of it is stuck.
//!
//! `cargo run --example health`, and then `curl ADDRESS/health` with the address that it prints. `curl
//! ADDRESS/transfer` leaves two tasks behind that wait for each other.

use std::sync::Arc;

use axum::Router;
use axum::http::StatusCode;
use axum::routing::get;
use tokio::net::TcpListener;
use tokio::sync::{Barrier, Mutex};
use unstuck::{BoxError, Guard, Health, Status};

fn main() -> Result<(), BoxError> {
    let mut guard = Guard::new();
    let health = guard.health();
    guard.run(serve(health))?
}

async fn serve(health: Health) -> Result<(), BoxError> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    println!("listening on {}", listener.local_addr()?);
    let router = Router::new()
        .route("/health", get(async move || answer(&health)))
        .route("/transfer", get(transfer_both_ways));
    Ok(axum::serve(listener, router).await?)
}

fn answer(health: &Health) -> (StatusCode, String) {
    match health.status() {
        Status::Stuck(findings) => {
            let causes = findings
                .iter()
                .map(|finding| format!("{} [{}]\n", finding.summary(), finding.fingerprint()));
            (StatusCode::SERVICE_UNAVAILABLE, causes.collect())
        }
        _ => (StatusCode::OK, "it goes on\n".to_owned()),
    }
}

/// Begins a transfer in each direction, at the same time.
async fn transfer_both_ways() -> &'static str {
    let (one, other) = (Arc::new(Mutex::new(100)), Arc::new(Mutex::new(100)));
    let both_begun = Arc::new(Barrier::new(2));
    tokio::spawn(transfer(one.clone(), other.clone(), both_begun.clone()));
    tokio::spawn(transfer(other, one, both_begun));
    "begun\n"
}

async fn transfer(from: Arc<Mutex<u32>>, to: Arc<Mutex<u32>>, both_begun: Arc<Barrier>) {
    let mut from = from.lock().await;
    both_begun.wait().await;
    let mut to = to.lock().await;
    *from -= 1;
    *to += 1;
}
