//! Posts in memory, kept by a task of their own, which is asked over a channel.

use std::collections::HashMap;
use std::io;
use std::sync::Arc;

use tokio::sync::futures::Notified;
use tokio::sync::mpsc::{self, Receiver, Sender};
use tokio::sync::{Notify, oneshot};
use tokio::task;

#[derive(Clone)]
pub(super) struct Cache {
    requests: Sender<Request>,
    arrived: Arc<Notify>,
}

enum Request {
    Get(i64, oneshot::Sender<Option<String>>),
    Put(i64, String),
}

impl Cache {
    pub(super) fn start() -> io::Result<Self> {
        let (requests, received) = mpsc::channel(8);
        let arrived = Arc::new(Notify::new());
        let keep = keep(received, Arc::clone(&arrived));
        task::Builder::new().name("cache").spawn(keep)?;
        Ok(Self { requests, arrived })
    }

    pub(super) async fn get(&self, id: i64) -> Option<String> {
        let (answer, answered) = oneshot::channel();
        let _ = self.requests.send(Request::Get(id, answer)).await;
        answered.await.ok()?
    }

    pub(super) async fn put(&self, id: i64, content: String) {
        let _ = self.requests.send(Request::Put(id, content)).await;
    }

    /// Ready once another post is there.
    pub(super) fn arrival(&self) -> Notified<'_> {
        self.arrived.notified()
    }
}

async fn keep(mut requests: Receiver<Request>, arrived: Arc<Notify>) {
    let mut posts = HashMap::new();
    while let Some(request) = requests.recv().await {
        match request {
            Request::Get(id, answer) => {
                let _ = answer.send(posts.get(&id).cloned());
            }
            Request::Put(id, content) => {
                posts.insert(id, content);
                arrived.notify_waiters();
            }
        }
    }
}
