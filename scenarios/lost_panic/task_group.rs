//! Each post is a child of a group, which ends when all of them have, one way or the other.

use unstuck::demo::Job;
use unstuck::{BoxError, OnFailure, TaskGroup};

use super::store::store;
use crate::scenarios::blog::Blog;

pub(super) async fn main(job: Job) -> Result<(), BoxError> {
    let blog = Blog::open(&job).await?.with_broken(2);

    let group = TaskGroup::new("store").on_failure(OnFailure::WaitForAll);
    let posts = group.scope(async |group| {
        for id in 1..=job.posts {
            let blog = blog.clone();
            group.spawn(format!("post-{id}"), async move {
                store(&blog, id).await;
                Ok::<(), BoxError>(())
            })?;
        }
        Ok(())
    });
    Ok(posts.await?)
}
