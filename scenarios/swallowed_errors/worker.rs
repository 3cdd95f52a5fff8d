//! A worker: takes ids off the queue, and raises the flag once the queue is empty.

use std::sync::Arc;
use std::time::Duration;

use deadqueue::unlimited::Queue;
use serde_json::{Value, json};
use sqlx::SqlitePool;
use tokio::time::sleep;
use tracing::instrument;
use unstuck::Event;
use unstuck::demo::Job;

use super::post;

pub(crate) struct Worker {
    db: SqlitePool,
    queue: Arc<Queue<i64>>,
    all_done: Event,
    latency: Duration,
    fixed: bool,
}

impl Worker {
    pub(crate) fn new(
        job: &Job,
        db: &SqlitePool,
        queue: &Arc<Queue<i64>>,
        all_done: &Event,
    ) -> Self {
        Self {
            db: db.clone(),
            queue: Arc::clone(queue),
            all_done: all_done.clone(),
            latency: job.latency,
            fixed: job.fixed,
        }
    }

    #[instrument(err, skip_all)]
    pub(crate) async fn run(self) -> Result<(), sqlx::Error> {
        while !self.all_done.is_set() {
            let id = self.queue.pop().await;

            let url = post::fetch_url(&self.db, id, self.fixed).await?;
            let content = self.call_api(&url).await;
            post::store(&self.db, id, &content).await?;

            if self.queue.is_empty() {
                self.all_done.set();
            }
        }
        Ok(())
    }

    /// Stands in for a request to an API over the network.
    async fn call_api(&self, url: &str) -> Value {
        sleep(self.latency).await;
        json!({ "url": url, "text": "Some content!" })
    }
}
