//! Takes a permit for a request, and keeps it for as long as there is need for it.

use std::sync::Arc;

use futures_util::future::join_all;
use tokio::sync::Semaphore;
use tokio::task;
use tracing::instrument;
use unstuck::BoxError;
use unstuck::demo::Job;

use crate::scenarios::blog::Blog;

#[instrument(err, skip_all)]
async fn store(blog: Blog, requests: Arc<Semaphore>, id: i64) -> Result<(), BoxError> {
    let _permit = requests.acquire().await?;
    blog.download_and_store(id).await?;
    Ok(())
}

pub(super) async fn main(job: Job) -> Result<(), BoxError> {
    let blog = Blog::open(&job).await?.with_broken(1);
    // The API takes one request at a time.
    let requests = Arc::new(Semaphore::new(1));

    let mut handles = Vec::new();
    for id in 1..=job.posts {
        let store = store(blog.clone(), Arc::clone(&requests), id);
        let name = format!("post-{id}");
        handles.push(task::Builder::new().name(&name).spawn(store)?);
    }
    for stored in join_all(handles).await {
        stored??;
    }
    Ok(())
}
