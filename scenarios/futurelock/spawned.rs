//! Saves the last post while the others are imported, and says now and then how many there are.

use tokio::time::sleep;
use tokio::{select, task};
use tracing::info;
use unstuck::BoxError;
use unstuck::demo::Job;

use super::store;
use crate::scenarios::blog::download;

pub(super) async fn main(job: Job) -> Result<(), BoxError> {
    let db = store::open(&job).await?;
    let import = store::import(db.clone(), job.clone());
    let import = task::Builder::new().name("import").spawn(import)?;
    let content = download(job.posts, job.latency).await;

    let save = store::save(db.clone(), job.posts, content);
    let mut save = task::Builder::new().name("save").spawn(save)?;
    loop {
        select! {
            saved = &mut save => break saved??,
            () = sleep(job.latency) => {
                let posts = store::count(&db).await?;
                info!(posts, "still saving");
            }
        }
    }
    import.await??;
    Ok(())
}
