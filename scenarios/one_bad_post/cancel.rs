//! Cancels what is left at the first failure.

use unstuck::demo::Job;
use unstuck::{BoxError, OnFailure, TaskGroup};

use super::pool;

pub(super) async fn main(job: Job) -> Result<(), BoxError> {
    let group = TaskGroup::new("store").on_failure(OnFailure::Cancel);
    pool::run(job, group).await
}
