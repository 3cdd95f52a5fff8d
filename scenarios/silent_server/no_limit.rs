//! Asks a server for a page, and reads what it answers.

use std::io;
use std::net::SocketAddr;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use unstuck::BoxError;
use unstuck::demo::Job;

use super::server::Server;

pub(super) async fn main(_job: Job) -> Result<(), BoxError> {
    let server = Server::start()?;
    get(server.address()?).await?;
    Ok(())
}

async fn get(server: SocketAddr) -> io::Result<String> {
    let mut connection = TcpStream::connect(server).await?;
    connection.write_all(b"GET / HTTP/1.0\r\n\r\n").await?;
    let mut answer = String::new();
    connection.read_to_string(&mut answer).await?;
    Ok(answer)
}
