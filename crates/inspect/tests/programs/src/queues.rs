//! Channels with messages in which handles are.

use std::future::pending;

use tokio::sync::{broadcast, mpsc, oneshot, watch};

/// More than fit into one block of a channel.
const SENT: usize = 100;
const RECEIVED: usize = 40;

struct Request {
    number: u64,
    reply: oneshot::Sender<u64>,
}

#[tokio::main]
pub async fn main() {
    tokio::spawn(bounded());
    tokio::spawn(unbounded());
    tokio::spawn(closed());
    tokio::spawn(receives());
    tokio::spawn(replies());
    tokio::spawn(publishes());
    crate::ready();
    pending::<()>().await;
}

fn request(number: usize) -> Request {
    Request {
        number: number as u64,
        reply: oneshot::channel().0,
    }
}

async fn bounded() {
    let (requests, mut inbox) = mpsc::channel(200);
    for number in 0..SENT {
        requests.send(request(number)).await.ok();
    }
    for number in 0..RECEIVED {
        let request: Request = inbox.recv().await.unwrap();
        assert_eq!(request.number, number as u64);
        drop(request.reply);
    }
    pending::<()>().await;
    drop((requests, inbox));
}

async fn unbounded() {
    let (stored, storage) = mpsc::unbounded_channel();
    stored.send(Box::new(request(0))).ok();
    pending::<()>().await;
    drop((stored, storage));
}

async fn closed() {
    let (given_up, mut receiver) = mpsc::channel(8);
    given_up.send(request(0)).await.ok();
    receiver.close();
    pending::<()>().await;
    drop((given_up, receiver));
}

async fn receives() {
    let (quiet, mut receiver) = mpsc::channel::<u8>(8);
    receiver.recv().await;
    drop(quiet);
}

async fn replies() {
    let (sent, answer) = oneshot::channel();
    sent.send(request(0)).ok();
    let (unsent, asked) = oneshot::channel::<u8>();
    asked.await.ok();
    drop((answer, unsent));
}

/// A watch channel's value, and the values that a broadcast channel keeps for a receiver that is behind.
async fn publishes() {
    let sender = mpsc::channel::<u8>(1).0;
    let (setting, settings) = watch::channel(sender.clone());
    let (news, listener) = broadcast::channel(4);
    news.send(sender.clone()).ok();
    news.send(sender).ok();
    pending::<()>().await;
    drop((setting, settings, news, listener));
}
