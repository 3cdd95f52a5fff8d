//! A worker: takes posts off the queue until there is none, and whoever finds it empty raises the flag.

use std::sync::Arc;

use deadqueue::unlimited::Queue;
use unstuck::Event;

use crate::scenarios::blog::Blog;

pub(super) async fn run(
    blog: Blog,
    queue: Arc<Queue<i64>>,
    all_done: Event,
) -> Result<(), sqlx::Error> {
    while let Some(id) = queue.try_pop() {
        // The API has to be asked once for post 1, twice for post 2, and so on.
        let mut content = String::new();
        for _request in 0..id {
            content = blog.download(id).await;
        }
        blog.store(id, &content).await?;

        if queue.is_empty() {
            all_done.set();
        }
    }
    Ok(())
}
