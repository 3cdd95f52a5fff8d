//! Programs that wait for descriptors, or for what has no end.

use std::process::Stdio;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::process::Command;

/// A child writes more than its pipe holds, and nobody reads that.
#[tokio::main]
pub async fn full_pipe() {
    let mut child = writer(200_000);
    crate::ready();
    child.wait().await.unwrap(); // waits: full_pipe
}

/// The near miss: a task reads what a child writes, and more may come.
#[tokio::main]
pub async fn read_pipe() {
    let mut child = Command::new("sh")
        .args(["-c", "echo one; exec sleep 3600"])
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let mut output = child.stdout.take().unwrap();
    let reads = tokio::spawn(async move {
        let mut all = Vec::new();
        output.read_to_end(&mut all).await // waits: reads
    });
    crate::ready();
    child.wait().await.unwrap(); // waits: read_pipe
    reads.await.unwrap().unwrap();
}

fn writer(bytes: u32) -> tokio::process::Child {
    Command::new("head")
        .args(["-c", &bytes.to_string(), "/dev/zero"])
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap()
}

/// Both ends of a connection wait for the other to begin.
#[tokio::main]
pub async fn both_ends() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (mut client, accepted) = tokio::join!(TcpStream::connect(address), listener.accept());
    let mut server = accepted.unwrap().0;
    let answers = tokio::spawn(async move {
        let mut request = [0; 4];
        server.read_exact(&mut request).await.unwrap(); // waits: answers
        server.write_all(&request).await.unwrap();
    });
    let mut greeting = [0; 4];
    crate::ready();
    let client = client.as_mut().unwrap();
    client.read_exact(&mut greeting).await.unwrap(); // waits: both_ends
    answers.await.unwrap();
}

/// A connection that the listener of the same program does not accept.
#[tokio::main]
pub async fn backlog() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let mut client = TcpStream::connect(address).await.unwrap();
    let mut greeting = [0; 4];
    crate::ready();
    client.read_exact(&mut greeting).await.unwrap(); // waits: backlog
    drop(listener);
}

/// The async main function returns, and a blocking thread goes on.
#[tokio::main]
pub async fn returned() {
    tokio::task::spawn_blocking(|| {
        crate::ready();
        std::io::stdin().read_line(&mut String::new()).unwrap(); // waits: returned
    });
}
