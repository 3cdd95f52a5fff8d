//! Programs that hang.

use std::future::pending;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::sync::{Mutex, mpsc, oneshot};
use tokio::task;
use unstuck::demo::{Expected, Job, Scenario};
use unstuck::diagnosis::{Errors, Verdict};
use unstuck::{BoxError, Event, TaskGroup};

use crate::hangs;

const FOR_EVER: Duration = Duration::from_hours(1);

pub(crate) const PROGRAMS: &[Scenario] = &[
    program!(
        "orphaned-event",
        orphaned_event,
        hangs(Verdict::Stuck, &["orphaned-event"])
    ),
    program!(
        "event-of-nobody",
        event_of_nobody,
        hangs(Verdict::Stuck, &["orphaned-event"])
    ),
    program!(
        "swallowed-panic",
        swallowed_panic,
        Expected {
            errors: Errors {
                returned: 1,
                surfaced: 0,
                swallowed: 1
            },
            ..hangs(Verdict::Stuck, &["orphaned-event", "swallowed-error"])
        }
    ),
    program!(
        "lock-twice",
        lock_twice,
        hangs(Verdict::Stuck, &["self-deadlock"])
    ),
    program!(
        "idle-receiver",
        idle_receiver,
        hangs(Verdict::Stuck, &["idle-receiver"])
    ),
    program!(
        "group-of-the-stuck",
        group_of_the_stuck,
        hangs(Verdict::Stuck, &["orphaned-event"])
    ),
    program!("never", never, hangs(Verdict::Stuck, &[])),
    program!("silent-socket", silent_socket, hangs(Verdict::Waiting, &[])),
    program!(
        "sleeping-thread",
        sleeping_thread,
        hangs(Verdict::Waiting, &[])
    ),
    program!(
        "blocked-worker",
        blocked_worker,
        hangs(Verdict::Blocked, &[])
    ),
    // What is expected of it is wrong, to show that it would be noticed.
    program!(
        "wrong-expectation",
        lock_twice,
        hangs(Verdict::Completed, &[])
    ),
];

async fn orphaned_event(_job: Job) -> Result<(), BoxError> {
    let mut done = Event::new("done");
    let setter = done.clone();
    task::spawn(async move { drop(setter) });
    done.wait().await;
    Ok(())
}

async fn event_of_nobody(_job: Job) -> Result<(), BoxError> {
    Event::new("done").wait().await;
    Ok(())
}

async fn swallowed_panic(_job: Job) -> Result<(), BoxError> {
    let mut done = Event::new("done");
    let setter = done.clone();
    task::spawn(async move {
        "seven".parse::<u8>().expect("a number");
        setter.set();
    });
    done.wait().await;
    Ok(())
}

async fn lock_twice(_job: Job) -> Result<(), BoxError> {
    let lock = Mutex::new(());
    let _held = lock.lock().await;
    let _again = lock.lock().await;
    Ok(())
}

async fn idle_receiver(_job: Job) -> Result<(), BoxError> {
    let (send, mut receive) = mpsc::channel::<u8>(1);
    receive.recv().await;
    drop(send);
    Ok(())
}

/// The group waits for a child that waits for ever: both are stuck.
async fn group_of_the_stuck(_job: Job) -> Result<(), BoxError> {
    let group = TaskGroup::new("group");
    let all = group.scope(async |group| {
        let mut done = Event::new("done");
        group.spawn("child", async move {
            done.wait().await;
            Ok::<_, BoxError>(())
        })?;
        Ok(())
    });
    Ok(all.await?)
}

/// Nothing can see what it waits for, but there is nothing either that could wake it.
async fn never(_job: Job) -> Result<(), BoxError> {
    pending().await
}

async fn silent_socket(_job: Job) -> Result<(), BoxError> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    listener.accept().await?;
    Ok(())
}

/// The thread might wake up and answer, for all that anybody can tell.
async fn sleeping_thread(_job: Job) -> Result<(), BoxError> {
    let (answer, answered) = oneshot::channel::<()>();
    thread::spawn(move || {
        thread::sleep(FOR_EVER);
        answer.send(())
    });
    Ok(answered.await?)
}

async fn blocked_worker(_job: Job) -> Result<(), BoxError> {
    let lock = Arc::new(std::sync::Mutex::new(()));
    let held = Arc::clone(&lock);
    let (locked, is_locked) = std::sync::mpsc::channel();
    thread::spawn(move || {
        let _held = held.lock();
        let _ = locked.send(());
        thread::sleep(FOR_EVER);
    });
    is_locked.recv()?;
    // The mistake: a lock that blocks the thread, taken by a task.
    drop(lock.lock());
    Ok(())
}
