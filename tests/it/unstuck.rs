//! Runs the built program, and takes out of its output what is different each time.

#[cfg(tokio_unstable)]
use std::iter;
#[cfg(tokio_unstable)]
use std::panic::resume_unwind;
use std::path::Path;
use std::process::{Command, Stdio};
#[cfg(tokio_unstable)]
use std::sync::Mutex;
#[cfg(tokio_unstable)]
use std::thread;
use std::time::Duration;

use tokio::runtime::Builder;
use tokio::time::timeout;

/// The program, about to be run.
pub(crate) struct Unstuck(Command);

/// What a run of it gave.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

/// Variables that change what is printed, and that whoever runs the tests may have set.
pub(crate) const UNWANTED: [&str; 7] = [
    "CARGO",
    "CLICOLOR",
    "CLICOLOR_FORCE",
    "NO_COLOR",
    "COLUMNS",
    "FORCE_HYPERLINK",
    "RUST_BACKTRACE",
];

impl Unstuck {
    pub(crate) fn new(arguments: &str) -> Self {
        Self::of(Path::new(env!("CARGO_BIN_EXE_unstuck")), arguments)
    }

    pub(crate) fn of(program: &Path, arguments: &str) -> Self {
        let mut command = Command::new(program);
        command.args(arguments.split_whitespace());
        command.current_dir(env!("CARGO_MANIFEST_DIR"));
        for name in UNWANTED {
            command.env_remove(name);
        }
        Self(command)
    }

    /// Arguments that have spaces.
    #[cfg(unix)]
    pub(crate) fn args(mut self, arguments: &[&str]) -> Self {
        self.0.args(arguments);
        self
    }

    #[cfg(any(tokio_unstable, unix))]
    pub(crate) fn env(mut self, name: &str, value: &str) -> Self {
        self.0.env(name, value);
        self
    }

    /// # Panics
    ///
    /// If it hangs. It is killed then.
    #[track_caller]
    pub(crate) fn run(self) -> Ran {
        const LONG: Duration = Duration::from_mins(5);
        let asked = format!("{:?}", self.0);
        let mut command = tokio::process::Command::from(self.0);
        command.stdin(Stdio::null()).kill_on_drop(true);
        let runtime = Builder::new_current_thread().enable_all().build();
        let output = runtime
            .expect("a runtime can be built")
            .block_on(async { timeout(LONG, command.output()).await })
            .unwrap_or_else(|_| panic!("{asked} has not ended after {LONG:?}"))
            .expect("the program runs");
        let text = |bytes| String::from_utf8(bytes).expect("it prints UTF-8");
        Ran {
            code: output.status.code().unwrap_or(-1),
            stdout: text(output.stdout),
            stderr: text(output.stderr),
        }
    }
}

impl Ran {
    #[track_caller]
    pub(crate) fn succeeded(self) -> Self {
        assert_eq!(self.code, 0, "{self:#?}");
        self
    }

    /// All of it, for a snapshot.
    pub(crate) fn transcript(&self) -> String {
        let Self {
            code,
            stdout,
            stderr,
        } = self;
        format!("exit code: {code}\n--- stdout\n{stdout}--- stderr\n{stderr}")
    }
}

/// Maps each item on one of so many threads. The results come in no particular order.
#[cfg(tokio_unstable)]
pub(crate) fn several_at_once<T: Send, R: Send>(
    threads: usize,
    items: impl Iterator<Item = T> + Send,
    map: impl Fn(T) -> R + Sync,
) -> Vec<R> {
    let items = Mutex::new(items);
    let next = || items.lock().expect("no iterator panics").next();
    let map_some = || iter::from_fn(|| next().map(&map)).collect::<Vec<R>>();
    thread::scope(|scope| {
        let threads: Vec<_> = (0..threads).map(|_| scope.spawn(map_some)).collect();
        let mapped = threads.into_iter().map(thread::ScopedJoinHandle::join);
        let mapped = mapped.map(|some| some.unwrap_or_else(|panic| resume_unwind(panic)));
        mapped.flatten().collect()
    })
}

/// Compares with a snapshot. The one place that says what is different each time.
#[track_caller]
pub(crate) fn assert_snapshot(name: &str, text: &str) {
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path("../../snapshots");
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    // As long as what it stands for, so that columns stay where they are.
    settings.add_filter(r"\b\d+\.\d\d s\b", "0.00 s");
    settings.add_filter(r#""(elapsed|quiet|waits|due)_ms": \d+"#, r#""${1}_ms": 0"#);
    settings.add_filter(r"\S*/unstuck-\w{6}/", "[folder]/");
    settings.add_filter(r"--path [^\s`]+", "--path [folder]");
    settings.bind(|| insta::assert_snapshot!(name, text));
}

/// The text with all durations the same, as they differ each time.
#[cfg(tokio_unstable)]
pub(crate) fn without_durations(text: &str) -> String {
    let mut parts = text.split(" s").peekable();
    let mut without = String::new();
    while let Some(part) = parts.next() {
        let is_followed = parts.peek().is_some();
        let number = part.trim_end_matches(|c: char| c.is_ascii_digit() || c == '.');
        let is_duration = is_followed && number.len() < part.len();
        without += if is_duration { number } else { part };
        if is_followed {
            without += " s";
        }
    }
    without
}
