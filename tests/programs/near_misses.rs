//! Programs that look like hanging for a while, and end.

use std::future::poll_fn;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::task::{Poll, Waker};
use std::thread;
use std::time::Instant;

use futures_util::future::{FutureExt, join_all};
use sqlx::{ConnectOptions, SqlitePool};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Mutex, Notify, mpsc, oneshot};
use tokio::task::{self, JoinHandle};
use tokio::time::{sleep, timeout};
use tracing::instrument;
use unstuck::demo::{Expected, Job, Scenario};
use unstuck::outcomes::Errors;
use unstuck::verdict::Verdict;
use unstuck::{BoxError, Event, TaskGroup};

use crate::{A_WHILE, COMPLETES, completes};

pub(crate) const PROGRAMS: &[Scenario] = &[
    program!("late-setter", late_setter, COMPLETES),
    program!("impatient-setter", impatient_setter, COMPLETES),
    program!("late-sender", late_sender, COMPLETES),
    program!("late-receiver", late_receiver, COMPLETES),
    program!("closed-channel", closed_channel, COMPLETES),
    program!("late-notification", late_notification, COMPLETES),
    program!("kept-waker", kept_waker, COMPLETES),
    program!("late-unlock", late_unlock, COMPLETES),
    program!("late-child", late_child, COMPLETES),
    program!("late-thread", late_thread, COMPLETES),
    program!("late-answer", late_answer, COMPLETES),
    program!("hidden-timers", hidden_timers, COMPLETES),
    program!("blocking-call", blocking_call, COMPLETES),
    program!("busy-loop-that-yields", busy_loop_that_yields, COMPLETES),
    program!("long-poll", long_poll, COMPLETES),
    program!("slow-query", slow_query, COMPLETES),
    program!("locked-database", locked_database, COMPLETES),
    program!("an-error-got-over", an_error_got_over, COMPLETES),
    program!("a-panic-got-over", a_panic_got_over, COMPLETES),
    program!("a-panic-caught", a_panic_caught, COMPLETES),
    program!(
        "a-panic-beside-one-caught",
        a_panic_beside_one_caught,
        Expected {
            errors: Errors::swallowed(1),
            ..completes(&["swallowed-error"])
        }
    ),
    program!(
        "an-error-handed-on",
        an_error_handed_on,
        Expected {
            verdict: Verdict::Failed,
            errors: Errors::surfaced(1),
            ..COMPLETES
        }
    ),
];

/// The slot has the waker, and who fills it wakes the task.
async fn kept_waker(_job: Job) -> Result<(), BoxError> {
    let slot = Arc::new(std::sync::Mutex::new((None, None::<Waker>)));
    let other = Arc::clone(&slot);
    task::spawn(async move {
        sleep(A_WHILE).await;
        let (number, waker) = &mut *other.lock().expect("nobody panics");
        *number = Some(1);
        if let Some(waker) = waker.take() {
            waker.wake();
        }
    });
    poll_fn(|cx| {
        let (number, waker) = &mut *slot.lock().expect("nobody panics");
        *waker = Some(cx.waker().clone());
        number.take().map_or(Poll::Pending, Poll::Ready)
    })
    .await;
    Ok(())
}

async fn late_setter(_job: Job) -> Result<(), BoxError> {
    let mut done = Event::new("done");
    let setter = done.clone();
    task::spawn(async move {
        sleep(A_WHILE).await;
        setter.set();
    });
    done.wait().await;
    Ok(())
}

/// Nobody else has a handle, but it does not wait for ever.
async fn impatient_setter(_job: Job) -> Result<(), BoxError> {
    let mut done = Event::new("done");
    if timeout(A_WHILE, done.wait()).await.is_err() {
        done.set();
    }
    done.wait().await;
    Ok(())
}

async fn late_sender(_job: Job) -> Result<(), BoxError> {
    let (send, mut receive) = mpsc::channel(1);
    task::spawn(async move {
        sleep(A_WHILE).await;
        send.send(1).await
    });
    receive.recv().await.ok_or("nothing came")?;
    Ok(())
}

async fn closed_channel(_job: Job) -> Result<(), BoxError> {
    let (send, mut receive) = mpsc::channel::<u8>(1);
    let receiver = task::spawn(async move {
        while receive.recv().await.is_some() {}
        sleep(A_WHILE).await;
    });
    drop(send);
    receiver.await?;
    Ok(())
}

async fn late_receiver(_job: Job) -> Result<(), BoxError> {
    let (send, mut receive) = mpsc::channel(1);
    send.send(1).await?;
    task::spawn(async move {
        sleep(A_WHILE).await;
        while receive.recv().await.is_some() {}
    });
    send.send(2).await?;
    Ok(())
}

async fn late_notification(_job: Job) -> Result<(), BoxError> {
    let notify = Arc::new(Notify::new());
    let notifier = Arc::clone(&notify);
    task::spawn(async move {
        sleep(A_WHILE).await;
        notifier.notify_waiters();
    });
    notify.notified().await;
    Ok(())
}

async fn late_unlock(_job: Job) -> Result<(), BoxError> {
    let lock = Arc::new(Mutex::new(()));
    let held = Arc::clone(&lock).lock_owned().await;
    task::spawn(async move {
        sleep(A_WHILE).await;
        drop(held);
    });
    drop(lock.lock().await);
    Ok(())
}

