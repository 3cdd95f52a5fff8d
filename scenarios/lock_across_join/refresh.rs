//! Downloads a post, and enters it into the cache.

use std::collections::HashMap;
use std::sync::Arc;

use tokio::sync::Mutex;

use crate::scenarios::blog::Blog;

pub(super) type Cache = Arc<Mutex<HashMap<i64, String>>>;

pub(super) async fn refresh(blog: Blog, cache: Cache, id: i64) -> Result<(), sqlx::Error> {
    let content = blog.download(id).await;
    let mut cache = cache.lock().await;
    blog.store(id, &content).await?;
    cache.insert(id, content);
    Ok(())
}
