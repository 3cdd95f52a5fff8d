//! The program on a terminal.

use std::io::{Read, Write};
use std::path::Path;
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::{Duration, Instant};

use portable_pty::{Child, CommandBuilder, PtyPair, PtySize, native_pty_system};

use crate::unstuck::UNWANTED;

pub(crate) struct Pty {
    child: Box<dyn Child + Send + Sync>,
    pair: PtyPair,
    keyboard: Box<dyn Write + Send>,
    output: Receiver<Vec<u8>>,
    screen: Vec<u8>,
}

/// Longer than anything here takes on a busy machine.
const AT_MOST: Duration = Duration::from_mins(5);

impl Pty {
    pub(crate) fn run(arguments: &str, columns: u16) -> Self {
        Self::of(Path::new(env!("CARGO_BIN_EXE_unstuck")), arguments, columns)
    }

    pub(crate) fn of(program: &Path, arguments: &str, columns: u16) -> Self {
        let size = PtySize {
            rows: 50,
            cols: columns,
            ..PtySize::default()
        };
        let pair = native_pty_system().openpty(size).expect("a terminal");
        let mut command = CommandBuilder::new(program);
        command.args(arguments.split_whitespace());
        command.cwd(env!("CARGO_MANIFEST_DIR"));
        command.env("TERM", "xterm-256color");
        for name in UNWANTED {
            command.env_remove(name);
        }
        let child = pair.slave.spawn_command(command).expect("the program runs");

        let keyboard = pair.master.take_writer().expect("a writer");
        let mut reader = pair.master.try_clone_reader().expect("a reader");
        let (send, output) = mpsc::channel();
        thread::spawn(move || {
            let mut bytes = [0; 4096];
            // The end of the program is an error here, on Linux.
            while let Ok(read @ 1..) = reader.read(&mut bytes) {
                let _ = send.send(bytes[..read].to_vec());
            }
        });
        Self {
            child,
            pair,
            keyboard,
            output,
            screen: Vec::new(),
        }
    }

    /// Waits until `text` has been printed.
    pub(crate) fn wait_for(&mut self, text: &str) {
        let begun = Instant::now();
        while !String::from_utf8_lossy(&self.screen).contains(text) {
            let left = AT_MOST.saturating_sub(begun.elapsed());
            match self.output.recv_timeout(left) {
                Ok(bytes) => self.screen.extend(bytes),
                Err(why) => panic!(
                    "{why}: no `{text}` in {}",
                    String::from_utf8_lossy(&self.screen)
                ),
            }
        }
    }

    pub(crate) fn press(&mut self, keys: &str) {
        self.keyboard
            .write_all(keys.as_bytes())
            .expect("it is read");
    }

    /// Waits for the end: the exit code, and what is left on the screen once signs of progress have been
    /// painted over.
    pub(crate) fn finish(mut self) -> (i32, String) {
        let code = self.child.wait().expect("it ends").exit_code();
        drop((self.keyboard, self.pair));
        while let Ok(bytes) = self.output.recv_timeout(AT_MOST) {
            self.screen.extend(bytes);
        }
        let screen = String::from_utf8(self.screen).expect("it prints UTF-8");
        let lines = screen.split("\r\n");
        let lines: Vec<&str> = lines
            .map(|line| line.rsplit('\r').next().unwrap_or(line))
            .collect();
        (code.try_into().expect("it is small"), lines.join("\n"))
    }
}
