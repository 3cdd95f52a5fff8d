//! The same crawler; its queue takes whatever it finds.

use tokio::sync::mpsc::{self, UnboundedReceiver, UnboundedSender};
use tokio::task;
use tracing::instrument;
use unstuck::BoxError;
use unstuck::demo::Job;

use super::links::links;
use crate::scenarios::blog::Blog;

pub(super) async fn main(job: Job) -> Result<(), BoxError> {
    let blog = Blog::open(&job).await?;
    let (found, queue) = mpsc::unbounded_channel();
    found.send(1)?;
    let crawl = crawl(blog, job.posts, found, queue);
    let crawler = task::Builder::new().name("crawler");
    crawler.spawn(crawl)?.await??;
    Ok(())
}

#[instrument(err, skip_all)]
async fn crawl(
    blog: Blog,
    posts: i64,
    found: UnboundedSender<i64>,
    mut queue: UnboundedReceiver<i64>,
) -> Result<(), BoxError> {
    while let Some(id) = queue.recv().await {
        blog.store(id, r#"{ "text": "Some content!" }"#).await?;
        for link in links(id, posts) {
            found.send(link)?;
        }
        if queue.is_empty() {
            break;
        }
    }
    Ok(())
}
