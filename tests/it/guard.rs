//! A program under a guard, as whoever runs it sees it.

use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Deserializer, Value};

use crate::examples::example;
use crate::pty::Pty;

/// The last line of a report in brief.
const END: &str = "adds each task and the evidence";

/// What a report says of a program whose debug info is still being read, as on a busy machine.
const TOO_EARLY: &str = "ask again";

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
        loop {
            self.signal("-QUIT");
            let report = self.report();
            if !report.to_string().contains(TOO_EARLY) {
                return report;
            }
        }
    }

    /// Asks for a report, and reads it until a line has this in it.
    fn asked_says(&mut self, last: &str) -> String {
        loop {
            self.signal("-QUIT");
            let said = self.says(last);
            if !said.contains(TOO_EARLY) {
                return said;
            }
        }
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

#[test]
fn ctrl_backslash_prints_a_report_and_the_program_goes_on() {
    let mut program = Guarded::ready("waits-for-a-line");
    let said = program.asked_says(END);
    assert!(said.starts_with("unstuck: waiting (likely)"), "{said}");
    let main = said.lines().find(|line| line.contains("main: parked for"));
    assert!(
        main.unwrap().contains("on a task to end at main.rs:"),
        "{said}"
    );
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
    assert!(said.starts_with("unstuck: blocked (likely)"), "{said}");
}

#[test]
fn a_program_that_goes_on_is_called_running() {
    for flavor in ["", "--current-thread"] {
        let program = Guarded::ready(&format!("ticks {flavor}"));
        program.signal("-INT");
        let (code, said) = program.end();
        assert_eq!(code, Some(130), "{said}");
        assert!(said.starts_with("unstuck: running"), "{said}");
    }
}

#[test]
fn one_that_is_watched_reports_by_itself_and_once() {
    let mut program = Guarded::ready("stuck --watch");
    let said = program.says("(10 tasks)");
    assert!(said.starts_with("unstuck: stuck (proven)"), "{said}");
    assert!(said.contains("; nothing has moved for "), "{said}");
    assert!(
        said.contains("pool/worker-0 … pool/worker-9 (10 tasks)"),
        "{said}"
    );
    program.signal("-INT");
    let (_, rest) = program.end();
    assert_eq!(rest.matches("unstuck: stuck (").count(), 1, "{rest}");
}

#[test]
fn who_asks_gets_one_report_and_the_next_one_tells_that_nothing_has_moved_since() {
    let mut program = Guarded::ready("stuck --watch --json");
    let mut quiet = 0;
    // The first one comes by itself.
    for asks in [false, true, true] {
        let report = if asks {
            program.asked()
        } else {
            program.report()
        };
        assert_eq!(report["verdict"], "stuck", "{report}");
        let last = std::mem::replace(&mut quiet, milliseconds(&report["quiet_ms"]));
        assert!(quiet > last, "{quiet} after {last}");
        assert!(milliseconds(&report["tasks"][3]["waits_ms"]) >= quiet);
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
    let first = milliseconds(&program.asked()["tasks"][0]["due_ms"]);
    let second = milliseconds(&program.asked()["tasks"][0]["due_ms"]);
    assert!(HOUR - 60_000 < second && second < first && first <= HOUR);
    program.signal("-INT");
    assert_eq!(program.end().0, Some(130));
}

#[test]
fn it_is_told_for_how_long_each_task_has_been_parked_though_reports_have_it_polled() {
    let mut program = Guarded::ready("half-stuck --json");
    let parked = |report: &Value, task: usize| milliseconds(&report["tasks"][task]["waits_ms"]);
    let first = program.asked();
    let between = Instant::now();
    thread::sleep(Duration::from_millis(300));
    let between = between.elapsed().as_millis();
    let second = program.asked();
    let (then, now) = (parked(&first, 1), parked(&second, 1));
    // The clock moves every few milliseconds.
    assert!(
        u128::from(now + 20) >= u128::from(then) + between,
        "{then}, {now}"
    );
    // Beside it main ticks on.
    assert!(parked(&second, 0) < now, "{second}");
}

fn milliseconds(field: &Value) -> u64 {
    field.as_u64().expect("a number")
}

#[test]
fn a_part_that_is_stuck_is_found_beside_one_that_goes_on() {
    let mut program = Guarded::ready("half-stuck --watch");
    let said = program.says(END);
    assert!(said.starts_with("unstuck: running"), "{said}");
    assert!(said.contains("[orphaned-event, likely]"), "{said}");
}

#[test]
fn a_hang_survives_any_number_of_reports() {
    const REPORT: &str = "unstuck: stuck (likely)";
    let mut program = Guarded::ready("loses-a-waker --full");
    for _ in 0..3 {
        let said = program.asked_says("main.rs:125\n");
        assert!(said.contains("lost-waker (likely)"), "{said}");
        assert!(said.contains(REPORT), "{said}");
    }
    program.signal("-INT");
    let (code, said) = program.end();
    assert_eq!(code, Some(130));
    assert!(said.contains(REPORT), "{said}");
}

#[test]
fn a_test_that_hangs_for_a_lost_waker_fails() {
    let (code, said) = Guarded::ready("checks-a-lost-waker").end();
    assert_eq!(code, Some(101));
    assert!(said.contains("the test hangs"), "{said}");
    assert!(said.contains("[lost-waker, likely]"), "{said}");
}

#[test]
fn a_ring_of_locks_is_found_though_the_program_sets_its_subscriber_itself() {
    for flavor in ["", "--current-thread"] {
        let mut program = Guarded::ready(&format!("ring --watch {flavor}"));
        let said = program.says(END);
        assert!(said.starts_with("unstuck: running"), "{said}");
        assert!(said.contains("[lock-cycle, likely]"), "{said}");
    }
}

#[test]
fn however_often_it_is_asked_a_report_comes_and_ctrl_c_is_not_kept_waiting() {
    for (program, verdict) in [("ticks", "running"), ("blocked", "blocked (likely)")] {
        let mut program = Guarded::ready(program);
        for _ in 0..100 {
            program.signal("-QUIT");
        }
        program.says(&format!("unstuck: {verdict}"));
        program.signal("-INT");
        let (code, said) = program.end();
        assert_eq!(code, Some(130), "{said}");
        let reports = said.matches("unstuck: ").count();
        assert!((1..100).contains(&reports), "{reports}: {said}");
    }
}

#[test]
fn a_runtime_without_timers_and_io_is_looked_at_like_any_other() {
    let mut program = Guarded::ready("stuck --watch --bare");
    let said = program.says("(10 tasks)");
    assert!(said.starts_with("unstuck: stuck (proven)"), "{said}");
    // Tokio's own word on what is missing.
    let (code, said) = Guarded::start("ticks --bare").end();
    assert_eq!(code, Some(101), "{said}");
    assert!(said.contains("timers are disabled"), "{said}");
}

#[test]
fn on_one_thread_as_much_is_seen_as_on_several() {
    let mut program = Guarded::ready("stuck --watch --current-thread");
    let said = program.says("(10 tasks)");
    assert!(said.starts_with("unstuck: stuck (proven)"), "{said}");
    assert!(said.contains("[orphaned-event]"), "{said}");
}

#[test]
fn one_fault_takes_twenty_lines_of_a_terminal_and_the_evidence_is_for_who_asks_for_it() {
    const EVIDENCE: &str = "every remaining handle is itself waiting";
    let guarded = example("guarded");
    for program in ["stuck", "half-stuck", "ring", "blocked"] {
        let mut terminal = Pty::of(&guarded, program, 80);
        terminal.wait_for("ready");
        terminal.press("\x03");
        let (code, screen) = terminal.finish();
        assert_eq!(code, 130, "{screen}");
        let screen = anstream::adapter::strip_str(&screen).to_string();
        let report = screen.split_once("unstuck: ").expect("a report").1;
        assert!(report.lines().count() <= 20, "{report}");
        assert!(
            report.lines().all(|line| line.chars().count() <= 80),
            "{report}"
        );
        assert!(
            report.contains(END) && !report.contains(EVIDENCE),
            "{report}"
        );
    }
    let program = Guarded::ready("stuck --full");
    program.signal("-INT");
    let (_, said) = program.end();
    assert!(said.contains(EVIDENCE) && !said.contains(END), "{said}");
}

#[test]
fn json_has_the_fields_of_the_demos() {
    // A report that was asked for says `waiting` where a busy machine keeps the tasks from being looked at.
    let mut program = Guarded::ready("stuck --watch --json");
    let report = program.report();
    assert_eq!(report["schema"], 1);
    assert_eq!(report["verdict"], "stuck");
    assert_eq!(report["findings"][0]["rule"], "orphaned-event");
    assert_eq!(report["tasks"][1]["parent"], 0);
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
        assert_eq!(program.asked()["verdict"], "running");
    }
    program.signal("-INT");
    assert_eq!(program.report()["verdict"], "running");
    assert_eq!(program.end().0, Some(130));
}

#[test]
fn of_two_guards_each_is_asked_before_ctrl_c_ends_the_process() {
    let mut program = Guarded::ready("side-by-side --json");
    assert_eq!(program.line(), "ready\n");
    for signal in ["-QUIT", "-INT"] {
        program.signal(signal);
        for _ in 0..2 {
            assert_eq!(program.report()["verdict"], "running");
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
