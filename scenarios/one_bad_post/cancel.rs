//! Cancels what is left at the first failure.

use unstuck::demo::Job;
use unstuck::{BoxError, OnFailure};

use super::pool;

pub(super) async fn main(job: Job) -> Result<(), BoxError> {
    pool::run(job, OnFailure::Cancel).await
}
