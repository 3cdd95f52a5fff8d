//! A task for each post, one due after the other. The second one fails.

use tokio::time::sleep;
use unstuck::demo::Job;
use unstuck::{BoxError, TaskGroup};

use crate::scenarios::blog::Blog;

pub(super) async fn run(job: Job, group: TaskGroup) -> Result<(), BoxError> {
    let blog = Blog::open(&job).await?.with_broken(2);
    let posts = group.scope(async |group| {
        for (turn, id) in (0..).zip(1..=job.posts) {
            let blog = blog.clone();
            let due = job.latency * 2 * turn;
            let store = async move {
                sleep(due).await;
                blog.download_and_store(id).await
            };
            group.spawn(format!("post-{id}"), store)?;
        }
        Ok(())
    });
    Ok(posts.await?)
}
