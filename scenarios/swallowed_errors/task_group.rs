//! The pool as a task group: what a worker ends with is what the group ends with.

use std::sync::Arc;
use std::time::Duration;

use deadqueue::unlimited::Queue;
use sqlx::SqlitePool;
use unstuck::demo::Job;
use unstuck::{BoxError, Event, TaskGroup};

use super::worker::Worker;

/// Long enough for every worker to come to its own end, so that no error is cut short; after that, the
/// rest can only be waiting for those that failed.
const GRACE: Duration = Duration::from_secs(1);

pub(super) async fn main(job: Job) -> Result<(), BoxError> {
    let db = SqlitePool::connect_with(job.database.clone()).await?;
    let queue: Arc<Queue<i64>> = Arc::new((1..=job.posts).collect());
    let mut all_done = Event::new("ALL_DONE");

    let group = TaskGroup::new("pool").grace(GRACE);
    let workers = group.scope(async |group| {
        for n in 0..job.workers {
            let worker = Worker::new(&job, &db, &queue, &all_done);
            group.spawn(format!("worker-{n}"), worker.run())?;
        }
        Ok(())
    });
    workers.await?;

    all_done.wait().await;
    Ok(())
}
