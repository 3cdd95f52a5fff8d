//! Starts the workers, and waits for the flag.

use std::sync::Arc;

use deadqueue::unlimited::Queue;
use tokio::task;
use unstuck::demo::Job;
use unstuck::{BoxError, Event};

use super::worker;
use crate::scenarios::blog::Blog;

pub(super) async fn main(job: Job) -> Result<(), BoxError> {
    let blog = Blog::open(&job).await?;
    let queue: Arc<Queue<i64>> = Arc::new((1..=job.posts).collect());
    let mut all_done = Event::new("ALL_DONE");

    for n in 0..job.workers {
        let worker = worker::run(blog.clone(), Arc::clone(&queue), all_done.clone());
        let name = format!("worker-{n}");
        task::Builder::new().name(&name).spawn(worker)?;
    }

    all_done.wait().await;
    Ok(())
}