async fn late_child(_job: Job) -> Result<(), BoxError> {
    let group = TaskGroup::new("group");
    let all = group.scope(async |group| {
        group.spawn("child", async {
            sleep(A_WHILE).await;
            Ok::<_, BoxError>(())
        })?;
        Ok(())
    });
    Ok(all.await?)
}

/// Nothing but a thread of its own, fast asleep, will wake the task.
async fn late_thread(_job: Job) -> Result<(), BoxError> {
    let (answer, answered) = oneshot::channel();
    thread::spawn(move || {
        thread::sleep(A_WHILE);
        answer.send(())
    });
    Ok(answered.await?)
}

async fn late_answer(_job: Job) -> Result<(), BoxError> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let mut client = TcpStream::connect(listener.local_addr()?).await?;
    let (server, _) = listener.accept().await?;
    let server = server.into_std()?;
    thread::spawn(move || {
        thread::sleep(A_WHILE);
        server.set_nonblocking(false)?;
        std::io::Write::write_all(&mut &server, b"hello")
    });
    client.flush().await?;
    client.read_exact(&mut [0; 5]).await?;
    Ok(())
}

/// Timers within a set of futures, and a lock that nobody releases, were it not for the first of them.
async fn hidden_timers(_job: Job) -> Result<(), BoxError> {
    let lock = Mutex::new(());
    let _held = lock.lock().await;
    tokio::select! {
        _ = lock.lock() => Err("it is held".into()),
        _ = join_all((0..40).map(|_| sleep(A_WHILE))) => Ok(()),
    }
}

async fn blocking_call(_job: Job) -> Result<(), BoxError> {
    task::spawn_blocking(|| thread::sleep(A_WHILE)).await?;
    Ok(())
}

async fn busy_loop_that_yields(_job: Job) -> Result<(), BoxError> {
    let started = Instant::now();
    while started.elapsed() < A_WHILE {
        task::yield_now().await;
    }
    Ok(())
}

async fn long_poll(_job: Job) -> Result<(), BoxError> {
    task::yield_now().await;
    let started = Instant::now();
    while started.elapsed() < A_WHILE {
        std::hint::spin_loop();
    }
    Ok(())
}

async fn slow_query(job: Job) -> Result<(), BoxError> {
    let mut db = job.database.connect().await?;
    let started = Instant::now();
    // Each several times as long as a program must be quiet, and on a busy machine not too long either.
    while started.elapsed() < A_WHILE {
        sqlx::query("WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n WHERE x < 100000) SELECT sum(x) FROM n")
            .execute(&mut db)
            .await?;
    }
    Ok(())
}

/// The second writer waits in the database's own busy handler, in short naps on a thread of the database.
async fn locked_database(job: Job) -> Result<(), BoxError> {
    const WRITE: &str = "UPDATE post SET url = url";
    let db = SqlitePool::connect_with(job.database.clone()).await?;
    let mut first = db.begin_with("BEGIN IMMEDIATE").await?;
    sqlx::query(WRITE).execute(&mut *first).await?;
    let second = task::spawn(async move { sqlx::query(WRITE).execute(&db).await });
    task::spawn_blocking(|| thread::sleep(A_WHILE)).await?;
    first.commit().await?;
    second.await??;
    Ok(())
}

#[instrument(err)]
async fn fails() -> Result<(), std::fmt::Error> {
    Err(std::fmt::Error)
}

async fn an_error_got_over(_job: Job) -> Result<(), BoxError> {
    let retrying = task::spawn(async {
        let _tried = fails().await;
        task::yield_now().await;
    });
    Ok(retrying.await?)
}

async fn a_panic_got_over(_job: Job) -> Result<(), BoxError> {
    let catching = task::spawn(async {
        let _caught = std::panic::catch_unwind(|| panic!("no harm done"));
        task::yield_now().await;
    });
    Ok(catching.await?)
}

/// It ends in the very poll in which it panicked, and all the same that was not its end.
async fn a_panic_caught(_job: Job) -> Result<(), BoxError> {
    let catching = task::spawn(async {
        let fails = AssertUnwindSafe(async { panic!("no harm done") });
        fails.catch_unwind().await.is_err()
    });
    if !catching.await? {
        return Err("nothing was caught".into());
    }
    // The task enters its own span again.
    let catching = task::spawn(async {
        let fails = || tracing::Span::current().in_scope(|| panic!("no harm done"));
        std::panic::catch_unwind(fails).is_err()
    });
    if !catching.await? {
        return Err("nothing was caught".into());
    }
    Ok(())
}

/// It catches the first one, and not the second.
async fn a_panic_beside_one_caught(_job: Job) -> Result<(), BoxError> {
    let failing: JoinHandle<()> = task::spawn(async {
        let _caught = std::panic::catch_unwind(|| panic!("no harm done"));
        panic!("harm done");
    });
    let _dropped = failing.await;
    Ok(())
}

async fn an_error_handed_on(_job: Job) -> Result<(), BoxError> {
    task::spawn(fails()).await??;
    Ok(())
}
