//! The same, but the reader listens before it looks.

use tokio::task;
use unstuck::BoxError;
use unstuck::demo::Job;

use super::cache::Cache;

pub(super) async fn main(_job: Job) -> Result<(), BoxError> {
    let cache = Cache::start()?;
    let reader = task::Builder::new().name("reader");
    let reading = reader.spawn(read(cache.clone(), 1))?;
    let writer = task::Builder::new().name("writer");
    let writing = writer.spawn(async move { cache.put(1, "Some content!".to_owned()).await })?;

    writing.await?;
    reading.await?;
    Ok(())
}

async fn read(cache: Cache, id: i64) -> String {
    loop {
        let arrival = cache.arrival();
        if let Some(content) = cache.get(id).await {
            return content;
        }
        arrival.await;
    }
}
