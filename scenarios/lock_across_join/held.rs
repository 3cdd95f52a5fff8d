//! Empties the cache, and has it filled again. Nobody is to see it half full.

use std::collections::HashMap;
use std::sync::Arc;

use tokio::sync::Mutex;
use unstuck::demo::Job;
use unstuck::{BoxError, TaskGroup};

use super::refresh::{Cache, refresh};
use crate::scenarios::blog::Blog;

pub(super) async fn main(job: Job) -> Result<(), BoxError> {
    let blog = Blog::open(&job).await?;
    let cache: Cache = Arc::new(Mutex::new(HashMap::new()));

    let mut emptied = cache.lock().await;
    emptied.clear();
    let posts = TaskGroup::new("refresh").scope(async |group| {
        for id in 1..=job.posts {
            let refresh = refresh(blog.clone(), cache.clone(), id);
            group.spawn(format!("post-{id}"), refresh)?;
        }
        Ok(())
    });
    posts.await?;
    drop(emptied);
    Ok(())
}
