//! Programs of so many tasks that only the number is kept of some that ended.

use std::fmt;

use tokio::task;
use tracing::instrument;
use unstuck::demo::{Expected, Job, Scenario};
use unstuck::outcomes::Errors;
use unstuck::verdict::Verdict;
use unstuck::{BoxError, Event, OnFailure, TaskGroup};

/// Twice as many as are listed.
const MANY: usize = 20_000;

const WAITS: Expected = Expected {
    verdict: Verdict::Stuck,
    stored: 0,
    errors: Errors::NONE,
    rules: &["orphaned-event"],
};

pub(crate) const PROGRAMS: &[Scenario] = &[
    program!("many-that-ended", many_that_ended, WAITS),
    program!(
        "many-swallowed-errors",
        many_swallowed_errors,
        Expected {
            errors: Errors {
                returned: MANY,
                surfaced: 0,
                swallowed: MANY
            },
            rules: &["orphaned-event", "swallowed-error"],
            ..WAITS
        }
    ),
    program!(
        "many-surfaced-errors",
        many_surfaced_errors,
        Expected {
            verdict: Verdict::Failed,
            errors: Errors {
                returned: MANY,
                surfaced: MANY,
                swallowed: 0
            },
            rules: &[],
            ..WAITS
        }
    ),
];

/// The one that could have set the event is among those of which only the number is kept.
async fn many_that_ended(_job: Job) -> Result<(), BoxError> {
    let mut done = Event::new("done");
    for _ in 0..MANY {
        task::spawn(async {}).await?;
    }
    let setter = done.clone();
    task::spawn(async move { drop(setter) }).await?;
    done.wait().await;
    Ok(())
}

#[instrument(err)]
async fn fails() -> Result<(), fmt::Error> {
    Err(fmt::Error)
}

async fn many_swallowed_errors(_job: Job) -> Result<(), BoxError> {
    for _ in 0..MANY {
        let _swallowed = task::spawn(fails()).await?;
    }
    Event::new("done").wait().await;
    Ok(())
}

async fn many_surfaced_errors(_job: Job) -> Result<(), BoxError> {
    let group = TaskGroup::new("group").on_failure(OnFailure::WaitForAll);
    let all = group.scope(async |group| {
        for _ in 0..MANY {
            group.spawn("child", fails())?;
        }
        Ok(())
    });
    Ok(all.await?)
}
