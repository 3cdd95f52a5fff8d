//! Each post has a task of its own, and main does not return before they have.

use unstuck::demo::Job;
use unstuck::{BoxError, TaskGroup};

use crate::scenarios::blog::Blog;

pub(super) async fn main(job: Job) -> Result<(), BoxError> {
    let blog = Blog::open(&job).await?;
    let posts = TaskGroup::new("store").scope(async |group| {
        for id in 1..=job.posts {
            let blog = blog.clone();
            let store = async move { blog.download_and_store(id).await };
            group.spawn(format!("post-{id}"), store)?;
        }
        Ok(())
    });
    Ok(posts.await?)
}
