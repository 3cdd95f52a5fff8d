//! What both sides run: a task for each download, and one that stores what they send it.

use tokio::sync::mpsc::{Receiver, Sender};
use tracing::instrument;

use crate::scenarios::blog::Blog;

pub(super) type Content = (i64, String);

pub(super) async fn download(blog: Blog, id: i64, sender: Sender<Content>) {
    let content = blog.download(id).await;
    // There is no receiver only if storing has failed, of which main hears.
    let _ = sender.send((id, content)).await;
}

#[instrument(err, skip_all)]
pub(super) async fn store_all(
    blog: Blog,
    mut receiver: Receiver<Content>,
) -> Result<(), sqlx::Error> {
    while let Some((id, content)) = receiver.recv().await {
        blog.store(id, &content).await?;
    }
    Ok(())
}
