//! Returns the first error that comes up.

use tokio::task;
use unstuck::BoxError;
use unstuck::demo::Job;

use super::posts;
use crate::scenarios::blog::Blog;

pub(super) async fn main(job: Job) -> Result<(), BoxError> {
    let blog = Blog::open(&job).await?.with_broken(1);
    if let Err(error) = import(&job, &blog).await {
        posts::take_back(&blog, job.latency * 7).await?;
        return Err(error);
    }
    Ok(())
}

async fn import(job: &Job, blog: &Blog) -> Result<(), BoxError> {
    let mut handles = Vec::new();
    for (turn, id) in (0..).zip(1..=job.posts) {
        let name = format!("post-{id}");
        let store = posts::store(blog.clone(), job.latency * 6 * turn, id);
        handles.push(task::Builder::new().name(&name).spawn(store)?);
    }
    for handle in handles {
        handle.await??;
    }
    Ok(())
}
