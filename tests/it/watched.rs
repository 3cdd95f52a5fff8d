//! Programs that watch themselves, as whoever runs them sees them.

use std::io::{BufRead, BufReader, Lines};
use std::process::{Child, ChildStderr, Command, Stdio};
use std::thread;
use std::time::Instant;

use crate::examples::example;
use crate::explain::LONG;
use crate::unstuck::Unstuck;

/// A program that watches itself. It is killed once the test is over.
struct Watched {
    process: Child,
    stderr: Lines<BufReader<ChildStderr>>,
}

impl Watched {
    fn start(program: &str) -> Self {
        let mut command = Command::new(example("watched"));
        command.arg(program).current_dir(env!("CARGO_MANIFEST_DIR"));
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut process = command.spawn().unwrap();
        let stderr = BufReader::new(process.stderr.take().unwrap()).lines();
        Self { process, stderr }
    }

    /// What it reports by itself, up to the line before the first that begins like this.
    fn reports_until(&mut self, end: &str) -> Vec<String> {
        let lines = self.stderr.by_ref().map(Result::unwrap);
        lines.take_while(|line| !line.starts_with(end)).collect()
    }

    /// Its exit code and all it reported.
    fn end(mut self) -> (Option<i32>, Vec<String>) {
        let said = self.stderr.by_ref().map(Result::unwrap).collect();
        (self.process.wait().unwrap().code(), said)
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// From the line that begins so to the next empty one, or a note.
fn paragraph(text: &[String], begins: &str) -> Vec<String> {
    let lines = text.iter().skip_while(|line| !line.starts_with(begins));
    let lines = lines.take_while(|line| !line.is_empty() && !line.starts_with("note "));
    lines.cloned().collect()
}

#[test]
fn a_program_that_is_stuck_says_so_and_why() {
    let mut program = Watched::start("deadlock");
    let report = program.reports_until("task ");
    assert_eq!(
        report[2], "stuck (likely): nothing in it can wake its tasks",
        "{report:#?}"
    );
    assert!(report.iter().any(|it| it.contains("[lock-cycle, likely]")));
}

#[test]
fn a_program_finds_in_itself_what_is_found_from_outside() {
    let mut program = Watched::start("deadlock");
    let inside = program.reports_until("task ");
    let explain = format!("explain {}", program.process.id());
    let started = Instant::now();
    let outside = loop {
        let outside = Unstuck::new(&explain).run().succeeded().stdout;
        // While the thread that watches reads, nobody can tell what it does.
        if outside.contains("\nstuck (") || started.elapsed() > LONG {
            break outside;
        }
    };
    let outside: Vec<String> = outside.lines().map(str::to_owned).collect();
    // From outside, memory can be searched for a proof.
    let unsure = |text: &[String]| -> Vec<String> {
        let lines = text.iter().map(|line| line.replace("proven", "likely"));
        lines.collect()
    };
    let [why, same] = [&inside, &outside].map(|it| unsure(&paragraph(it, "why ")));
    assert!(!why.is_empty());
    assert_eq!(why, same);
    let [begin, same] = [&inside, &outside].map(|it| unsure(&it[..3]));
    assert_eq!(begin, same, "the thread that watches wakes nobody");
}

#[test]
fn a_part_that_is_stuck_is_reported_while_the_rest_goes_on() {
    let mut program = Watched::start("deadlock-in-part");
    let report = program.reports_until("task ");
    let why = paragraph(&report, "why ");
    assert!(why[0].contains("[lock-cycle, likely]"), "{report:#?}");
}

#[test]
fn what_something_else_will_wake_is_not_reported() {
    let programs = [
        "thread",
        "blocking-task",
        "timer",
        "socket",
        "other-runtime",
    ];
    thread::scope(|scope| {
        for program in programs {
            scope.spawn(move || {
                let (code, said) = Watched::start(program).end();
                assert_eq!((code, said), (Some(0), Vec::new()), "{program}");
            });
        }
    });
}

#[test]
fn nothing_is_reported_once_the_watcher_is_dropped() {
    let (code, said) = Watched::start("deadlock-unwatched").end();
    assert_eq!((code, said), (Some(0), Vec::new()));
}

/// The guard of a build with the cfg has tests of its own.
#[cfg(not(tokio_unstable))]
#[test]
fn a_guard_reports_on_ctrl_backslash_and_ends_the_program_on_ctrl_c() {
    let mut program = Watched::start("guarded-deadlock");
    let mut stdout = BufReader::new(program.process.stdout.take().unwrap()).lines();
    assert_eq!(stdout.next().unwrap().unwrap(), "ready");
    let send = |program: &Watched, signal: &str| {
        let id = program.process.id().to_string();
        assert!(
            Command::new("kill")
                .args([signal, &id])
                .status()
                .unwrap()
                .success()
        );
    };
    send(&program, "-QUIT");
    let report = program.reports_until("task ");
    assert!(report[0].starts_with("process "), "{report:#?}");
    send(&program, "-INT");
    let (code, said) = program.end();
    assert_eq!(code, Some(130));
    assert!(
        said.iter().any(|line| line.starts_with("process ")),
        "{said:#?}"
    );
}
