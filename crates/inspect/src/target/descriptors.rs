//! What Linux says of descriptors, in `/proc/PID/fd` and `/proc/PID/net`.

use std::cell::OnceCell;
use std::collections::BTreeSet;
use std::fs;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use crate::snapshot::{Child, Descriptor, OtherEnd, RefersTo, ThreadState, Transfer};
use crate::threads;

/// How many descriptors of a process are looked through for the other end of one.
const MOST: usize = 4096;

/// What these descriptors of a process refer to, a process id or `self`. Those that are closed meanwhile are left out.
pub(crate) fn read(process: &str, numbers: &BTreeSet<i32>) -> Vec<Descriptor> {
    let reader = Reader {
        process,
        all: OnceCell::new(),
        tcp: OnceCell::new(),
    };
    let read = |number: &i32| {
        Some(Descriptor {
            number: *number,
            refers_to: reader.refers_to(*number)?,
        })
    };
    numbers.iter().filter_map(read).collect()
}

struct Reader<'p> {
    process: &'p str,
    /// All descriptors of the process, and what they lead to.
    all: OnceCell<Vec<(i32, String)>>,
    tcp: OnceCell<Vec<TcpSocket>>,
}

struct TcpSocket {
    local: SocketAddr,
    peer: SocketAddr,
    listens: bool,
    inode: String,
}

impl Reader<'_> {
    fn refers_to(&self, number: i32) -> Option<RefersTo> {
        let link = link(self.process, number)?;
        let in_brackets = |kind: &str| link.strip_prefix(kind)?.strip_suffix(']');
        if let Some(inode) = in_brackets("socket:[") {
            return self.tcp(inode).or_else(|| self.unix(inode)).or_else(|| {
                let name = "socket".to_owned();
                Some(RefersTo::Other { name })
            });
        }
        if in_brackets("pipe:[").is_some() {
            let mut others = self.same(&link);
            others.retain(|other| *other != number);
            return Some(RefersTo::Pipe { others });
        }
        if link == "anon_inode:[pidfd]" {
            let info =
                fs::read_to_string(format!("/proc/{}/fdinfo/{number}", self.process)).ok()?;
            let id = info.lines().find_map(|line| line.strip_prefix("Pid:"))?;
            return Some(RefersTo::Process(self.child(id.trim().parse().ok()?)));
        }
        Some(RefersTo::Other { name: link })
    }

    /// The descriptors that lead to the same.
    fn same(&self, link: &str) -> Vec<i32> {
        let all = self.all.get_or_init(|| {
            let entries = fs::read_dir(format!("/proc/{}/fd", self.process));
            let entries = entries.into_iter().flatten().flatten().take(MOST);
            let numbers = entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
            let mut all: Vec<(i32, String)> = numbers
                .filter_map(|number| Some((number, self::link(self.process, number)?)))
                .collect();
            all.sort_unstable();
            all
        });
        let same = all.iter().filter(|(_, other)| other == link);
        same.map(|(number, _)| *number).collect()
    }

    fn tcp(&self, inode: &str) -> Option<RefersTo> {
        let sockets = self.tcp.get_or_init(|| {
            let files = ["tcp", "tcp6"].map(|it| format!("/proc/{}/net/{it}", self.process));
            let text = files
                .iter()
                .filter_map(|file| fs::read_to_string(file).ok());
            text.flat_map(|text| text.lines().skip(1).filter_map(parse).collect::<Vec<_>>())
                .collect()
        });
        let own = sockets.iter().find(|socket| socket.inode == inode)?;
        if own.listens {
            let local = own.local.to_string();
            return Some(RefersTo::TcpListener { local });
        }
        let descriptor = |socket: &TcpSocket| {
            let same = self.same(&format!("socket:[{}]", socket.inode));
            same.first().copied()
        };
        let is_peer = |it: &&TcpSocket| !it.listens && (it.local, it.peer) == (own.peer, own.local);
        let is_listener = |it: &&TcpSocket| {
            let is_any = it.local.ip().is_unspecified() && it.local.port() == own.peer.port();
            it.listens && (it.local == own.peer || is_any)
        };
        let peer = sockets.iter().find(is_peer);
        let listener = sockets.iter().filter(is_listener).find_map(descriptor);
        Some(RefersTo::TcpStream {
            local: own.local.to_string(),
            peer: own.peer.to_string(),
            other_end: match (peer.and_then(descriptor), listener) {
                (Some(descriptor), _) => OtherEnd::Descriptor(descriptor),
                // No descriptor of any process has an end that waits to be accepted.
                (None, Some(listener)) if peer.is_some_and(|it| it.inode == "0") => {
                    OtherEnd::Backlog(listener)
                }
                _ => OtherEnd::Elsewhere,
            },
        })
    }

    fn unix(&self, inode: &str) -> Option<RefersTo> {
        let text = fs::read_to_string(format!("/proc/{}/net/unix", self.process)).ok()?;
        let mut lines = text.lines().skip(1);
        let path = lines.find_map(|line| {
            let mut fields = line.split_whitespace().skip(6);
            (fields.next()? == inode).then(|| fields.next().map(ToOwned::to_owned))
        });
        path.map(|path| RefersTo::UnixSocket { path })
    }

    fn child(&self, id: u32) -> Child {
        let process = id.to_string();
        let name = fs::read_to_string(format!("/proc/{id}/comm")).unwrap_or_default();
        let threads = threads::threads(&process).unwrap_or_default();
        let transfer = threads.iter().find_map(|thread| {
            let call = thread
                .system_call
                .filter(|_| thread.state == ThreadState::Sleeping)?;
            let writes = match call.number {
                READ | READV => false,
                WRITE | WRITEV => true,
                _ => return None,
            };
            let descriptor = call.first_argument;
            let link = link(&process, i32::try_from(descriptor).ok()?)?;
            Some(Transfer {
                writes,
                descriptor,
                others: if link.starts_with("pipe:[") {
                    self.same(&link)
                } else {
                    Vec::new()
                },
            })
        });
        Child {
            id,
            name: name.trim_end().to_owned(),
            transfer,
        }
    }
}

