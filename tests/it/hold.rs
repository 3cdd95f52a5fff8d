//! `--hold`, and what ends a run from outside: Ctrl+C, Ctrl+\, and other signals.

#[cfg(unix)]
use std::fs;
#[cfg(unix)]
use std::io::{BufRead, BufReader, Lines};
#[cfg(unix)]
use std::process::{Child, ChildStderr, Command, Stdio};
#[cfg(unix)]
use std::thread;
use std::time::{Duration, Instant};

#[cfg(unix)]
use tempfile::TempDir;

use crate::pty::Pty;
use crate::unstuck::assert_snapshot;

const CTRL_C: &str = "\x03";

const CTRL_BACKSLASH: &str = "\x1c";

#[test]
fn ctrl_c_explains_and_ends_it() {
    let mut held = Pty::run("run --only join-all --hold", 100);
    held.wait_for("join-all is stuck, and held; Ctrl+\\ explains, Ctrl+C explains and ends it\r\n");
    held.press(CTRL_C);
    let pressed = Instant::now();
    let (code, screen) = held.finish();
    assert!(
        pressed.elapsed() < Duration::from_mins(1),
        "it ends at once"
    );
    assert_eq!(code, 130);
    let screen = anstream::adapter::strip_str(&screen).to_string();
    assert_snapshot("hold", &screen.replace("^C", ""));
}

#[cfg(unix)]
#[test]
fn ctrl_backslash_explains_as_often_as_it_is_pressed_and_goes_on_holding() {
    let explained = |screen: &str| screen.matches("stuck (proven)").count();
    let mut held = Pty::run("run --only join-all --hold", 100);
    held.wait_for("and held");
    held.press(CTRL_BACKSLASH);
    held.wait_for("stuck (proven)");
    held.press(CTRL_C);
    let (code, screen) = held.finish();
    assert_eq!(code, 130);
    assert_eq!(explained(&screen), 2, "{screen}");
}

#[test]
fn ctrl_c_before_the_verdict_ends_it_at_once_and_leaves_nothing() {
    let mut playing = Pty::run("run --fixed --latency 60000", 100);
    playing.wait_for("playing swallowed-errors");
    playing.press(CTRL_C);
    let (code, screen) = playing.finish();
    assert_eq!(code, 130, "{screen}");
    assert!(!screen.contains("join-all"), "{screen}");
}

/// The program in a temporary folder of its own, and what it says on standard error.
#[cfg(unix)]
struct Playing {
    process: Child,
    said: Lines<BufReader<ChildStderr>>,
    temporary: TempDir,
}

#[cfg(unix)]
impl Playing {
    fn start(arguments: &str) -> Self {
        let temporary = tempfile::tempdir().unwrap();
        let mut process = Command::new(env!("CARGO_BIN_EXE_unstuck"))
            .args(arguments.split(' '))
            .env("TMPDIR", temporary.path())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let said = BufReader::new(process.stderr.take().unwrap()).lines();
        Self {
            process,
            said,
            temporary,
        }
    }

    fn folders(&self) -> usize {
        fs::read_dir(self.temporary.path()).unwrap().count()
    }

    fn wait_for_a_folder(&self) {
        while self.folders() == 0 {
            thread::yield_now();
        }
    }

    /// Sends the signal, and waits for the end: the exit code.
    fn end_with(&mut self, signal: &str) -> Option<i32> {
        let id = self.process.id().to_string();
        let sent = Command::new("kill").args([signal, &id]).status().unwrap();
        assert!(sent.success());
        self.process.wait().unwrap().code()
    }
}

