//! Waits for all answers with one `join_all`.

use futures_util::future::join_all;
use unstuck::BoxError;
use unstuck::demo::Job;

use super::devices;

pub(super) async fn main(_job: Job) -> Result<(), BoxError> {
    let answers = devices::ask()?;
    for answer in join_all(answers).await {
        answer?;
    }
    Ok(())
}
