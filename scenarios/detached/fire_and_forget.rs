//! Each post has a task of its own, and nobody keeps its handle.

use tokio::task;
use unstuck::BoxError;
use unstuck::demo::Job;

use crate::scenarios::blog::Blog;

pub(super) async fn main(job: Job) -> Result<(), BoxError> {
    let blog = Blog::open(&job).await?;
    for id in 1..=job.posts {
        let blog = blog.clone();
        let name = format!("post-{id}");
        let store = async move { blog.download_and_store(id).await };
        task::Builder::new().name(&name).spawn(store)?;
    }
    Ok(())
}
