//! Waits for one answer after the other.

use unstuck::BoxError;
use unstuck::demo::Job;

use super::devices;

pub(super) async fn main(_job: Job) -> Result<(), BoxError> {
    let answers = devices::ask()?;
    for answer in answers {
        answer.await?;
    }
    Ok(())
}
