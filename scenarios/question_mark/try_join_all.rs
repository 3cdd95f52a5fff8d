//! The pool on `try_join_all`, whose `?` looks as if it returned the first error of a worker.

use std::sync::Arc;

use deadqueue::unlimited::Queue;
use futures_util::future::try_join_all;
use sqlx::SqlitePool;
use tokio::task;
use unstuck::demo::Job;
use unstuck::{BoxError, Event};

use super::worker::Worker;

pub(super) async fn main(job: Job) -> Result<(), BoxError> {
    let db = SqlitePool::connect_with(job.database.clone()).await?;
    let queue: Arc<Queue<i64>> = Arc::new((1..=job.posts).collect());
    let mut all_done = Event::new("ALL_DONE");

    let mut handles = Vec::new();
    for n in 0..job.workers {
        let worker = Worker::new(&job, &db, &queue, &all_done);
        let name = format!("worker-{n}");
        handles.push(task::Builder::new().name(&name).spawn(worker.run())?);
    }
    try_join_all(handles).await?;

    all_done.wait().await;
    Ok(())
}