#[cfg(unix)]
impl Drop for Playing {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// A journal would be created and removed by the connections of the sides, while the database is read back.
#[cfg(unix)]
#[test]
fn a_database_is_one_file() {
    let mut held = Playing::start("run --only join-all --hold");
    assert!(held.said.any(|line| line.unwrap().contains("and held")));
    let folder = fs::read_dir(held.temporary.path()).unwrap().next();
    let files = fs::read_dir(folder.unwrap().unwrap().path()).unwrap();
    let files: Vec<_> = files.map(|file| file.unwrap().file_name()).collect();
    held.end_with("-TERM");
    assert_eq!(files, ["join-all.sqlite3"]);
}

#[cfg(unix)]
#[test]
fn sigterm_and_sighup_leave_as_little_behind_as_ctrl_c() {
    for (signal, code) in [("-INT", 130), ("-TERM", 143), ("-HUP", 129)] {
        let mut held = Playing::start("run --only join-all --hold");
        assert!(held.said.any(|line| line.unwrap().contains("and held")));
        assert_eq!(held.folders(), 1);
        assert_eq!(held.end_with(signal), Some(code));
        assert_eq!(held.folders(), 0, "{signal}");
    }
}

#[cfg(unix)]
#[test]
fn any_signal_before_the_verdict_ends_it_and_leaves_nothing() {
    for (signal, code) in [("-INT", 130), ("-TERM", 143), ("-HUP", 129), ("-QUIT", 131)] {
        let mut playing = Playing::start("run --fixed --latency 60000");
        playing.wait_for_a_folder();
        assert_eq!(playing.end_with(signal), Some(code));
        assert_eq!(playing.folders(), 0, "{signal}");
    }
}

#[cfg(unix)]
#[test]
fn sigterm_ends_the_scenario_that_is_playing_and_leaves_the_table_so_far() {
    let mut playing = Playing::start("run --all locks");
    let stdout = playing.process.stdout.take().unwrap();
    let mut lines = BufReader::new(stdout).lines().map(Result::unwrap);
    // Both sides of the first one are there while another one takes five seconds.
    assert!(lines.any(|line| line.contains("one-order")));
    playing.wait_for_a_folder();
    assert_eq!(playing.end_with("-TERM"), Some(143));
    assert_eq!(playing.folders(), 0);
    let rest: Vec<String> = lines.collect();
    let is_last = |line: &String| line.starts_with("SIGTERM ended it; ");
    assert!(rest.last().is_some_and(is_last), "{rest:?}");
    let is_row = |line: &str| line.ends_with("  hang") || line.ends_with("  end");
    let is_first = |line: &&String| is_row(line) && !line.starts_with(' ');
    let played = 1 + rest.iter().filter(is_first).count();
    let left = format!("; {} of 5 scenarios were not played", 5 - played);
    assert!(rest.last().unwrap().ends_with(&left), "{rest:?}");
}

#[cfg(unix)]
#[test]
fn a_signal_ends_it_when_nobody_reads_what_it_prints() {
    use std::io::Read;

    let mut printing = Command::new(env!("CARGO_BIN_EXE_unstuck"))
        .args(["run", "--only", "join-all", "--workers", "1000", "--json"])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    // It has begun, and has more to print than a pipe has room for.
    let mut stdout = printing.stdout.take().unwrap();
    stdout.read_exact(&mut [0]).unwrap();
    let id = printing.id().to_string();
    let sent = Command::new("kill").args(["-TERM", &id]).status().unwrap();
    assert!(sent.success());
    assert_eq!(printing.wait().unwrap().code(), Some(143));
}

#[test]
fn a_side_without_a_waker_is_held_as_it_is() {
    let mut held = Pty::run("run stale-waker --only first-waker --hold", 200);
    held.wait_for("first-waker is stuck, and held");
    held.press(CTRL_C);
    let (_, screen) = held.finish();
    assert!(
        screen.contains("reader waits for a wake-up, and no waker of it exists"),
        "{screen}"
    );
}

#[test]
fn a_side_that_is_not_stuck_is_not_held() {
    let (code, screen) = Pty::run("run --only task-group --hold", 100).finish();
    assert_eq!(code, 0);
    assert!(!screen.contains("held"));
}

/// What is left of what was written, as a sign of progress may be drawn once more before it is cleared.
fn left_of(screen: &str) -> String {
    const CLEAR_LINE: &str = "\u{1b}[2K";
    let left = |line: &str| line.rsplit(CLEAR_LINE).next().unwrap_or(line).to_owned() + "\n";
    screen.lines().map(left).collect()
}

#[test]
fn ctrl_c_ends_a_row_of_scenarios_and_leaves_the_table_so_far() {
    let mut playing = Pty::run("run --all errors", 100);
    playing.wait_for("swallowed-errors  join-all");
    playing.press(CTRL_C);
    let (code, screen) = playing.finish();
    let screen = anstream::adapter::strip_str(&left_of(&screen)).to_string();
    assert_eq!(code, 130, "{screen}");
    let mut lines = screen.lines().map(str::trim_end);
    assert!(lines.any(|line| line.starts_with("swallowed-errors  join-all")));
    assert!(lines.any(|line| line.starts_with("Ctrl+C ended it; ")));
    assert!(!screen.contains("/8 "), "{screen}");
}

#[test]
fn ctrl_c_before_the_first_of_a_row_leaves_no_row() {
    let mut playing = Pty::run("run --all errors", 100);
    // Two begin at a time, in either order.
    playing.wait_for("swallowed-errors");
    playing.press(CTRL_C);
    let (code, screen) = playing.finish();
    let screen = left_of(&screen);
    assert_eq!(code, 130, "{screen}");
    assert!(!screen.contains("/8 "), "{screen}");
}
