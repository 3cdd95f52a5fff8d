//! What descriptors refer to.

use serde::{Deserialize, Serialize};

/// A descriptor that something in the process waits for, as the system tells.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Descriptor {
    /// Its number.
    pub number: i32,
    /// What it refers to.
    pub refers_to: RefersTo,
}

/// What a descriptor refers to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
#[non_exhaustive]
pub enum RefersTo {
    /// An end of a pipe.
    Pipe {
        /// Other descriptors of this process for the same pipe. They may be for the same end of it.
        others: Vec<i32>,
    },
    /// A TCP socket that listens.
    TcpListener {
        /// Its address.
        local: String,
    },
    /// A TCP connection.
    TcpStream {
        /// Its own address.
        local: String,
        /// That of the peer.
        peer: String,
        /// Whose the other end is.
        other_end: OtherEnd,
    },
    /// A Unix socket.
    UnixSocket {
        /// The path that it is bound to.
        path: Option<String>,
    },
    /// A process, until it ends.
    Process(Child),
    /// Something else, as the system calls it.
    Other {
        /// The name.
        name: String,
    },
}

/// Whose the other end of a connection is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum OtherEnd {
    /// This descriptor of the same process.
    Descriptor(i32),
    /// Nobody's yet: the listener with this descriptor of the same process has not accepted it.
    Backlog(i32),
    /// Of another process, or not known.
    Elsewhere,
}

/// A child process.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Child {
    /// Its id.
    pub id: u32,
    /// Its name, cut to 15 bytes by the system. Empty if it has ended.
    pub name: String,
    /// What it waits for, if one of its threads sleeps in a read or a write.
    pub transfer: Option<Transfer>,
}

/// A read or a write in which a child process sleeps.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Transfer {
    /// It writes. Otherwise it reads.
    pub writes: bool,
    /// The child's descriptor.
    pub descriptor: u64,
    /// The descriptors of this process for the same pipe. Empty if it is no pipe, or of others.
    pub others: Vec<i32>,
}