/// System calls on x86-64.
const READ: u64 = 0;
const WRITE: u64 = 1;
const READV: u64 = 19;
const WRITEV: u64 = 20;

fn link(process: &str, number: i32) -> Option<String> {
    let link = fs::read_link(format!("/proc/{process}/fd/{number}")).ok()?;
    Some(link.to_string_lossy().into_owned())
}

/// A line of `/proc/PID/net/tcp` or `tcp6`.
fn parse(line: &str) -> Option<TcpSocket> {
    const LISTENS: &str = "0A";
    let fields: Vec<&str> = line.split_whitespace().collect();
    Some(TcpSocket {
        local: parse_address(fields.get(1)?)?,
        peer: parse_address(fields.get(2)?)?,
        listens: *fields.get(3)? == LISTENS,
        inode: (*fields.get(9)?).to_owned(),
    })
}

/// `0100007F:1F90`: words of four bytes as this machine has them in memory, and the port.
fn parse_address(text: &str) -> Option<SocketAddr> {
    let (address, port) = text.split_once(':')?;
    let port = u16::from_str_radix(port, 16).ok()?;
    let words = (0..address.len() / 8).map(|word| {
        let digits = address.get(8 * word..8 * word + 8)?;
        Some(u32::from_str_radix(digits, 16).ok()?.to_le_bytes())
    });
    let bytes: Vec<u8> = words.collect::<Option<Vec<[u8; 4]>>>()?.concat();
    let address = if let Ok(bytes) = <[u8; 4]>::try_from(&bytes[..]) {
        IpAddr::V4(Ipv4Addr::from(bytes))
    } else {
        IpAddr::V6(Ipv6Addr::from(<[u8; 16]>::try_from(&bytes[..]).ok()?))
    };
    Some(SocketAddr::new(address.to_canonical(), port))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_socket_has_addresses_as_they_are_written() {
        let line = "   0: 0100007F:1F90 0200000A:0050 01 00000000:00000000 00:00000000 00000000     0        0 4711 1 0";
        let socket = parse(line).expect("a socket");
        assert_eq!(socket.local.to_string(), "127.0.0.1:8080");
        assert_eq!(socket.peer.to_string(), "10.0.0.2:80");
        assert!(!socket.listens);
        assert_eq!(socket.inode, "4711");
        let v6 = "00000000000000000000000001000000:0050";
        assert_eq!(parse_address(v6).unwrap().to_string(), "[::1]:80");
        let mapped = "0000000000000000FFFF00000100007F:0050";
        assert_eq!(parse_address(mapped).unwrap().to_string(), "127.0.0.1:80");
        assert!(parse("  sl  local_address rem_address   st").is_none());
    }
}
