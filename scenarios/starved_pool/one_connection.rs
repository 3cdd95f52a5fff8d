//! Downloads the posts that are not stored yet, each in a task of its own, over a pool of connections.

use std::time::Duration;

use sqlx::SqlitePool;
use sqlx::sqlite::SqlitePoolOptions;
use unstuck::demo::Job;
use unstuck::{BoxError, TaskGroup};

use super::post;
use crate::scenarios::blog::download;

async fn refresh(db: SqlitePool, id: i64, latency: Duration) -> Result<(), sqlx::Error> {
    let mut connection = db.acquire().await?;
    if post::is_stored(&mut *connection, id).await? {
        return Ok(());
    }
    let content = download(id, latency).await;
    post::store(&mut *connection, id, &content).await
}

pub(super) async fn main(job: Job) -> Result<(), BoxError> {
    let pool = SqlitePoolOptions::new()
        .max_connections(2)
        .acquire_timeout(Duration::from_secs(5));
    let db = pool.connect_with(job.database.clone()).await?;

    let posts = TaskGroup::new("refresh").scope(async |group| {
        for id in 1..=job.posts {
            let refresh = refresh(db.clone(), id, job.latency);
            group.spawn(format!("post-{id}"), refresh)?;
        }
        Ok(())
    });
    Ok(posts.await?)
}
