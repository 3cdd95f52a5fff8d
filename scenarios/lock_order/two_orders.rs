//! One task keeps the cache up to date, and the other one reports on it.

use std::sync::Arc;

use tokio::task;
use unstuck::BoxError;
use unstuck::demo::Job;

use super::shared::Shared;
use crate::scenarios::blog::Blog;

async fn refresh(blog: Blog, shared: Arc<Shared>, id: i64) -> Result<(), sqlx::Error> {
    let mut cache = shared.cache.lock().await;
    let content = blog.download(id).await;
    blog.store(id, &content).await?;
    cache.insert(id, content);
    *shared.stores.lock().await.entry(id).or_default() += 1;
    Ok(())
}

async fn report(blog: Blog, shared: Arc<Shared>, id: i64) -> Result<(), sqlx::Error> {
    let stores = shared.stores.lock().await;
    // Headlines change, so the report asks for the latest one.
    let headline = blog.download(id).await;
    let cache = shared.cache.lock().await;
    tracing::info!(headline, stores = stores.get(&id), content = cache.get(&id));
    Ok(())
}

pub(super) async fn main(job: Job) -> Result<(), BoxError> {
    let blog = Blog::open(&job).await?;
    let shared = Arc::new(Shared::new());
    let refresh = refresh(blog.clone(), Arc::clone(&shared), job.posts);
    let report = report(blog, shared, job.posts);
    let refresh = task::Builder::new().name("refresh").spawn(refresh)?;
    let report = task::Builder::new().name("report").spawn(report)?;
    refresh.await??;
    report.await??;
    Ok(())
}
