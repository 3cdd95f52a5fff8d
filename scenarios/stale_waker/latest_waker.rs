//! A post is awaited by one task, and then by another. The future keeps the waker of its latest poll.

use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::task;
use tokio::time::{sleep, timeout};
use unstuck::BoxError;
use unstuck::demo::Job;

use super::letterbox::Letterbox;

pub(super) async fn main(job: Job) -> Result<(), BoxError> {
    let letterbox = Letterbox::default();
    let mut post = Arrival(letterbox.clone());
    let writer = task::Builder::new().name("writer");
    let writing = writer.spawn(async move {
        sleep(2 * job.latency).await;
        letterbox.put("Some content!");
    })?;

    // It is not there in time. Somebody else can wait for it.
    if timeout(job.latency, &mut post).await.is_err() {
        let reader = task::Builder::new().name("reader");
        reader.spawn(post)?.await?;
    }
    writing.await?;
    Ok(())
}

/// Ready once a post is in the box.
struct Arrival(Letterbox);

impl Future for Arrival {
    type Output = String;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<String> {
        let mut inside = self.0.open();
        if let Some(post) = inside.post.take() {
            return Poll::Ready(post);
        }
        inside.waker = Some(cx.waker().clone());
        Poll::Pending
    }
}
