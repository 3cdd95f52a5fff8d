//! Downloads send their posts to an archive, which main calls as the function that it is.

use std::sync::mpsc;

use tokio::task;
use unstuck::BoxError;
use unstuck::demo::Job;

use super::tasks::{archive, download};
use crate::scenarios::blog::Blog;

pub(super) async fn main(job: Job) -> Result<(), BoxError> {
    let blog = Blog::open(&job).await?;
    let path = job.database.get_filename().with_extension("txt");
    let (sender, receiver) = mpsc::channel();

    let mut downloads = Vec::new();
    for id in 1..=job.posts {
        let name = format!("download-{id}");
        let download = download(blog.clone(), id, sender.clone());
        downloads.push(task::Builder::new().name(&name).spawn(download)?);
    }
    drop(sender);

    archive(&path, &receiver)?;
    for download in downloads {
        download.await??;
    }
    Ok(())
}
