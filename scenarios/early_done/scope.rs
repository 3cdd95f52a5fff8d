//! Starts the workers in a scope, which waits for them, and for the flag.

use std::sync::Arc;

use deadqueue::unlimited::Queue;
use unstuck::demo::Job;
use unstuck::{BoxError, Event, TaskGroup};

use super::worker;
use crate::scenarios::blog::Blog;

pub(super) async fn main(job: Job) -> Result<(), BoxError> {
    let blog = Blog::open(&job).await?;
    let queue: Arc<Queue<i64>> = Arc::new((1..=job.posts).collect());
    let mut all_done = Event::new("ALL_DONE");

    let workers = TaskGroup::new("pool").scope(async |group| {
        for n in 0..job.workers {
            let worker = worker::run(blog.clone(), Arc::clone(&queue), all_done.clone());
            group.spawn(format!("worker-{n}"), worker)?;
        }
        Ok(())
    });
    workers.await?;

    all_done.wait().await;
    Ok(())
}
