//! A crawler: one task stores the posts in its queue, and puts those into it to which they link.

use tokio::sync::mpsc::{self, Receiver, Sender};
use tokio::task;
use tracing::instrument;
use unstuck::BoxError;
use unstuck::demo::Job;

use super::links::links;
use crate::scenarios::blog::Blog;

pub(super) async fn main(job: Job) -> Result<(), BoxError> {
    let blog = Blog::open(&job).await?;
    let (found, queue) = mpsc::channel(2);
    found.send(1).await?;
    let crawl = crawl(blog, job.posts, found, queue);
    let crawler = task::Builder::new().name("crawler");
    crawler.spawn(crawl)?.await??;
    Ok(())
}

#[instrument(err, skip_all)]
async fn crawl(
    blog: Blog,
    posts: i64,
    found: Sender<i64>,
    mut queue: Receiver<i64>,
) -> Result<(), BoxError> {
    while let Some(id) = queue.recv().await {
        blog.store(id, r#"{ "text": "Some content!" }"#).await?;
        for link in links(id, posts) {
            found.send(link).await?;
        }
        if queue.is_empty() {
            break;
        }
    }
    Ok(())
}
