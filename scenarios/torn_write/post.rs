//! A post in the database, and the comments on it, which are had from a server of their own.

use std::future::pending;

use sqlx::{SqliteExecutor, SqlitePool};
use unstuck::BoxError;

/// The post whose comments the server never sends.
const SILENT: i64 = 2;

pub(super) async fn store_content(db: impl SqliteExecutor<'_>, id: i64) -> Result<(), sqlx::Error> {
    sqlx::query("UPDATE post SET content = ? WHERE id = ?")
        .bind(r#"{ "text": "Some content!" }"#)
        .bind(id)
        .execute(db)
        .await?;
    Ok(())
}

pub(super) async fn store_comments(
    db: impl SqliteExecutor<'_>,
    id: i64,
    text: &str,
) -> Result<(), sqlx::Error> {
    sqlx::query("INSERT INTO comment (post, text) VALUES (?, ?)")
        .bind(id)
        .bind(text)
        .execute(db)
        .await?;
    Ok(())
}

/// Stands in for a request to that server.
pub(super) async fn download_comments(id: i64) -> &'static str {
    if id == SILENT {
        pending().await
    } else {
        "First!"
    }
}

/// Whoever reads a post expects its comments beside it.
pub(super) async fn check_all(db: &SqlitePool) -> Result<(), BoxError> {
    const HALVES: &str = "SELECT id FROM post WHERE content IS NOT NULL
                          AND id NOT IN (SELECT post FROM comment)";
    let half: Option<i64> = sqlx::query_scalar(HALVES).fetch_optional(db).await?;
    match half {
        Some(id) => Err(format!("post {id} has content, and no comments").into()),
        None => Ok(()),
    }
}
