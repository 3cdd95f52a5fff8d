//! The same, but the answer has to be there within a limit.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;
use unstuck::BoxError;
use unstuck::demo::Job;

use super::server::Server;

const LIMIT: Duration = Duration::from_millis(500);

pub(super) async fn main(_job: Job) -> Result<(), BoxError> {
    let server = Server::start()?;
    timeout(LIMIT, get(server.address()?)).await??;
    Ok(())
}

async fn get(server: SocketAddr) -> io::Result<String> {
    let mut connection = TcpStream::connect(server).await?;
    connection.write_all(b"GET / HTTP/1.0\r\n\r\n").await?;
    let mut answer = String::new();
    connection.read_to_string(&mut answer).await?;
    Ok(answer)
}
