//! `--hold`: stuck until Ctrl+C, which first tells what it always tells.

use std::time::{Duration, Instant};

use crate::pty::Pty;
use crate::unstuck::assert_snapshot;

const CTRL_C: &str = "\x03";

#[test]
fn ctrl_c_shows_the_innocent_line_and_then_explains() {
    let mut held = Pty::run("run --only join-all --hold", 100);
    held.wait_for("join-all is stuck, and held; Ctrl+C ends it and explains\r\n");
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

#[test]
fn ctrl_c_before_the_verdict_ends_it_at_once_and_leaves_nothing() {
    let mut playing = Pty::run("run --fixed --latency 60000", 100);
    playing.wait_for("playing swallowed-errors");
    playing.press(CTRL_C);
    let (code, screen) = playing.finish();
    assert_eq!(code, 130, "{screen}");
    assert!(!screen.contains("join-all"), "{screen}");
}

/// A journal would be created and removed by the connections of the sides, while the database is read back.
#[cfg(unix)]
#[test]
fn a_database_is_one_file() {
    use std::fs;
    use std::io::{BufRead, BufReader};
    use std::process::{Command, Stdio};

    let temporary = tempfile::tempdir().unwrap();
    let mut held = Command::new(env!("CARGO_BIN_EXE_unstuck"))
        .args(["run", "--only", "join-all", "--hold"])
        .env("TMPDIR", temporary.path())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut said = BufReader::new(held.stderr.take().unwrap()).lines();
    let is_held = said.any(|line| line.unwrap().contains("is stuck, and held"));
    let folder = fs::read_dir(temporary.path()).unwrap().next();
    let files = fs::read_dir(folder.unwrap().unwrap().path()).unwrap();
    let files: Vec<_> = files.map(|file| file.unwrap().file_name()).collect();
    held.kill().unwrap();
    held.wait().unwrap();
    assert!(is_held);
    assert_eq!(files, ["join-all.sqlite3"]);
}

#[cfg(unix)]
#[test]
fn sigterm_leaves_as_little_behind_as_ctrl_c() {
    use std::fs;
    use std::io::{BufRead, BufReader};
    use std::process::{Command, Stdio};

    let temporary = tempfile::tempdir().unwrap();
    let mut held = Command::new(env!("CARGO_BIN_EXE_unstuck"))
        .args(["run", "--only", "join-all", "--hold"])
        .env("TMPDIR", temporary.path())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let left = || fs::read_dir(temporary.path()).unwrap().count();
    let mut said = BufReader::new(held.stderr.take().unwrap()).lines();
    assert!(said.any(|line| line.unwrap().contains("is stuck, and held")));
    assert_eq!(left(), 1);

    let id = held.id().to_string();
    let sent = Command::new("kill").args(["-TERM", &id]).status().unwrap();
    assert!(sent.success());
    assert_eq!(held.wait().unwrap().code(), Some(143));
    assert_eq!(left(), 0);
}

#[cfg(unix)]
#[test]
fn a_signal_ends_it_when_nobody_reads_what_it_prints() {
    use std::io::Read;
    use std::process::{Command, Stdio};

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
fn a_side_that_a_look_would_end_is_left_as_it_is() {
    let mut held = Pty::run("run stale-waker --only first-waker --hold", 200);
    held.wait_for("first-waker is stuck, and held");
    held.press(CTRL_C);
    let (_, screen) = held.finish();
    assert!(
        screen.contains("nothing can wake reader any more"),
        "{screen}"
    );
    // As it does for a dump, on the page of the lesson.
    assert!(!screen.contains("reader went on"), "{screen}");
}

#[test]
fn a_side_that_is_not_stuck_is_not_held() {
    let (code, screen) = Pty::run("run --only task-group --hold", 100).finish();
    assert_eq!(code, 0);
    assert!(!screen.contains("held"));
}

#[test]
fn ctrl_c_ends_a_row_of_scenarios_and_shows_how_those_before_it_came_out() {
    let mut playing = Pty::run("run --all errors", 100);
    playing.wait_for("1 of 8: playing question-mark");
    playing.press(CTRL_C);
    let (code, screen) = playing.finish();
    let screen = anstream::adapter::strip_str(&screen).to_string();
    assert_eq!(code, 130, "{screen}");
    assert!(!screen.contains("playing"), "{screen}");
    let rows = screen
        .lines()
        .filter(|line| line.ends_with("  as expected"));
    assert!(rows.count() >= 2, "{screen}");
    assert!(screen.contains("Ctrl+C came before "), "{screen}");
}

#[test]
fn ctrl_c_before_the_first_of_a_row_leaves_nothing() {
    let mut playing = Pty::run("run --all errors", 100);
    playing.wait_for("0 of 8: playing swallowed-errors");
    playing.press(CTRL_C);
    let (code, screen) = playing.finish();
    assert_eq!(code, 130, "{screen}");
    assert!(!screen.contains("playing"), "{screen}");
}
