//! The same, but what a save writes is there as a whole or not at all.

use std::time::Duration;

use sqlx::SqlitePool;
use tokio::time::timeout;
use unstuck::BoxError;
use unstuck::demo::Job;

use super::post;

const LIMIT: Duration = Duration::from_secs(1);

pub(super) async fn main(job: Job) -> Result<(), BoxError> {
    let db = SqlitePool::connect_with(job.database).await?;
    for id in 1..=job.posts {
        if let Ok(saved) = timeout(LIMIT, save(&db, id)).await {
            saved?;
        }
    }
    post::check_all(&db).await
}

async fn save(db: &SqlitePool, id: i64) -> Result<(), sqlx::Error> {
    let mut transaction = db.begin().await?;
    post::store_content(&mut *transaction, id).await?;
    let comments = post::download_comments(id).await;
    post::store_comments(&mut *transaction, id, comments).await?;
    transaction.commit().await
}
