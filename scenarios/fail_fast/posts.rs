//! Posts that are stored one after the other, and what is done about an import that failed.

use std::time::Duration;

use tokio::time::sleep;
use tracing::instrument;

use crate::scenarios::blog::Blog;

#[instrument(err, skip_all)]
pub(super) async fn store(blog: Blog, due: Duration, id: i64) -> Result<(), sqlx::Error> {
    sleep(due).await;
    blog.download_and_store(id).await
}

/// Nothing of an import that failed is to be seen. Then somebody has to be told, which takes a while.
pub(super) async fn take_back(blog: &Blog, report: Duration) -> Result<(), sqlx::Error> {
    blog.clear().await?;
    sleep(report).await;
    Ok(())
}
