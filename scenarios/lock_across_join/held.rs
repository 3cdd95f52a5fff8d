//! Empties the cache, and has it filled again. Nobody is to see it half full.

use unstuck::demo::Job;
use unstuck::{BoxError, TaskGroup};

use super::refresh::{Cache, refresh};
use crate::scenarios::blog::Blog;

pub(super) async fn main(job: Job) -> Result<(), BoxError> {
    let blog = Blog::open(&job).await?;
    let cache = Cache::default();

    let mut emptied = cache.lock().await;
    emptied.clear();
    let posts = TaskGroup::new("held").scope(async |group| {
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
