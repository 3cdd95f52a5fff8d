//! What both sides run: downloads, which are tasks, and an archive, which is plain old blocking code.

use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender};
use std::time::Duration;

use tracing::instrument;
use unstuck::BoxError;

use crate::scenarios::blog::Blog;

#[instrument(err, skip_all)]
pub(super) async fn download(blog: Blog, id: i64, archive: Sender<String>) -> Result<(), BoxError> {
    let content = blog.download(id).await;
    blog.store(id, &content).await?;
    archive.send(content)?;
    Ok(())
}

/// Writes posts to a file as they come, until nobody is left to send any.
pub(super) fn archive(path: &Path, posts: &Receiver<String>) -> Result<(), BoxError> {
    const PATIENCE: Duration = Duration::from_mins(1);
    let mut file = File::create(path)?;
    loop {
        match posts.recv_timeout(PATIENCE) {
            Ok(content) => writeln!(file, "{content}")?,
            Err(RecvTimeoutError::Disconnected) => return Ok(()),
            Err(timeout) => return Err(timeout.into()),
        }
    }
}
