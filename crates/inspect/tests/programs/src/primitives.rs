//! A task for each primitive.

use std::future::pending;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::AsyncReadExt;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{
    Barrier, Mutex, Notify, OnceCell, RwLock, Semaphore, broadcast, mpsc, oneshot, watch,
};
use tokio::task::JoinHandle;

#[tokio::main]
pub async fn main() {
    let lock = Arc::new(Mutex::new(0));
    let _guard = lock.lock().await;
    tokio::spawn(mutex(lock.clone()));
    tokio::spawn(owned_mutex(lock.clone()));

    let table = Arc::new(RwLock::new(0));
    let _writer = table.write().await;
    tokio::spawn(reader(table.clone()));
    tokio::spawn(writer(table.clone()));

    let permits = Arc::new(Semaphore::new(1));
    tokio::spawn(semaphore(permits));

    let (_sender, receiver) = mpsc::channel::<u8>(1);
    tokio::spawn(receive(receiver));
    let (_unbounded, receiver) = mpsc::unbounded_channel::<u8>();
    tokio::spawn(receive_unbounded(receiver));
    let (full, _full_receiver) = mpsc::channel::<u8>(1);
    full.send(1).await.unwrap();
    tokio::spawn(send(full.clone()));
    tokio::spawn(closed(full));

    let (_reply, answer) = oneshot::channel::<u8>();
    tokio::spawn(ask(answer));
    let (_news, listener) = broadcast::channel::<u8>(4);
    tokio::spawn(listen(listener));
    let (_setting, settings) = watch::channel(0);
    tokio::spawn(watch_changes(settings));

    let bell = Arc::new(Notify::new());
    tokio::spawn(notify(bell.clone()));
    tokio::spawn(notify_owned(bell.clone()));
    tokio::spawn(barrier(Arc::new(Barrier::new(2))));

    let cell = Arc::new(OnceCell::new());
    let started = Arc::new(Notify::new());
    tokio::spawn(initialize(cell.clone(), started.clone()));
    started.notified().await;
    tokio::spawn(initialized(cell));

    tokio::spawn(sleep());
    tokio::spawn(interval());
    let child = tokio::spawn(child());
    tokio::spawn(join(child));

    let server = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = server.local_addr().unwrap();
    let client = TcpStream::connect(address).await.unwrap();
    let (_peer, _) = server.accept().await.unwrap();
    tokio::spawn(accept(server));
    tokio::spawn(read(client));

    crate::ready();
    pending::<()>().await; // waits: main
}

async fn mutex(lock: Arc<Mutex<u8>>) {
    *lock.lock().await += 1; // waits: mutex
}

async fn owned_mutex(lock: Arc<Mutex<u8>>) {
    *lock.lock_owned().await += 1; // waits: owned_mutex
}

async fn reader(table: Arc<RwLock<u8>>) -> u8 {
    *table.read().await // waits: reader
}

async fn writer(table: Arc<RwLock<u8>>) {
    *table.write().await += 1; // waits: writer
}

async fn semaphore(permits: Arc<Semaphore>) {
    let _two = permits.acquire_many(2).await; // waits: semaphore
}

async fn receive(mut receiver: mpsc::Receiver<u8>) -> Option<u8> {
    receiver.recv().await // waits: receive
}

async fn receive_unbounded(mut receiver: mpsc::UnboundedReceiver<u8>) -> Option<u8> {
    receiver.recv().await // waits: receive_unbounded
}

async fn send(full: mpsc::Sender<u8>) {
    full.send(2).await.unwrap(); // waits: send
}

async fn closed(full: mpsc::Sender<u8>) {
    full.closed().await; // waits: closed
}

async fn ask(answer: oneshot::Receiver<u8>) -> u8 {
    answer.await.unwrap() // waits: ask
}

async fn listen(mut listener: broadcast::Receiver<u8>) -> u8 {
    listener.recv().await.unwrap() // waits: listen
}

async fn watch_changes(mut settings: watch::Receiver<u8>) {
    settings.changed().await.unwrap(); // waits: watch_changes
}

async fn notify(bell: Arc<Notify>) {
    bell.notified().await; // waits: notify
}

async fn notify_owned(bell: Arc<Notify>) {
    bell.notified_owned().await; // waits: notify_owned
}

async fn barrier(barrier: Arc<Barrier>) {
    barrier.wait().await; // waits: barrier
}

async fn initialize(cell: Arc<OnceCell<u8>>, started: Arc<Notify>) {
    let never = || {
        started.notify_one();
        pending()
    };
    cell.get_or_init(never).await; // waits: initialize
}

async fn initialized(cell: Arc<OnceCell<u8>>) {
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

async fn accept(server: TcpListener) {
    server.accept().await.unwrap(); // waits: accept
}

async fn read(mut client: TcpStream) {
    let mut buffer = [0; 8];
    client.read(&mut buffer).await.unwrap(); // waits: read
}
