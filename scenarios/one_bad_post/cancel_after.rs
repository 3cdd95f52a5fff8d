//! Leaves what is left some time after the first failure, and cancels what has not ended by then.

use unstuck::demo::Job;
use unstuck::{BoxError, TaskGroup};

use super::pool;

pub(super) async fn main(job: Job) -> Result<(), BoxError> {
    let group = TaskGroup::new("store").grace(job.latency * 3);
    pool::run(job, group).await
}
