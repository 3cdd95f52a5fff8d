//! Small programs that watch themselves with `unstuck::watch`, and one under a guard, for the tests to look at from
//! outside.
//!
//! Those that are not stuck wait longer than the watching takes to read them, and then end.

use std::sync::Arc;
use std::thread;
use std::time::Duration;

use tokio::io::AsyncReadExt as _;
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Runtime;
use tokio::sync::{Barrier, Mutex, mpsc, oneshot};
use tokio::task::{self, JoinHandle};
use tokio::time::{interval, sleep};

const LONG: Duration = Duration::from_secs(3);

async fn transfer(from: Arc<Mutex<u32>>, to: Arc<Mutex<u32>>, both: Arc<Barrier>) {
    let _from = from.lock().await;
    both.wait().await;
    let _to = to.lock().await;
}

/// Two tasks that wait for each other's lock.
fn deadlock() -> [JoinHandle<()>; 2] {
    let (one, other) = (Arc::default(), Arc::default());
    let both = Arc::new(Barrier::new(2));
    [
        tokio::spawn(transfer(
            Arc::clone(&one),
            Arc::clone(&other),
            Arc::clone(&both),
        )),
        tokio::spawn(transfer(other, one, both)),
    ]
}

async fn deadlocked() {
    for task in deadlock() {
        let _ = task.await;
    }
}

/// The rest of the program goes on.
async fn deadlocked_in_part() {
    // While their handles were kept, the tasks could be aborted.
    drop(deadlock());
    let mut ticks = interval(Duration::from_millis(10));
    loop {
        ticks.tick().await;
    }
}

/// It is no longer watched when it gets stuck.
async fn deadlocked_unwatched() {
    let _tasks = deadlock();
    sleep(LONG).await;
}

async fn waits_for_a_thread() {
    let (send, receive) = oneshot::channel();
    thread::spawn(move || {
        thread::sleep(LONG);
        send.send(()).expect("it is waited for");
    });
    receive.await.expect("it is sent");
}

async fn waits_for_a_blocking_task() {
    let (send, mut receive) = mpsc::channel(1);
    task::spawn_blocking(move || {
        thread::sleep(LONG);
        send.blocking_send(()).expect("it is waited for");
    });
    receive.recv().await.expect("it is sent");
}

async fn waits_for_a_timer() {
    let lock = Arc::new(Mutex::new(0));
    let locked = Arc::clone(&lock).lock_owned().await;
    tokio::spawn(async move {
        sleep(LONG).await;
        drop(locked);
    });
    *lock.lock().await += 1;
}

async fn waits_for_a_socket() {
    let listener = TcpListener::bind("127.0.0.1:0")
        .await
        .expect("a port is free");
    let address = listener.local_addr().expect("it has one");
    thread::spawn(move || {
        let stream = std::net::TcpStream::connect(address).expect("it listens");
        thread::sleep(LONG);
        drop(stream);
    });
    let (mut stream, _): (TcpStream, _) = listener.accept().await.expect("it connects");
    assert_eq!(stream.read(&mut [0]).await.expect("it is closed"), 0);
}

async fn waits_for_another_runtime() {
    let (send, receive) = oneshot::channel();
    let other = Runtime::new().expect("a runtime can be built");
    other.spawn(async move {
        sleep(LONG).await;
        send.send(()).expect("it is waited for");
    });
    receive.await.expect("it is sent");
    other.shutdown_background();
}

async fn run(program: &str) {
    match program {
        "deadlock" => deadlocked().await,
        "deadlock-in-part" => deadlocked_in_part().await,
        "deadlock-unwatched" => deadlocked_unwatched().await,
        "thread" => waits_for_a_thread().await,
        "blocking-task" => waits_for_a_blocking_task().await,
        "timer" => waits_for_a_timer().await,
        "socket" => waits_for_a_socket().await,
        "other-runtime" => waits_for_another_runtime().await,
        other => panic!("there is no program {other}"),
    }
}

#[tokio::main]
async fn watched(program: &str) {
    let watcher = unstuck::watch();
    if program == "deadlock-unwatched" {
        drop(watcher);
        return run(program).await;
    }
    run(program).await;
}

fn main() {
    let program = std::env::args().nth(1).expect("a program is named");
    if program != "guarded-deadlock" {
        return watched(&program);
    }
    let guarded = unstuck::run(async {
        println!("ready");
        deadlocked().await;
    });
    guarded.expect("it is not in a runtime");
}
