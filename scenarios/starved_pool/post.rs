//! A post in the database. Whatever runs a query will do: a connection, or a pool, which takes one for it.

use sqlx::SqliteExecutor;

pub(super) async fn is_stored(db: impl SqliteExecutor<'_>, id: i64) -> Result<bool, sqlx::Error> {
    sqlx::query_scalar("SELECT content IS NOT NULL FROM post WHERE id = ?")
        .bind(id)
        .fetch_one(db)
        .await
}

pub(super) async fn store(
    db: impl SqliteExecutor<'_>,
    id: i64,
    content: &str,
) -> Result<(), sqlx::Error> {
    sqlx::query("UPDATE post SET content = ? WHERE id = ?")
        .bind(content)
        .bind(id)
        .execute(db)
        .await?;
    Ok(())
}
