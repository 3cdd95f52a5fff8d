//! Each download is given a sender of its own, and main waits for the task that stores what they send.

use tokio::sync::mpsc;
use tokio::task;
use unstuck::BoxError;
use unstuck::demo::Job;

use super::tasks::{download, store_all};
use crate::scenarios::blog::Blog;

pub(super) async fn main(job: Job) -> Result<(), BoxError> {
    let blog = Blog::open(&job).await?;
    let (sender, receiver) = mpsc::channel(8);

    let store = store_all(blog.clone(), receiver);
    let storing = task::Builder::new().name("store").spawn(store)?;
    for id in 1..=job.posts {
        let download = download(blog.clone(), id, sender.clone());
        let name = format!("download-{id}");
        task::Builder::new().name(&name).spawn(download)?;
    }

    storing.await??;
    Ok(())
}
