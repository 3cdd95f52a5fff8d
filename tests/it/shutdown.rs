//! The example of a server that shuts down: a real process, with real connections and signals.

use std::io::{BufRead, BufReader, Lines, Read, Write};
use std::net::TcpStream;
use std::process::{Child, ChildStdout, Command, Stdio};

use crate::examples::example;

struct Server {
    process: Child,
    lines: Lines<BufReader<ChildStdout>>,
    address: String,
}

impl Server {
    fn start() -> Self {
        let mut command = Command::new(example("shutdown"));
        let mut process = command.stdout(Stdio::piped()).spawn().unwrap();
        let stdout = process.stdout.take().unwrap();
        let mut server = Self {
            process,
            lines: BufReader::new(stdout).lines(),
            address: String::new(),
        };
        let line = server.line();
        let address = line.strip_prefix("listening on ").expect(&line);
        address.clone_into(&mut server.address);
        server
    }

    fn line(&mut self) -> String {
        self.lines.next().expect("it goes on").unwrap()
    }

    /// Begins to be answered.
    fn get(&mut self, path: &str) -> TcpStream {
        let mut stream = TcpStream::connect(&self.address).unwrap();
        write!(stream, "GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n").unwrap();
        assert_eq!(self.line(), "answering");
        stream
    }

    fn send(&mut self, signal: &str) {
        let pid = self.process.id().to_string();
        let sent = Command::new("kill").args(["-s", signal, &pid]).status();
        assert!(sent.unwrap().success());
        assert_eq!(self.line(), "shutting down");
    }

    fn has_ended(&mut self) {
        assert_eq!(self.line(), "the server has ended");
        assert!(self.process.wait().unwrap().success());
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn rest(mut stream: TcpStream) -> String {
    let mut text = String::new();
    let _ = stream.read_to_string(&mut text);
    text
}

#[test]
fn what_a_server_is_answering_when_a_signal_comes_is_answered_and_nothing_new() {
    for signal in ["INT", "TERM"] {
        let mut server = Server::start();
        let answered = server.get("/slow");
        server.send(signal);
        let answer = rest(answered);
        assert!(answer.ends_with("sent after a second\n"), "{answer}");
        server.has_ended();
        assert!(TcpStream::connect(&server.address).is_err());
    }
}

#[test]
fn a_second_signal_ends_a_server_that_would_answer_for_ever() {
    let mut server = Server::start();
    let never = server.get("/never");
    server.send("TERM");
    server.send("INT");
    server.has_ended();
    assert_eq!(rest(never), "");
}

#[test]
fn a_server_that_answers_nobody_ends_at_once() {
    let mut server = Server::start();
    server.send("TERM");
    server.has_ended();
}
