//! A program under a guard, as whoever runs it sees it.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Deserializer, Value};

use crate::examples::example;
use crate::explain::LONG;
use crate::pty::Pty;
use crate::unstuck::Unstuck;

/// A program that says when it is at work.
struct Guarded {
    process: Child,
    stdout: BufReader<ChildStdout>,
}

impl Guarded {
    fn start(arguments: &str) -> Self {
        let mut command = Command::new(example("guarded"));
        command.args(arguments.split_whitespace());
        command.current_dir(env!("CARGO_MANIFEST_DIR"));
        let pipes = command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut process = pipes.stderr(Stdio::piped()).spawn().unwrap();
        let stdout = BufReader::new(process.stdout.take().unwrap());
        Self { process, stdout }
    }

    fn ready(arguments: &str) -> Self {
        let mut guarded = Self::start(arguments);
        assert_eq!(guarded.line(), "ready\n");
        guarded
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        self.stdout.read_line(&mut line).unwrap();
        line
    }

    fn signal(&self, signal: &str) {
        let id = self.process.id().to_string();
        let sent = Command::new("kill").args([signal, &id]).status().unwrap();
        assert!(sent.success());
    }

    /// What it says on standard error until a line has this in it.
    fn says(&mut self, last: &str) -> String {
        let stderr = self.process.stderr.as_mut().unwrap();
        let mut said = Vec::new();
        let mut byte = [0];
        while !String::from_utf8_lossy(&said).contains(last) {
            assert_eq!(
                stderr.read(&mut byte).unwrap(),
                1,
                "{}",
                String::from_utf8_lossy(&said)
            );
            said.push(byte[0]);
        }
        String::from_utf8(said).unwrap()
    }

    /// Asks for a report, of a program that prints JSON.
    fn asked(&mut self) -> Value {
        self.signal("-QUIT");
        self.report()
    }

    /// Asks for a report, and reads it until a line has this in it.
    fn asked_says(&mut self, last: &str) -> String {
        self.signal("-QUIT");
        self.says(last)
    }

    /// The next report of such a program.
    fn report(&mut self) -> Value {
        let report = Deserializer::from_reader(&mut self.stdout)
            .into_iter()
            .next();
        report.expect("it goes on").expect("it prints JSON")
    }

    /// The exit code and the rest of standard error.
    fn end(mut self) -> (Option<i32>, String) {
        let mut said = String::new();
        let mut stderr = self.process.stderr.take().unwrap();
        stderr.read_to_string(&mut said).unwrap();
        (self.process.wait().unwrap().code(), said)
    }
}

