//! The same pool, of which a worker ends once the queue is empty.

use std::sync::Arc;

use deadqueue::unlimited::Queue;
use tracing::instrument;
use unstuck::demo::Job;
use unstuck::{BoxError, TaskGroup};

use crate::scenarios::blog::Blog;

pub(super) async fn main(job: Job) -> Result<(), BoxError> {
    let blog = Blog::open(&job).await?;
    let queue: Arc<Queue<i64>> = Arc::new((1..=job.posts).collect());

    let workers = TaskGroup::new("pool").scope(async |group| {
        for n in 0..job.workers {
            let worker = work(blog.clone(), Arc::clone(&queue));
            group.spawn(format!("worker-{n}"), worker)?;
        }
        Ok(())
    });
    workers.await?;
    Ok(())
}

#[instrument(err, skip_all)]
async fn work(blog: Blog, queue: Arc<Queue<i64>>) -> Result<(), sqlx::Error> {
    while let Some(id) = queue.try_pop() {
        blog.download_and_store(id).await?;
    }
    Ok(())
}
