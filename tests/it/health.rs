//! The example of a server with a health endpoint: a real process, with real connections.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use crate::examples::example;
use crate::explain::LONG;

struct Server {
    process: Child,
    address: String,
}

impl Server {
    fn start() -> Self {
        let mut command = Command::new(example("health"));
        let mut process = command.stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        let mut stdout = BufReader::new(process.stdout.take().unwrap());
        stdout.read_line(&mut line).unwrap();
        let address = line.trim_end().strip_prefix("listening on ").expect(&line);
        let address = address.to_owned();
        Self { process, address }
    }

    /// The whole answer.
    fn get(&self, path: &str) -> String {
        let mut stream = TcpStream::connect(&self.address).unwrap();
        let request =
            format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

#[test]
fn a_health_endpoint_tells_a_deadlock_from_a_server_that_is_idle() {
    const PAUSE: Duration = Duration::from_millis(200);
    let server = Server::start();
    for _ in 0..20 {
        let answer = server.get("/health");
        assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
        thread::sleep(PAUSE);
    }
    assert!(server.get("/transfer").ends_with("begun\n"));
    let begun = Instant::now();
    let answer = loop {
        let answer = server.get("/health");
        if answer.starts_with("HTTP/1.1 503 ") || begun.elapsed() > LONG {
            break answer;
        }
        thread::sleep(PAUSE);
    };
    assert!(answer.starts_with("HTTP/1.1 503 "), "{answer}");
    assert!(answer.contains("deadlock, a circular wait"), "{answer}");
    assert!(answer.contains("examples/health.rs:"), "{answer}");
}
