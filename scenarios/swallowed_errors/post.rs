//! A post in the database. Its content, the API's answer, is NULL until a worker has stored it.

use serde_json::Value;
use sqlx::{FromRow, SqlitePool};

/// The bug: a column that can be NULL, read into a value that can't.
#[derive(FromRow)]
struct Post {
    url: String,
    #[expect(dead_code, reason = "reading it is enough to fail")]
    content: Value,
}

/// The fix, one line: a column that can be NULL is an `Option`.
#[derive(FromRow)]
struct FixedPost {
    url: String,
    #[expect(dead_code, reason = "as above")]
    content: Option<Value>,
}

/// Nothing checks this query before it runs, so the compiler does not see the bug.
const FETCH: &str = "SELECT url, content FROM post WHERE id = ?";

pub(super) async fn fetch_url(
    db: &SqlitePool,
    id: i64,
    fixed: bool,
) -> Result<String, sqlx::Error> {
    if fixed {
        let post: FixedPost = sqlx::query_as(FETCH).bind(id).fetch_one(db).await?;
        Ok(post.url)
    } else {
        let post: Post = sqlx::query_as(FETCH).bind(id).fetch_one(db).await?;
        Ok(post.url)
    }
}

pub(super) async fn store(db: &SqlitePool, id: i64, content: &Value) -> Result<(), sqlx::Error> {
    let mut transaction = db.begin().await?;
    sqlx::query("UPDATE post SET content = ? WHERE id = ?")
        .bind(content)
        .bind(id)
        .execute(&mut *transaction)
        .await?;
    transaction.commit().await
}
