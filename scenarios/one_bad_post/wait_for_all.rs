//! Waits for all posts, whatever becomes of one.

use unstuck::demo::Job;
use unstuck::{BoxError, OnFailure};

use super::pool;

pub(super) async fn main(job: Job) -> Result<(), BoxError> {
    pool::run(job, OnFailure::WaitForAll).await
}
