//! The pool of the first lesson, which stores its posts: a worker awaits the next one until all are done.

use std::sync::Arc;

use deadqueue::unlimited::Queue;
use tracing::instrument;
use unstuck::demo::Job;
use unstuck::{BoxError, Event, TaskGroup};

use crate::scenarios::blog::Blog;

pub(super) async fn main(job: Job) -> Result<(), BoxError> {
    let blog = Blog::open(&job).await?;
    let queue: Arc<Queue<i64>> = Arc::new((1..=job.posts).collect());
    let all_done = Event::new("ALL_DONE");

    let workers = TaskGroup::new("pool").scope(async |group| {
        for n in 0..job.workers {
            let worker = work(blog.clone(), Arc::clone(&queue), all_done.clone());
            group.spawn(format!("worker-{n}"), worker)?;
        }
        Ok(())
    });
    workers.await?;
    Ok(())
}

#[instrument(err, skip_all)]
async fn work(blog: Blog, queue: Arc<Queue<i64>>, all_done: Event) -> Result<(), sqlx::Error> {
    while !all_done.is_set() {
        let id = queue.pop().await;
        blog.download_and_store(id).await?;
        if queue.is_empty() {
            all_done.set();
        }
    }
    Ok(())
}
