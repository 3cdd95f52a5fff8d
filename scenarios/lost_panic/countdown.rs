//! Each post counts itself off, and main waits for the last one.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use tokio::task;
use unstuck::demo::Job;
use unstuck::{BoxError, Event};

use super::store::store;
use crate::scenarios::blog::Blog;

pub(super) async fn main(job: Job) -> Result<(), BoxError> {
    let blog = Blog::open(&job).await?.with_broken(2);
    let left = Arc::new(AtomicI64::new(job.posts));
    let mut all_stored = Event::new("all stored");

    for id in 1..=job.posts {
        let (blog, left, all_stored) = (blog.clone(), Arc::clone(&left), all_stored.clone());
        let name = format!("post-{id}");
        task::Builder::new().name(&name).spawn(async move {
            store(&blog, id).await;
            if left.fetch_sub(1, Ordering::AcqRel) == 1 {
                all_stored.set();
            }
        })?;
    }
    all_stored.wait().await;
    Ok(())
}
