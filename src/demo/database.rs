//! The database of one side: made and filled before it starts, read back after it has ended.

use std::path::Path;

use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous};
use sqlx::{ConnectOptions, Connection, SqliteConnection};

/// How to open the database at `path`.
pub(super) fn options(path: &Path) -> SqliteConnectOptions {
    SqliteConnectOptions::new()
        .filename(path)
        // No crash has to be recovered from. So no commit waits for the disk, as the steps of a scenario are timed;
        // and no journal is created or removed while somebody opens the database.
        .journal_mode(SqliteJournalMode::Memory)
        .synchronous(SqliteSynchronous::Off)
}

/// Makes a database at `path` with `posts` posts.
pub(super) async fn create(path: &Path, posts: i64) -> Result<(), sqlx::Error> {
    let mut db = options(path).create_if_missing(true).connect().await?;
    sqlx::migrate!("src/demo/migrations").run(&mut db).await?;
    fill(&mut db, posts).await?;
    db.close().await
}

async fn fill(db: &mut SqliteConnection, posts: i64) -> Result<(), sqlx::Error> {
    let mut transaction = db.begin().await?;
    for id in 1..=posts {
        sqlx::query("INSERT INTO post (id, url) VALUES (?, ?)")
            .bind(id)
            .bind(format!("https://example.com/posts/post{id}"))
            .execute(&mut *transaction)
            .await?;
    }
    transaction.commit().await
}

/// How many posts have content.
pub(super) async fn stored(path: &Path) -> Result<u64, sqlx::Error> {
    let mut db = options(path).connect().await?;
    let stored: i64 = sqlx::query_scalar("SELECT count(*) FROM post WHERE content IS NOT NULL")
        .fetch_one(&mut db)
        .await?;
    db.close().await?;
    Ok(stored.unsigned_abs())
}
