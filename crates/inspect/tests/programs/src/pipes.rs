//! Pipes in memory.

use std::future::pending;
use std::thread;
use std::time::Duration;

use tokio::io::{
    AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader, DuplexStream,
    SimplexStream, WriteHalf, duplex, simplex, split,
};
use tokio::sync::oneshot;

const HOUR: Duration = Duration::from_secs(3600);
const SIZE: usize = 8;
const TOO_MUCH: &[u8] = &[0; 2 * SIZE];

/// Nobody writes or reads what is waited for.
#[tokio::main]
pub async fn main() {
    let (near, far) = duplex(SIZE);
    tokio::spawn(asks(near));
    tokio::spawn(answers(far));

    tokio::spawn(fills());

    let (near, far) = duplex(SIZE);
    let (done, is_done) = oneshot::channel();
    tokio::spawn(uploads(near, done));
    tokio::spawn(stores(far, is_done));

    tokio::spawn(listens());
    crate::ready();
    pending::<()>().await;
}

/// Each waits for the other to begin.
async fn asks(stream: DuplexStream) {
    let mut lines = BufReader::new(stream).lines();
    lines.next_line().await.ok(); // waits: asks
}

async fn answers(mut stream: DuplexStream) {
    stream.read_u8().await.ok(); // waits: answers
}

/// The other end is in the hands of the one who waits for room.
async fn fills() {
    let (mut near, far) = duplex(SIZE);
    near.write_all(TOO_MUCH).await.ok(); // waits: fills
    drop(far);
}

/// Its reader wants to know that all is written before it reads any.
async fn uploads(stream: DuplexStream, done: oneshot::Sender<()>) {
    let (reader, mut writer) = split(stream);
    writer.write_all(TOO_MUCH).await.ok(); // waits: uploads
    done.send(()).ok();
    drop(reader);
}

async fn stores(mut stream: DuplexStream, is_done: oneshot::Receiver<()>) {
    is_done.await.ok(); // waits: stores
    stream.read_u8().await.ok();
}

/// The end of the writing half does not close the pipe.
async fn listens() {
    let (mut reader, writer) = simplex(SIZE);
    drop(writer);
    reader.read_u8().await.ok(); // waits: listens
}

/// The other ends are with tasks that sleep first, or with a thread.
#[tokio::main]
pub async fn in_use() {
    let (near, far) = duplex(SIZE);
    tokio::spawn(answers(near));
    tokio::spawn(writes_later(far));

    let (near, far) = duplex(SIZE);
    tokio::spawn(overflows(near));
    tokio::spawn(reads_later(far));

    let (mut reader, writer) = simplex(SIZE);
    thread::spawn(|| in_thread(writer));
    tokio::spawn(async move { reader.read_u8().await });
    crate::ready();
    pending::<()>().await;
}

async fn overflows(mut stream: DuplexStream) {
    stream.write_all(TOO_MUCH).await.ok();
}

async fn writes_later(stream: DuplexStream) {
    let (_reader, mut writer) = split(stream);
    tokio::time::sleep(HOUR).await;
    writer.write_u8(1).await.ok();
}

async fn reads_later(mut stream: DuplexStream) {
    tokio::time::sleep(HOUR).await;
    stream.read_u8().await.ok();
}

fn in_thread(writer: WriteHalf<SimplexStream>) {
    thread::sleep(HOUR);
    drop(writer);
}
