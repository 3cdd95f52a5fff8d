//! The pool on `join_all`: it waits for its workers, and looks at what each of them returned.

use std::sync::Arc;

use deadqueue::unlimited::Queue;
use futures_util::future::join_all;
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
    let mut errors = Vec::new();
    for (n, ended) in join_all(handles).await.into_iter().enumerate() {
        match ended {
            Ok(Ok(())) => {}
            Ok(Err(error)) => errors.push(format!("worker-{n}: {error}")),
            Err(panic) => errors.push(format!("worker-{n}: {panic}")),
        }
    }
    if !errors.is_empty() {
        return Err(errors.join("\n").into());
    }

    all_done.wait().await;
    Ok(())
}
