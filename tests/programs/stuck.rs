//! Programs that hang.

use std::future::{pending, poll_fn};
use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::Poll;
use std::thread;
use std::time::{Duration, Instant};

use tokio::io::AsyncReadExt;
use tokio::net::{TcpListener, TcpStream};
use tokio::process::Command;
use tokio::sync::{Mutex, Notify, mpsc, oneshot};
use tokio::task::{self, JoinSet};
use tokio::time::sleep;
use unstuck::demo::{Expected, Job, Scenario};
use unstuck::outcomes::Errors;
use unstuck::verdict::Verdict;
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
            errors: Errors::swallowed(1),
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
        "unclosed-channel",
        unclosed_channel,
        hangs(Verdict::Stuck, &["circular-wait"])
    ),
    program!(
        "unheard-notification",
        unheard_notification,
        hangs(Verdict::Stuck, &["idle-receiver"])
    ),
    program!("duplex", duplex, hangs(Verdict::Stuck, &["idle-receiver"])),
    program!(
        "full-channel",
        full_channel,
        hangs(Verdict::Stuck, &["full-channel"])
    ),
    program!(
        "group-of-the-stuck",
        group_of_the_stuck,
        hangs(Verdict::Stuck, &["orphaned-event"])
    ),
    program!(
        "stuck-during-the-look",
        stuck_during_the_look,
        hangs(Verdict::Stuck, &["orphaned-event"])
    ),
    program!(
        "lost-waker",
        lost_waker,
        hangs(Verdict::Stuck, &["lost-waker"])
    ),
    program!(
        "lost-waker-of-a-child",
        lost_waker_of_a_child,
        hangs(Verdict::Stuck, &["lost-waker"])
    ),
    program!("never", never, hangs(Verdict::Stuck, &["lost-waker"])),
    program!(
        "unseen-set",
        unseen_set,
        hangs(Verdict::Stuck, &["lost-waker"])
    ),
    program!(
        "unseen-slot",
        unseen_slot,
        hangs(Verdict::Waiting, &["unseen"])
    ),
    program!(
        "set-of-the-stuck",
        set_of_the_stuck,
        hangs(Verdict::Stuck, &["orphaned-event"])
    ),
    program!(
        "silent-socket",
        silent_socket,
        hangs(Verdict::Waiting, &["outside"])
    ),
    program!(
        "silent-server",
        silent_server,
        hangs(Verdict::Waiting, &["outside"])
    ),
    program!(
        "silent-process",
        silent_process,
        hangs(Verdict::Waiting, &["outside"])
    ),
    program!(
        "sleeping-thread",
        sleeping_thread,
        hangs(Verdict::Waiting, &["unseen"])
    ),
    program!(
        "busy-thread",
        busy_thread,
        hangs(Verdict::Waiting, &["unseen"])
    ),
    program!(
        "blocked-worker",
        blocked_worker,
        hangs(Verdict::Blocked, &["blocked-worker"])
    ),
    program!(
        "busy-worker",
        busy_worker,
        hangs(Verdict::Blocked, &["blocked-worker"])
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

/// All tasks go over from a timer to an event, mostly while they are looked at for the first time.
async fn stuck_during_the_look(_job: Job) -> Result<(), BoxError> {
    let mut done = Event::new("done");
    for _ in 0..100 {
        let mut done = done.clone();
        task::spawn(async move {
            sleep(Duration::from_millis(125)).await;
            done.wait().await;
        });
    }
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

/// The receiver waits for the last sender to be dropped, and whoever has that for the receiver.
async fn unclosed_channel(_job: Job) -> Result<(), BoxError> {
    let (send, mut receive) = mpsc::channel::<u8>(1);
    let receiver = task::spawn(async move { while receive.recv().await.is_some() {} });
    receiver.await?;
    drop(send);
    Ok(())
}

async fn unheard_notification(_job: Job) -> Result<(), BoxError> {
    let notify = Notify::new();
    notify.notify_waiters();
    notify.notified().await;
    Ok(())
}

/// A pipe in memory looks like a socket. Its other end is in the hands of the task that reads.
async fn duplex(_job: Job) -> Result<(), BoxError> {
    let (mut near, far) = tokio::io::duplex(64);
    near.read_u8().await?;
    drop(far);
    Ok(())
}

/// The receiver is in the hands of the task that waits for room.
async fn full_channel(_job: Job) -> Result<(), BoxError> {
    let (send, mut receive) = mpsc::channel(1);
    send.send(1).await?;
    send.send(2).await?;
    receive.recv().await;
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

/// The same in a task that main waits for.
async fn lost_waker_of_a_child(job: Job) -> Result<(), BoxError> {
    task::spawn(lost_waker(job)).await?
}

/// What is waited for comes, and nobody hears of it.
async fn lost_waker(_job: Job) -> Result<(), BoxError> {
    let slot = Arc::new(std::sync::Mutex::new(None));
    let other = Arc::clone(&slot);
    task::spawn(async move { *other.lock().expect("nobody panics") = Some(1) });
    // The bug: nobody is told whom to wake.
    poll_fn(|_| match slot.lock().expect("nobody panics").take() {
        Some(number) => Poll::Ready(number),
        None => Poll::Pending,
    })
    .await;
    Ok(())
}

/// A future of its own, of which nobody knows what it waits for. It keeps its wakers.
async fn unseen_slot(_job: Job) -> Result<(), BoxError> {
    let mut kept = Vec::new();
    poll_fn(|cx| {
        kept.push(cx.waker().clone());
        Poll::<()>::Pending
    })
    .await;
    Ok(())
}

/// Nothing can see what it waits for, but there is nothing either that could wake it.
async fn never(_job: Job) -> Result<(), BoxError> {
    pending().await
}

/// Neither the set can be seen nor what its tasks wait for.
async fn unseen_set(_job: Job) -> Result<(), BoxError> {
    let mut set = JoinSet::new();
    for _ in 0..3 {
        set.spawn(pending::<()>());
    }
    while set.join_next().await.is_some() {}
    Ok(())
}

/// The set can't be seen, but what its task waits for explains it all.
async fn set_of_the_stuck(_job: Job) -> Result<(), BoxError> {
    let mut set = JoinSet::new();
    let mut done = Event::new("done");
    set.spawn(async move { done.wait().await });
    while set.join_next().await.is_some() {}
    Ok(())
}

async fn silent_socket(_job: Job) -> Result<(), BoxError> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    listener.accept().await?;
    Ok(())
}

/// The server has taken the connection, and says nothing.
async fn silent_server(_job: Job) -> Result<(), BoxError> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let mut client = TcpStream::connect(listener.local_addr()?).await?;
    let _server = listener.accept().await?;
    client.read_exact(&mut [0; 5]).await?;
    Ok(())
}

/// Ends with the program: it reads from a pipe that closes then.
async fn silent_process(_job: Job) -> Result<(), BoxError> {
    let mut process = Command::new("cat").stdin(Stdio::piped()).spawn()?;
    let _input = process.stdin.take();
    process.wait().await?;
    Ok(())
}

/// No poll begins any more, and none goes on.
async fn busy_thread(_job: Job) -> Result<(), BoxError> {
    let (answer, answered) = oneshot::channel::<()>();
    let begun = Instant::now();
    thread::spawn(move || {
        while begun.elapsed() < FOR_EVER {}
        answer.send(())
    });
    Ok(answered.await?)
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
    // The bug: a lock that blocks the thread, taken by a task.
    drop(lock.lock());
    Ok(())
}

/// The bug: a loop that waits without an `.await`.
async fn busy_worker(_job: Job) -> Result<(), BoxError> {
    let done = Arc::new(AtomicBool::new(false));
    let setter = Arc::clone(&done);
    task::spawn(async move { setter.store(true, Ordering::Relaxed) });
    while !done.load(Ordering::Relaxed) {
        std::hint::spin_loop();
    }
    Ok(())
}