impl Drop for Guarded {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Whether a report says this of its program as a whole.
fn is_of(said: &str, verdict: &str) -> bool {
    said.starts_with("process ") && said.contains(&format!("\n{verdict}"))
}

/// On a busy machine its thread may not get to run between two readings. Then a timer is what it waits for.
fn assert_goes_on(report: &Value) {
    let verdict = &report["verdict"];
    assert!(verdict == "running" || verdict == "waiting", "{report:#}");
}

#[test]
fn ctrl_backslash_prints_a_report_and_the_program_goes_on() {
    let mut program = Guarded::ready("waits-for-a-line");
    let said = program.asked_says("waits_for_a_line at tests/guarded/main.rs:46\n");
    assert!(is_of(&said, "waiting: "), "{said}");
    assert!(said.contains("\nmain: block_on("), "{said}");
    assert!(said.contains("waits for a notification"), "{said}");
    program
        .process
        .stdin
        .as_mut()
        .unwrap()
        .write_all(b"\n")
        .unwrap();
    assert_eq!(program.line(), "went on\n");
    assert_eq!(program.end().0, Some(0));
}

#[test]
fn ctrl_c_prints_a_report_and_ends_the_program_though_its_threads_are_blocked() {
    let program = Guarded::ready("blocked");
    program.signal("-INT");
    let (code, said) = program.end();
    assert_eq!(code, Some(130), "{said}");
    assert!(is_of(&said, "blocked (likely)"), "{said}");
}

#[test]
fn a_program_that_goes_on_is_called_running() {
    for flavor in ["", "--current-thread"] {
        let is_seen_to_move = |_| {
            let program = Guarded::ready(&format!("ticks {flavor}"));
            program.signal("-INT");
            let (code, said) = program.end();
            assert_eq!(code, Some(130), "{said}");
            is_of(&said, "running: it moves")
        };
        // On a busy machine its thread may not get to run between two readings.
        assert!((0..10).any(is_seen_to_move), "{flavor}");
    }
}

#[test]
fn one_that_is_watched_reports_by_itself_and_once() {
    let mut program = Guarded::ready("stuck --watch");
    let said = program.says("[orphaned-event, proven]");
    assert!(is_of(&said, "stuck (proven)"), "{said}");
    assert!(said.contains("10 tasks at "), "{said}");
    program.signal("-INT");
    // The second one is for Ctrl+C.
    let (_, rest) = program.end();
    assert_eq!(rest.matches("\nstuck (").count(), 1, "{rest}");
}

#[test]
fn a_poll_that_sleeps_for_long_is_reported_and_one_that_wakes_up_is_not() {
    let naps = Guarded::ready("naps --watch");
    let mut blocked = Guarded::ready("blocked --watch");
    let said = blocked.says("[blocked-worker, likely]");
    assert!(is_of(&said, "blocked (likely)"), "{said}");
    // It was watched for longer.
    naps.signal("-KILL");
    assert_eq!(naps.end().1, "");
}

#[test]
fn from_outside_its_own_threads_are_left_out() {
    let program = Guarded::ready("stuck");
    let ran = Unstuck::new(&format!("explain {}", program.process.id())).run();
    let said = ran.succeeded().stdout;
    assert!(is_of(&said, "stuck ("), "{said}");
}

#[test]
fn who_asks_gets_one_report() {
    let mut program = Guarded::ready("stuck --watch --json");
    // The first one comes by itself.
    for asks in [false, true, true] {
        let report = if asks {
            program.asked()
        } else {
            program.report()
        };
        assert_eq!(report["verdict"], "stuck", "{report}");
    }
    program.signal("-INT");
    assert!(program.report().is_object());
    let mut rest = String::new();
    program.stdout.read_to_string(&mut rest).unwrap();
    assert_eq!(rest.trim(), "");
}

#[test]
fn it_is_told_when_a_timer_is_due() {
    const HOUR: u64 = 3_600_000;
    let mut program = Guarded::ready("sleeps-for-an-hour --json");
    let first = milliseconds(&program.asked()["moves"][0]["due_ms"]);
    let second = milliseconds(&program.asked()["moves"][0]["due_ms"]);
    assert!(HOUR - 60_000 < second && second < first && first <= HOUR);
    program.signal("-INT");
    assert_eq!(program.end().0, Some(130));
}

fn milliseconds(field: &Value) -> u64 {
    field.as_u64().expect("a number")
}

#[test]
fn a_part_that_is_stuck_is_found_beside_one_that_goes_on() {
    let mut program = Guarded::ready("half-stuck --watch");
    let said = program.says("[orphaned-event, likely]");
    assert!(said.contains("a part of it is stuck"), "{said}");
}

#[test]
fn tasks_have_the_names_that_they_were_given_where_hooks_tell_them() {
    let said = Guarded::ready("stuck").asked_says("handle of Event #1\n    waits for");
    let named = said.contains("10 tasks, pool/worker-0 to pool/worker-9: ");
    assert_eq!(named, cfg!(tokio_unstable), "{said}");
}

#[test]
fn a_hang_survives_any_number_of_reports() {
    let mut program = Guarded::ready("loses-a-waker");
    for _ in 0..3 {
        let said = program.asked_says("what wakes it is not known\n");
        assert!(said.contains("[lost-waker, proven]"), "{said}");
        assert!(is_of(said.trim_start(), "stuck (proven)"), "{said}");
    }
    program.signal("-INT");
    let (code, said) = program.end();
    assert_eq!(code, Some(130));
    assert!(said.contains("\nstuck (proven)"), "{said}");
}

#[test]
fn a_test_that_hangs_for_a_lost_waker_fails() {
    let (code, said) = Guarded::ready("checks-a-lost-waker").end();
    assert_eq!(code, Some(101));
    assert!(said.contains("the test hangs"), "{said}");
    assert!(said.contains("[lost-waker, proven]"), "{said}");
}

#[test]
fn a_circle_of_locks_is_found_beside_a_part_that_goes_on() {
    for flavor in ["", "--current-thread"] {
        let mut program = Guarded::ready(&format!("ring --watch {flavor}"));
        let said = program.says("[lock-cycle, likely]");
        assert!(said.contains("a part of it is stuck"), "{said}");
    }
}

#[test]
fn however_often_it_is_asked_a_report_comes_and_ctrl_c_is_not_kept_waiting() {
    for program in ["ticks", "blocked"] {
        let mut program = Guarded::ready(program);
        for _ in 0..100 {
            program.signal("-QUIT");
        }
        program.says("process ");
        program.signal("-INT");
        let (code, said) = program.end();
        assert_eq!(code, Some(130), "{said}");
        let reports = said.matches("\nprocess ").count() + 1;
        assert!((1..100).contains(&reports), "{reports}: {said}");
    }
}

#[test]
fn a_runtime_without_timers_and_io_is_looked_at_like_any_other() {
    let mut program = Guarded::ready("stuck --watch --bare");
    let said = program.says("[orphaned-event, proven]");
    assert!(is_of(&said, "stuck (proven)"), "{said}");
    // Tokio's own word on what is missing.
    let (code, said) = Guarded::start("ticks --bare").end();
    assert_eq!(code, Some(101), "{said}");
    assert!(said.contains("timers are disabled"), "{said}");
}

#[test]
fn on_one_thread_as_much_is_seen_as_on_several() {
    let mut program = Guarded::ready("stuck --watch --current-thread");
    let said = program.says("[orphaned-event, proven]");
    assert!(is_of(&said, "stuck (proven)"), "{said}");
}

#[test]
fn the_answer_takes_twenty_lines_of_a_terminal_and_code_of_libraries_is_for_who_asks_for_it() {
    let guarded = example("guarded");
    for program in ["stuck", "half-stuck", "ring", "blocked"] {
        let mut terminal = Pty::of(&guarded, program, 80);
        terminal.wait_for("ready");
        terminal.press("\x03");
        let (code, screen) = terminal.finish();
        assert_eq!(code, 130, "{screen}");
        let screen = anstream::adapter::strip_str(&screen).to_string();
        let report = screen.split_once("process ").expect("a report").1;
        // What follows is told task by task; main is not among them where its thread was not asleep.
        let tasks = ["\n\nmain: ", "\n\ntask "];
        let end = tasks.iter().filter_map(|task| report.find(task)).min();
        let answer = &report[..end.expect("tasks")];
        assert!(answer.lines().count() <= 20, "{report}");
        let is_too_wide = |line: &str| line.chars().count() > 80;
        assert!(!report.lines().any(is_too_wide), "{report}");
        assert!(!report.contains("Notified"), "{report}");
    }
    let program = Guarded::ready("stuck --full");
    program.signal("-INT");
    let (_, said) = program.end();
    assert!(said.contains("unstuck::event::wait at "), "{said}");
}

#[test]
fn a_panic_is_as_it_would_be_without() {
    let (code, said) = Guarded::start("panics").end();
    assert_eq!(code, Some(101), "{said}");
    assert_eq!(
        said.matches("as it would without a guard").count(),
        1,
        "{said}"
    );
}

#[test]
fn within_a_runtime_it_is_refused_with_a_reason() {
    let (code, said) = Guarded::start("inside").end();
    assert_eq!(code, Some(1));
    assert!(said.contains("call it from a plain `fn main`"), "{said}");
}

#[test]
fn once_the_program_has_returned_signals_end_the_process_as_ever() {
    for (signal, expected) in [("-INT", 130), ("-QUIT", 131)] {
        let program = Guarded::ready("returns");
        program.signal(signal);
        let (code, said) = program.end();
        assert_eq!((code, &*said), (Some(expected), ""));
    }
}

#[test]
fn a_guard_is_asked_though_another_one_was_there_before_it() {
    let mut program = Guarded::ready("second --json");
    for _ in 0..2 {
        assert_goes_on(&program.asked());
    }
    program.signal("-INT");
    assert_goes_on(&program.report());
    assert_eq!(program.end().0, Some(130));
}

#[test]
fn of_two_guards_each_is_asked_before_ctrl_c_ends_the_process() {
    let mut program = Guarded::ready("side-by-side --json");
    assert_eq!(program.line(), "ready\n");
    for signal in ["-QUIT", "-INT"] {
        program.signal(signal);
        for _ in 0..2 {
            assert_goes_on(&program.report());
        }
    }
    assert_eq!(program.end().0, Some(130));
}

#[test]
fn ctrl_c_that_is_left_to_the_program_is_not_taken_by_a_guard_that_is_gone() {
    let mut program = Guarded::ready("second-handles-ctrl-c --leave-ctrl-c");
    program.signal("-INT");
    assert_eq!(program.line(), "went on\n");
    assert_eq!(program.end().0, Some(0));
}

#[test]
fn a_thread_that_has_run_a_program_may_wake_another_one() {
    let mut program = Guarded::ready("woken-by-main --json");
    assert_eq!(program.asked()["verdict"], "waiting");
    let stdin = program.process.stdin.as_mut().unwrap();
    stdin.write_all(b"\n").unwrap();
    let mut rest = String::new();
    program.stdout.read_to_string(&mut rest).unwrap();
    assert_eq!(rest.trim(), "went on");
    assert_eq!(program.end().0, Some(0));
}

/// The fingerprints of the findings that a program hands over, up to the first of this rule.
fn fingerprint_of(arguments: &str, rule: &str) -> String {
    let mut program = Guarded::ready(arguments);
    let finding = program.report();
    assert_eq!(finding["rule"], rule, "{finding:#}");
    let fingerprint = finding["fingerprint"].as_str().expect("it is text");
    assert_eq!(fingerprint.len(), 16, "{finding:#}");
    fingerprint.to_owned()
}

#[test]
fn each_finding_is_handed_over_as_data_and_has_the_same_fingerprint_in_each_process() {
    let ring = fingerprint_of("ring --findings", "lock-cycle");
    let again = fingerprint_of("ring --findings --current-thread", "lock-cycle");
    assert_eq!(ring, again);
    let other = fingerprint_of("half-stuck --findings", "orphaned-event");
    assert_ne!(ring, other);
}

#[test]
fn a_finding_has_its_links_and_the_line_to_look_at() {
    let mut program = Guarded::ready("ring --findings");
    let finding = program.report();
    assert_eq!(
        finding["at"]["file"], "tests/guarded/main.rs",
        "{finding:#}"
    );
    let links = finding["links"].as_array().expect("a list");
    assert_eq!(links.len(), 2, "{finding:#}");
    for link in links {
        assert_eq!(link["waits_for"]["kind"], "mutex", "{finding:#}");
        assert_eq!(link["holders"][0]["local"], "_first", "{finding:#}");
    }
}

#[test]
fn each_finding_is_an_event_for_whatever_collects_them() {
    let mut program = Guarded::ready("ring --events");
    let event = program.line();
    let fingerprint = fingerprint_of("ring --findings", "lock-cycle");
    let begins =
        format!("level=ERROR rule=\"lock-cycle\" fingerprint={fingerprint} confidence=likely at=");
    let begins: Vec<&str> = begins.split(' ').collect();
    for field in begins {
        assert!(event.contains(field), "{field} in {event}");
    }
    assert!(
        event.contains("message=deadlock, a circular wait"),
        "{event}"
    );
}

/// A server under a guard, and its clients.
struct Server {
    program: Guarded,
    address: String,
}

impl Server {
    fn start(arguments: &str) -> Self {
        let mut program = Guarded::start(&format!("serves {arguments}"));
        let address = program.line().trim_end().to_owned();
        Self { program, address }
    }

