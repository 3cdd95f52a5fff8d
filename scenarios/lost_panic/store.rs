//! Stores a post, which is expected to go well.

use crate::scenarios::blog::Blog;

pub(super) async fn store(blog: &Blog, id: i64) {
    let stored = blog.download_and_store(id).await;
    stored.expect("a post can be stored");
}
