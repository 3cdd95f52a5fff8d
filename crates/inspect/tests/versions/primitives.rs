//! A task for each primitive, on each kind of runtime. The folders beside it build it with one version of Tokio each.
//!
//! Lines with `// waits: NAME` are where tests expect somebody to wait.

use std::future::pending;
use std::mem::forget;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::runtime::Builder;
use tokio::sync::{
    Barrier, Mutex, Notify, OnceCell, RwLock, Semaphore, broadcast, mpsc, oneshot, watch,
};
use tokio::task::{JoinHandle, JoinSet, LocalSet};

fn main() {
    // The tests make sure of it: programs must not need the flag.
    println!("tokio_unstable: {}", cfg!(tokio_unstable));
    std::thread::spawn(one_thread);
    let mut several_threads = Builder::new_multi_thread();
    let several_threads = several_threads.worker_threads(1).max_blocking_threads(1);
    let runtime = several_threads.enable_all().build().unwrap();
    runtime.block_on(several_threads_main());
}

fn one_thread() {
    let runtime = Builder::new_current_thread().build().unwrap();
    let local = LocalSet::new();
    local.spawn_local(on_local_set());
    runtime.spawn(on_current_thread());
    local.block_on(&runtime, local_set_main());
}

async fn local_set_main() {
    pending::<()>().await; // waits: local_set_main
}

async fn on_local_set() {
    pending::<()>().await; // waits: on_local_set
}

async fn on_current_thread() {
    pending::<()>().await; // waits: on_current_thread
}

async fn several_threads_main() {
    let lock = Arc::new(Mutex::new(()));
    let _guard = lock.lock().await;
    tokio::spawn(mutex(lock.clone()));
    tokio::spawn(owned_mutex(lock.clone()));

    let table = Arc::new(RwLock::new(()));
    let _writer = table.write().await;
    tokio::spawn(reader(table.clone()));
    tokio::spawn(writer(table.clone()));
    tokio::spawn(semaphore(Arc::new(Semaphore::new(1))));

    let (full, _receiver) = mpsc::channel(1);
    full.send(()).await.unwrap();
    tokio::spawn(send(full));
    let (_sender, receiver) = mpsc::channel(1);
    tokio::spawn(receive(receiver));
    let (_reply, answer) = oneshot::channel();
    tokio::spawn(ask(answer));
    let (_news, listener) = broadcast::channel(1);
    tokio::spawn(listen(listener));
    let (_setting, settings) = watch::channel(());
    tokio::spawn(watch_changes(settings));

    tokio::spawn(notify(Arc::new(Notify::new())));
    tokio::spawn(barrier(Arc::new(Barrier::new(2))));
    let cell = Arc::new(OnceCell::new());
    tokio::spawn(initialize(cell.clone()));
    tokio::spawn(initialized(cell));
    tokio::spawn(sleep());
    tokio::spawn(interval());
    tokio::spawn(join(tokio::spawn(child())));
    tokio::spawn(join_set());
    tokio::spawn(selects());
    tokio::spawn(accept(TcpListener::bind("127.0.0.1:0").await.unwrap()));

    // The second one is queued: there is one thread.
    let (begun, begins) = oneshot::channel();
    tokio::task::spawn_blocking(|| {
        begun.send(()).unwrap();
        loop {
            std::thread::park();
        }
    });
    begins.await.unwrap();
    tokio::task::spawn_blocking(queued);

    println!("ready");
    pending::<()>().await; // waits: several_threads_main
}

fn queued() {}

async fn mutex(lock: Arc<Mutex<()>>) {
    forget(lock.lock().await); // waits: mutex
}

async fn owned_mutex(lock: Arc<Mutex<()>>) {
    forget(lock.lock_owned().await); // waits: owned_mutex
}

async fn reader(table: Arc<RwLock<()>>) {
    forget(table.read().await); // waits: reader
}

async fn writer(table: Arc<RwLock<()>>) {
    forget(table.write().await); // waits: writer
}

async fn semaphore(permits: Arc<Semaphore>) {
    let _one = permits.acquire().await.unwrap();
    forget(permits.acquire().await); // waits: semaphore
}

async fn send(full: mpsc::Sender<()>) {
    full.send(()).await.unwrap(); // waits: send
}

async fn receive(mut receiver: mpsc::Receiver<()>) {
    receiver.recv().await; // waits: receive
}

async fn ask(answer: oneshot::Receiver<()>) {
    answer.await.unwrap(); // waits: ask
}

async fn listen(mut listener: broadcast::Receiver<()>) {
    listener.recv().await.unwrap(); // waits: listen
}

async fn watch_changes(mut settings: watch::Receiver<()>) {
    settings.changed().await.unwrap(); // waits: watch_changes
}

async fn notify(bell: Arc<Notify>) {
    bell.notified().await; // waits: notify
}

async fn barrier(barrier: Arc<Barrier>) {
    barrier.wait().await; // waits: barrier
}

async fn initialize(cell: Arc<OnceCell<()>>) {
    cell.get_or_init(pending).await; // waits: initialize
}

async fn initialized(cell: Arc<OnceCell<()>>) {
    cell.get_or_init(pending).await; // waits: initialized
}

async fn sleep() {
    tokio::time::sleep(Duration::from_secs(3600)).await; // waits: sleep
}

async fn interval() {
    let mut ticks = tokio::time::interval(Duration::from_secs(3600));
    ticks.tick().await;
    ticks.tick().await; // waits: interval
}

async fn child() {
    pending::<()>().await; // waits: child
}

async fn join(child: JoinHandle<()>) {
    child.await.unwrap(); // waits: join
}

async fn join_set() {
    let mut members = JoinSet::new();
    members.spawn(member());
    members.join_next().await; // waits: join_set
}

async fn member() {
    pending::<()>().await; // waits: member
}

async fn selects() {
    tokio::select! {
        () = child() => {}
        () = sleep() => {}
    }
}

async fn accept(server: TcpListener) {
    server.accept().await.unwrap(); // waits: accept
}
