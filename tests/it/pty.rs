//! The program on a terminal.

use std::io::{Read, Write};
use std::path::Path;
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::{Duration, Instant};

use portable_pty::{Child, CommandBuilder, MasterPty, PtySize, native_pty_system};

use crate::unstuck::UNWANTED;

pub(crate) struct Pty {
    shell: Box<dyn Child + Send + Sync>,
    master: Box<dyn MasterPty + Send>,
    keyboard: Box<dyn Write + Send>,
    output: Receiver<Vec<u8>>,
    screen: Vec<u8>,
}

/// What runs the program. A user's shell outlives it, too: a terminal discards what was not read yet when its
/// session's leader ends, and when Ctrl+C or Ctrl+\ is pressed, unless `noflsh` is set.
///
/// The trap keeps the shell alive, and a program that it runs does not inherit that. `cat` ends with the terminal.
const SHELL: &str = r#"stty noflsh; trap : INT QUIT; "$@"; printf '\035%d\035' $?; exec cat"#;

/// Around the exit code that the shell prints. No program prints it.
const SEPARATOR: char = '\x1d';

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
        let mut command = CommandBuilder::new("sh");
        command.args(["-c", SHELL, "sh"]);
        command.arg(program);
        command.args(arguments.split_whitespace());
        command.cwd(env!("CARGO_MANIFEST_DIR"));
        command.env("TERM", "xterm-256color");
        for name in UNWANTED {
            command.env_remove(name);
        }
        let shell = pair.slave.spawn_command(command).expect("the shell runs");

        let master = pair.master;
        let keyboard = master.take_writer().expect("a writer");
        let mut reader = master.try_clone_reader().expect("a reader");
        let (send, output) = mpsc::channel();
        thread::spawn(move || {
            let mut bytes = [0; 4096];
            // The end of the shell is an error here, on Linux.
            while let Ok(read @ 1..) = reader.read(&mut bytes) {
                let _ = send.send(bytes[..read].to_vec());
            }
        });
        Self {
            shell,
            master,
            keyboard,
            output,
            screen: Vec::new(),
        }
    }

    /// Waits until `text` has been printed.
    pub(crate) fn wait_for(&mut self, text: &str) {
        self.wait_until(&format!("`{text}`"), |screen| screen.contains(text));
    }

    fn wait_until(&mut self, what: &str, is_there: impl Fn(&str) -> bool) {
        let begun = Instant::now();
        while !is_there(&String::from_utf8_lossy(&self.screen)) {
            let left = AT_MOST.saturating_sub(begun.elapsed());
            match self.output.recv_timeout(left) {
                Ok(bytes) => self.screen.extend(bytes),
                Err(why) => panic!(
                    "{why}: no {what} in {}",
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
        self.wait_until("end", |screen| screen.split(SEPARATOR).count() > 2);
        drop((self.keyboard, self.master));
        self.shell.wait().expect("it ends with its terminal");

        let screen = String::from_utf8(self.screen).expect("it prints UTF-8");
        let mut parts = screen.split(SEPARATOR);
        let (printed, code) = (parts.next().unwrap(), parts.next().unwrap());
        let lines: Vec<&str> = printed
            .split("\r\n")
            .map(|line| line.rsplit('\r').next().unwrap_or(line))
            .collect();
        (code.parse().expect("a code"), lines.join("\n"))
    }
}
