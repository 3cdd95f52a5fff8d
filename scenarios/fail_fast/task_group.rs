//! Returns the first error that comes up, once the rest is out of the way.

use unstuck::demo::Job;
use unstuck::{BoxError, TaskGroup};

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
    let posts = TaskGroup::new("import").scope(async |group| {
        for (turn, id) in (0..).zip(1..=job.posts) {
            let store = posts::store(blog.clone(), job.latency * 6 * turn, id);
            group.spawn(format!("post-{id}"), store)?;
        }
        Ok(())
    });
    Ok(posts.await?)
}
