//! Programs that run out of permits: some for good, some for a while.

use std::sync::Arc;

use deadqueue::unlimited::Queue;
use tokio::sync::Semaphore;
use tokio::task;
use tokio::time::{sleep, timeout};
use unstuck::BoxError;
use unstuck::demo::{Job, Scenario};
use unstuck::verdict::Verdict;

use crate::{A_WHILE, COMPLETES, fails, hangs};

pub(crate) const PROGRAMS: &[Scenario] = &[
    program!(
        "all-permits-twice",
        all_permits_twice,
        hangs(Verdict::Stuck, &["self-deadlock"])
    ),
    program!("permits-added", permits_added, COMPLETES),
    program!(
        "starved-pool",
        starved_pool,
        hangs(Verdict::Stuck, &["starved-pool"])
    ),
    program!("one-permit-to-spare", one_permit_to_spare, COMPLETES),
    program!(
        "starved-until-time-out",
        starved_until_time_out,
        fails(&["starved-pool"])
    ),
    program!(
        "time-out-before-more",
        time_out_before_more,
        fails(&["outlived"])
    ),
    program!(
        "lost-permit",
        lost_permit,
        hangs(Verdict::Stuck, &["lost-permit"])
    ),
    program!("permit-handed-on", permit_handed_on, COMPLETES),
    program!(
        "emptied-queue",
        emptied_queue,
        hangs(Verdict::Stuck, &["idle-receiver"])
    ),
];

async fn all_permits_twice(_job: Job) -> Result<(), BoxError> {
    let permits = Semaphore::new(3);
    let _two = permits.acquire_many(2).await?;
    let _two_more = permits.acquire_many(2).await?;
    Ok(())
}

/// Somebody else has more of them.
async fn permits_added(_job: Job) -> Result<(), BoxError> {
    let permits = Arc::new(Semaphore::new(3));
    let more = Arc::clone(&permits);
    task::spawn(async move {
        sleep(A_WHILE).await;
        more.add_permits(1);
    });
    let _two = permits.acquire_many(2).await?;
    let _two_more = permits.acquire_many(2).await?;
    Ok(())
}

/// Two tasks that each take one, and then another one.
async fn two_each(permits: usize) -> Result<(), BoxError> {
    let permits = Arc::new(Semaphore::new(permits));
    let tasks = [1, 2].map(|_| {
        let permits = Arc::clone(&permits);
        task::spawn(async move {
            let _first = permits.acquire().await;
            task::yield_now().await;
            let _second = permits.acquire().await;
            sleep(A_WHILE / 2).await;
        })
    });
    for task in tasks {
        task.await?;
    }
    Ok(())
}

async fn starved_pool(_job: Job) -> Result<(), BoxError> {
    two_each(2).await
}

async fn one_permit_to_spare(_job: Job) -> Result<(), BoxError> {
    two_each(3).await
}

/// Main and another task have both permits, and wait for more: main not for ever.
async fn main_gives_up(permits: &Arc<Semaphore>) -> Result<(), BoxError> {
    let _first = permits.acquire().await?;
    let other = Arc::clone(permits);
    task::spawn(async move {
        let _first = other.acquire().await;
        let _second = other.acquire().await;
    });
    task::yield_now().await;
    let _second = timeout(4 * A_WHILE, permits.acquire()).await??;
    Ok(())
}

async fn starved_until_time_out(_job: Job) -> Result<(), BoxError> {
    main_gives_up(&Arc::new(Semaphore::new(2))).await
}

/// It would not have had to wait for ever.
async fn time_out_before_more(_job: Job) -> Result<(), BoxError> {
    let permits = Arc::new(Semaphore::new(2));
    let more = Arc::clone(&permits);
    task::spawn(async move {
        sleep(A_WHILE * 7).await;
        more.add_permits(1);
    });
    main_gives_up(&permits).await
}

async fn lost_permit(_job: Job) -> Result<(), BoxError> {
    let permits = Arc::new(Semaphore::new(1));
    let other = Arc::clone(&permits);
    let forgetful = async move {
        other
            .acquire()
            .await
            .map(tokio::sync::SemaphorePermit::forget)
    };
    task::spawn(forgetful).await??;
    let _permit = permits.acquire().await?;
    Ok(())
}

/// The task that took it has ended, but another one gives it back.
async fn permit_handed_on(_job: Job) -> Result<(), BoxError> {
    let permits = Arc::new(Semaphore::new(1));
    let other = Arc::clone(&permits);
    let taking = task::spawn(async move {
        let permit = other.acquire_owned().await?;
        task::spawn(async move {
            sleep(A_WHILE).await;
            drop(permit);
        });
        Ok::<_, BoxError>(())
    });
    taking.await??;
    let _permit = permits.acquire().await?;
    Ok(())
}

/// The queue counts its items with a semaphore, of which it forgets a permit for each that is taken.
async fn emptied_queue(_job: Job) -> Result<(), BoxError> {
    let queue: Arc<Queue<u8>> = Arc::new([1].into_iter().collect());
    let other = Arc::clone(&queue);
    task::spawn(async move { other.pop().await }).await?;
    queue.pop().await;
    Ok(())
}