    fn send(&self, line: &str) -> BufReader<TcpStream> {
        let mut stream = TcpStream::connect(&self.address).unwrap();
        stream.write_all(format!("{line}\n").as_bytes()).unwrap();
        BufReader::new(stream)
    }

    fn is_answered(&self) {
        let mut answer = String::new();
        self.send("hello").read_line(&mut answer).unwrap();
        assert_eq!(answer, "hello\n");
    }
}

#[test]
fn of_a_server_one_handler_of_a_thousand_gets_stuck_and_there_is_one_report() {
    let mut server = Server::start("--watch --findings");
    (0..500).for_each(|_| server.is_answered());
    let stuck = server.send("lock");
    (0..500).for_each(|_| server.is_answered());
    let said = server.program.says("[self-deadlock, likely]");
    assert!(said.contains("a part of it is stuck"), "{said}");
    // The next one is stuck for the same reason. Meanwhile the server comes to rest and is read again and again.
    let also_stuck = server.send("lock");
    for _ in 0..30 {
        (0..10).for_each(|_| server.is_answered());
        thread::sleep(Duration::from_millis(100));
    }
    assert_eq!(server.program.report()["rule"], "self-deadlock");
    server.program.signal("-KILL");
    let mut findings = String::new();
    server.program.stdout.read_to_string(&mut findings).unwrap();
    assert_eq!(findings.trim(), "");
    let mut said = String::new();
    let stderr = server.program.process.stderr.as_mut().unwrap();
    stderr.read_to_string(&mut said).unwrap();
    assert_eq!(said.matches("\nprocess ").count(), 0, "{said}");
    drop((stuck, also_stuck));
}

#[test]
fn of_a_server_that_waits_for_clients_nothing_is_reported() {
    nothing_is_reported_of_an_idle_server(Duration::from_secs(3));
}

pub(crate) fn nothing_is_reported_of_an_idle_server(time: Duration) {
    let server = Server::start("--watch --findings");
    server.is_answered();
    let idle = server.send("this one stays");
    thread::sleep(time);
    server.program.signal("-KILL");
    drop(idle);
    let mut program = server.program;
    let mut findings = String::new();
    program.stdout.read_to_string(&mut findings).unwrap();
    assert_eq!((&*findings, &*program.end().1), ("", ""));
}

/// The names and texts of the reports in a folder.
fn reports(folder: &Path) -> Vec<(String, String)> {
    let files = fs::read_dir(folder).unwrap();
    let files = files.map(|file| file.unwrap().path());
    let named = |path: PathBuf| {
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        (name, fs::read_to_string(path).unwrap())
    };
    let mut reports: Vec<(String, String)> = files.map(named).collect();
    reports.sort();
    reports
}

/// How long it takes until the report of a program is on disk whose threads are all blocked.
pub(crate) fn report_of_a_blocked_program(signal: &str) -> Duration {
    let folder = tempfile::tempdir().unwrap();
    let program = Guarded::ready(&format!("all-blocked {}", folder.path().display()));
    let id = program.process.id();
    let begun = Instant::now();
    program.signal(signal);
    let json = folder.path().join(format!("unstuck-{id}-1.json"));
    let is_whole = || {
        let text = fs::read_to_string(&json).unwrap_or_default();
        serde_json::from_str::<Value>(&text).is_ok()
    };
    while !is_whole() {
        assert!(begun.elapsed() < LONG, "there is no report");
        thread::sleep(Duration::from_millis(1));
    }
    let took = begun.elapsed();
    if signal == "-TERM" {
        assert_eq!(program.end().0, Some(143));
    } else {
        program.signal("-KILL");
    }
    let [(_, json), (name, text)] = &reports(folder.path())[..] else {
        panic!("not one report");
    };
    assert_eq!(*name, format!("unstuck-{id}-1.txt"));
    assert!(is_of(text, "blocked (likely)"), "{text}");
    assert!(text.contains("all_blocked"), "{text}");
    let json: Value = serde_json::from_str(json).unwrap();
    assert_eq!(json["verdict"], "blocked");
    took
}

#[test]
fn though_all_threads_are_blocked_a_report_is_written_on_sigterm_and_on_sigquit() {
    for signal in ["-TERM", "-QUIT"] {
        report_of_a_blocked_program(signal);
    }
}

#[test]
fn a_program_that_shuts_down_by_itself_is_reported_on_sigterm_and_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let arguments = format!(
        "handles-sigterm --leave-sigterm {}",
        folder.path().display()
    );
    let mut program = Guarded::ready(&arguments);
    program.signal("-TERM");
    assert_eq!(program.line(), "shuts down\n");
    let begun = Instant::now();
    while reports(folder.path()).len() < 2 {
        assert!(begun.elapsed() < LONG, "there is no report");
        thread::sleep(Duration::from_millis(1));
    }
    program.signal("-TERM");
    let (code, said) = program.end();
    assert_eq!(code, Some(0), "{said}");
}

#[test]
fn without_a_folder_for_reports_sigterm_ends_the_process_as_ever() {
    let mut program = Guarded::ready("ticks");
    program.signal("-TERM");
    let status = program.process.wait().unwrap();
    assert_eq!(status.signal(), Some(15), "{status}");
    assert_eq!(program.end().1, "");
}

#[test]
fn a_folder_that_reports_cannot_be_written_to_is_refused_before_the_program_starts() {
    let (code, said) = Guarded::start("panics /proc/no/such").end();
    assert_eq!(code, Some(1), "{said}");
    assert!(
        said.contains("reports can't be written to /proc/no/such: "),
        "{said}"
    );
    assert!(
        said.contains("name a folder that can be written to"),
        "{said}"
    );
}
