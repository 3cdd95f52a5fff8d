//! A server that takes connections, and says nothing.

use std::io;
use std::net::{SocketAddr, TcpListener};

/// Nobody accepts what comes to this listener. The system does, until somebody would.
pub(super) struct Server(TcpListener);

impl Server {
    pub(super) fn start() -> io::Result<Self> {
        TcpListener::bind("127.0.0.1:0").map(Self)
    }

    pub(super) fn address(&self) -> io::Result<SocketAddr> {
        self.0.local_addr()
    }
}
