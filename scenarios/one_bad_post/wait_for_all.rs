//! Waits for all posts, whatever becomes of one.

use unstuck::demo::Job;
use unstuck::{BoxError, OnFailure, TaskGroup};

use super::pool;

pub(super) async fn main(job: Job) -> Result<(), BoxError> {
    let group = TaskGroup::new("store").on_failure(OnFailure::WaitForAll);
    pool::run(job, group).await
}
