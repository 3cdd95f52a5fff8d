//! Posts in a database, over one connection that all tasks share.

use std::sync::Arc;

use sqlx::{ConnectOptions, SqliteConnection};
use tokio::sync::Mutex;
use unstuck::demo::Job;

use crate::scenarios::blog::download;

pub(super) type Shared = Arc<Mutex<SqliteConnection>>;

pub(super) async fn open(job: &Job) -> Result<Shared, sqlx::Error> {
    let connection = job.database.connect().await?;
    Ok(Arc::new(Mutex::new(connection)))
}

pub(super) async fn save(db: Shared, id: i64, content: String) -> Result<(), sqlx::Error> {
    write(&mut *db.lock().await, id, &content).await
}

/// Keeps the connection until all are there, so that nobody sees a few of them.
pub(super) async fn import(db: Shared, job: Job) -> Result<(), sqlx::Error> {
    let mut db = db.lock().await;
    for id in 1..job.posts {
        let content = download(id, job.latency).await;
        write(&mut db, id, &content).await?;
    }
    Ok(())
}

async fn write(db: &mut SqliteConnection, id: i64, content: &str) -> Result<(), sqlx::Error> {
    sqlx::query("UPDATE post SET content = ? WHERE id = ?")
        .bind(content)
        .bind(id)
        .execute(db)
        .await?;
    Ok(())
}

pub(super) async fn count(db: &Shared) -> Result<i64, sqlx::Error> {
    let mut db = db.lock().await;
    sqlx::query_scalar("SELECT count(content) FROM post")
        .fetch_one(&mut *db)
        .await
}
