//! `unstuck explain -- COMMAND`: the command runs as it would alone, and is explained meanwhile.

use std::ffi::OsStr;
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, ExitStatus, Output, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::{Duration, Instant};

use crate::explain::PROGRAMS;
use crate::pty::Pty;
use crate::tools::find;
use crate::unstuck::{UNWANTED, Unstuck};

const CTRL_C: &str = "\x03";
const CTRL_D: &str = "\x04";
const CTRL_Z: &str = "\x1a";
const CTRL_BACKSLASH: &str = "\x1c";

/// Longer than a busy machine takes for anything here.
const LONG: Duration = Duration::from_mins(3);

/// A command, and what came of it with all its output.
fn ran(mut command: Command, input: &[u8]) -> Output {
    command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut running = command.spawn().unwrap();
    let mut stdin = running.stdin.take().unwrap();
    let input = input.to_owned();
    let writer = thread::spawn(move || {
        // It may end without reading all of it.
        let _ = stdin.write_all(&input);
    });
    let output = running.wait_with_output().unwrap();
    writer.join().unwrap();
    output
}

/// `unstuck explain OPTIONS -- COMMAND`.
fn explain<A: AsRef<OsStr>>(options: &[&str], command: &[A]) -> Command {
    let mut explain = Command::new(env!("CARGO_BIN_EXE_unstuck"));
    explain.arg("explain").args(options).arg("--").args(command);
    for name in UNWANTED {
        explain.env_remove(name);
    }
    explain
}

fn alone<A: AsRef<OsStr>>(command: &[A]) -> Command {
    let mut alone = Command::new(&command[0]);
    alone.args(&command[1..]);
    for name in UNWANTED {
        alone.env_remove(name);
    }
    alone
}

#[track_caller]
fn is_as_alone<A: AsRef<OsStr>>(command: &[A], input: &[u8]) {
    assert_eq!(
        ran(explain(&[], command), input),
        ran(alone(command), input)
    );
}

fn sh(script: &str) -> [&str; 3] {
    ["sh", "-c", script]
}

/// A program of the reader's tests.
fn program(name: &str) -> [&OsStr; 2] {
    [PROGRAMS.as_os_str(), OsStr::new(name)]
}

#[test]
fn what_a_command_reads_and_prints_passes_through_and_its_exit_code() {
    let bytes: Vec<u8> = (0..=255).cycle().take(1_000_000).collect();
    is_as_alone(&["cat"], &bytes);
    is_as_alone(&sh("cat >&2; echo out; exit 7"), &bytes);
    is_as_alone(&["true"], &bytes);
    is_as_alone(&["false"], b"");
    is_as_alone(&program("naps"), b"");
    // With options of its own, of which some are unstuck's too.
    is_as_alone(&["echo", "--full", "--", "--save", "-x", ""], b"");
}

#[test]
fn a_command_finds_the_environment_that_it_has_alone() {
    let variables = |mut command: Command| {
        // A shell drops the first, and sets the second.
        command
            .env("no-name.of a shell", "a=b\nc")
            .env("PWD", "/stale");
        let printed = ran(command, b"").stdout;
        let mut variables: Vec<Vec<u8>> = printed.split(|it| *it == 0).map(Into::into).collect();
        variables.sort_unstable();
        variables
    };
    let env = ["env", "-0"];
    assert_eq!(variables(explain(&[], &env)), variables(alone(&env)));
    is_as_alone(&["pwd"], b"");
    is_as_alone(&sh("ls /proc/self/fd; ulimit -a; umask"), b"");
    let signals = |command: Command| {
        let output = String::from_utf8(ran(command, b"").stdout).unwrap();
        let of = |name: &str| {
            let mut lines = output.lines();
            let mask = lines.find_map(|line| line.strip_prefix(name));
            u64::from_str_radix(mask.unwrap().trim(), 16).unwrap()
        };
        (of("SigBlk:"), of("SigIgn:"), of("SigCgt:"))
    };
    let status = ["cat", "/proc/self/status"];
    let (blocked, ignored, caught) = signals(alone(&status));
    let quit = 1 << (3 - 1);
    assert_eq!(
        signals(explain(&[], &status)),
        (blocked | quit, ignored | quit, caught)
    );
}

#[test]
fn it_ends_by_the_signal_that_ended_the_command() {
    for (name, number) in [
        ("HUP", 1),
        ("INT", 2),
        ("ABRT", 6),
        ("KILL", 9),
        ("SEGV", 11),
        ("PIPE", 13),
        ("TERM", 15),
    ] {
        let script = format!("ulimit -c 0; kill -{name} $$");
        let status = ran(explain(&[], &sh(&script)), b"").status;
        // Rust ignores SIGPIPE in unstuck, so it can't end by it.
        if name == "PIPE" {
            assert_eq!(status.code(), Some(128 + number));
        } else {
            assert_eq!(status.signal(), Some(number), "{name}: {status}");
        }
    }
}

#[test]
fn a_command_that_can_not_be_started_is_refused_in_one_line() {
    let folder = tempfile::tempdir().unwrap();
    let no_program = folder.path().join("no-program");
    fs::write(&no_program, "").unwrap();
    for (command, code, expected) in [
        (
            "no-such-command",
            127,
            "error: there is no command `no-such-command`; check how it is spelled, or give its path, as in \
             `./no-such-command`\n"
                .to_owned(),
        ),
        (
            no_program.to_str().unwrap(),
            126,
            format!(
                "error: `{}` can't be executed: Permission denied (os error 13); make it executable with \
                 `chmod +x`, or run it with its interpreter\n",
                no_program.display()
            ),
        ),
    ] {
        let output = ran(explain(&[], &[command]), b"");
        assert_eq!(output.status.code(), Some(code));
        assert_eq!(String::from_utf8(output.stdout).unwrap(), "");
        assert_eq!(String::from_utf8(output.stderr).unwrap(), expected);
    }
}

#[test]
fn what_contradicts_a_command_is_refused_before_it_starts() {
    let folder = tempfile::tempdir().unwrap();
    let trace = folder.path().join("trace");
    for options in [["--core", "core.1"], ["--snapshot", "hang.json"]] {
        let output = ran(
            explain(&options, &[OsStr::new("touch"), trace.as_os_str()]),
            b"",
        );
        assert_eq!(output.status.code(), Some(2));
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(said.lines().count(), 1, "{said}");
        assert!(said.contains("contradict each other"), "{said}");
        assert!(!trace.exists());
    }
}

/// A command under unstuck that runs. Both are ended once the test is over, with what the command has started.
struct Running {
    unstuck: Child,
    stdin: Option<ChildStdin>,
    stdout: Lines,
    stderr: Lines,
}

/// What was printed so far.
struct Lines {
    received: Receiver<String>,
    all: String,
}

impl Lines {
    fn of(output: impl Read + Send + 'static) -> Self {
        let (send, received) = mpsc::channel();
        thread::spawn(move || {
            let mut output = BufReader::new(output);
            let mut line = Vec::new();
            while output
                .read_until(b'\n', &mut line)
                .is_ok_and(|read| read > 0)
            {
                let text = String::from_utf8(std::mem::take(&mut line)).expect("it is text");
                let _ = send.send(text);
            }
        });
        let all = String::new();
        Self { received, all }
    }

    /// Waits until this was printed, so often.
    #[track_caller]
    fn wait_for(&mut self, text: &str, times: usize) {
        let begun = Instant::now();
        while self.all.matches(text).count() < times {
            let left = LONG.saturating_sub(begun.elapsed());
            match self.received.recv_timeout(left) {
                Ok(line) => self.all += &line,
                Err(why) => panic!("{why}: no {times} times `{text}` in {}", self.all),
            }
        }
    }

    /// All of it, once every process has ended that could print more.
    fn rest(mut self) -> String {
        while let Ok(line) = self.received.recv_timeout(LONG) {
            self.all += &line;
        }
        self.all
    }
}

impl Running {
    fn start(mut explain: Command) -> Self {
        explain
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0);
        let mut unstuck = explain.spawn().unwrap();
        Self {
            stdin: unstuck.stdin.take(),
            stdout: Lines::of(unstuck.stdout.take().unwrap()),
            stderr: Lines::of(unstuck.stderr.take().unwrap()),
            unstuck,
        }
    }

    fn send(&self, signal: &str) {
        let id = self.unstuck.id().to_string();
        let sent = Command::new("kill").args([signal, &id]).status().unwrap();
        assert!(sent.success());
    }

    /// Closes the input, and waits for the end: how it ended, and all that was printed.
    fn finish(mut self) -> (ExitStatus, String, String) {
        drop(self.stdin.take());
        let status = self.unstuck.wait().unwrap();
        let nothing = || Lines::of(std::io::empty());
        let stdout = std::mem::replace(&mut self.stdout, nothing());
        let stderr = std::mem::replace(&mut self.stderr, nothing());
        (status, stdout.rest(), stderr.rest())
    }

    fn end_with(self, signal: &str) -> (ExitStatus, String, String) {
        self.send(signal);
        self.finish()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // All of its group, which has its id. SIGHUP would reach the command alone, and not what that has started.
        let group = format!("-{}", self.unstuck.id());
        let _ = Command::new("kill").args(["-KILL", "--", &group]).status();
        let _ = self.unstuck.wait();
    }
}

#[test]
fn signals_that_a_process_sends_reach_the_command_once() {
    for signal in ["HUP", "INT", "TERM", "USR1", "USR2", "WINCH"] {
        let script = format!(
            "trap 'echo {signal}' {signal}; trap 'exit 3' ALRM; echo ready; while read line; do :; done; \
             while :; do sleep 0.01; [ -s \"$0\" ] && exit 3; done"
        );
        let folder = tempfile::tempdir().unwrap();
        let end = folder.path().join("end");
        let command = ["sh", "-c", &script, end.to_str().unwrap()];
        let mut running = Running::start(explain(&[], &command));
        running.stdout.wait_for("ready\n", 1);
        drop(running.stdin.take());
        running.send(&format!("-{signal}"));
        running.stdout.wait_for(signal, 1);
        fs::write(end, "now").unwrap();
        let (status, stdout, stderr) = running.finish();
        assert_eq!(status.code(), Some(3), "{signal}: {status}");
        assert_eq!(stdout, format!("ready\n{signal}\n"));
        assert_eq!(stderr, "");
    }
}

#[test]
fn a_command_whose_unstuck_is_killed_is_hung_up() {
    let script = "trap 'echo hung up; exit' HUP; echo ready; while :; do sleep 0.01; done";
    let mut running = Running::start(explain(&[], &sh(script)));
    running.stdout.wait_for("ready\n", 1);
    let (status, stdout, _) = running.end_with("-KILL");
    assert_eq!(status.signal(), Some(9));
    assert_eq!(stdout, "ready\nhung up\n");
}

#[test]
fn sigquit_explains_and_the_command_goes_on() {
    let mut running = Running::start(explain(&[], &program("echoes")));
    running.stdout.wait_for("ready\n", 1);
    running.send("-QUIT");
    running.stderr.wait_for("commands::echoes", 1);
    running.send("-QUIT");
    running.stderr.wait_for("commands::echoes", 2);
    let mut stdin = running.stdin.take().unwrap();
    stdin.write_all(b"hello\n").unwrap();
    drop(stdin);
    let (status, stdout, _) = running.finish();
    assert!(status.success());
    assert_eq!(stdout, "tokio_unstable: false\nready\nread hello\n");
}

#[test]
fn where_nothing_runs_tokio_one_line_says_so() {
    let mut running = Running::start(explain(&[], &sh("echo ready; cat")));
    running.stdout.wait_for("ready\n", 1);
    running.send("-QUIT");
    running.stderr.wait_for("\n", 1);
    let (status, stdout, stderr) = running.finish();
    assert!(status.success());
    assert_eq!(stdout, "ready\n");
    assert_eq!(
        stderr,
        "unstuck: no Tokio program runs yet that could be explained\n"
    );
}

/// It is reported by itself, and once. Then somebody asks, so that a second report would have come before that.
#[track_caller]
fn is_reported_once(command: Command, stdout: &str) {
    // The last line of a report.
    const LAST: &str = "\n    waits for the lock of Mutex #1\n";
    let mut running = Running::start(command);
    running.stderr.wait_for(LAST, 1);
    running.send("-QUIT");
    running.stderr.wait_for(LAST, 2);
    let (status, printed, stderr) = running.end_with("-TERM");
    assert_eq!(status.signal(), Some(15), "{status}");
    assert_eq!(stderr.matches("stuck (proven): ").count(), 2, "{stderr}");
    assert_eq!(printed, stdout);
}

const READY: &str = "tokio_unstable: false\nready\n";

#[test]
fn a_program_that_is_stuck_is_reported_by_itself_and_once() {
    is_reported_once(explain(&[], &program("deadlock")), READY);
}

#[test]
fn quiet_leaves_a_line_for_each_report() {
    const VERDICT: &str = "stuck (proven): nothing in it can wake its tasks\n";
    let mut running = Running::start(explain(&["-q"], &program("deadlock")));
    running.stderr.wait_for(VERDICT, 1);
    running.send("-QUIT");
    running.stderr.wait_for(VERDICT, 2);
    let (_, _, stderr) = running.end_with("-TERM");
    let lines: Vec<&str> = stderr.lines().collect();
    let [by_itself, asked] = lines[..] else {
        panic!("{stderr}");
    };
    assert_eq!(by_itself, asked);
    assert!(asked.starts_with("unstuck: process "), "{asked}");
}

#[test]
fn a_program_that_a_shell_becomes_is_explained() {
    let program = PROGRAMS.to_str().unwrap();
    let script = format!("echo shell; exec '{program}' deadlock");
    is_reported_once(explain(&[], &sh(&script)), &format!("shell\n{READY}"));
}

/// The shell gets SIGTERM, and ends what it has started.
fn starting(start: &str) -> String {
    let program = PROGRAMS.to_str().unwrap();
    let start = start.replace("PROGRAM", &format!("'{program}' deadlock"));
    format!(
        "trap 'kill $(cat \"$0\"); trap - TERM; kill -TERM $$' TERM; {start}; while :; do sleep 0.01; done"
    )
}

#[test]
fn a_program_that_a_shell_starts_is_explained() {
    let folder = tempfile::tempdir().unwrap();
    let id = folder.path().join("id");
    let script = starting("PROGRAM & echo $! > \"$0\"");
    let command = ["sh", "-c", &script, id.to_str().unwrap()];
    is_reported_once(explain(&[], &command), READY);
}

#[test]
fn a_program_whose_parent_has_ended_is_explained() {
    let folder = tempfile::tempdir().unwrap();
    let id = folder.path().join("id");
    let script = starting("(PROGRAM & echo $! > \"$0\")");
    let command = ["sh", "-c", &script, id.to_str().unwrap()];
    is_reported_once(explain(&[], &command), READY);
}

fn cargo(arguments: &str) -> Command {
    let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".into());
    let target = PROGRAMS.ancestors().nth(2).unwrap().to_str().unwrap();
    let mut command = vec![&*cargo];
    command.extend(arguments.split(' '));
    let mut explain = explain(&[], &command);
    explain
        .current_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("crates/inspect/tests/programs"))
        .env("CARGO_TARGET_DIR", target)
        .env("RUSTFLAGS", "")
        .env_remove("CARGO_ENCODED_RUSTFLAGS");
    explain
}

#[test]
fn a_program_that_cargo_runs_is_explained() {
    is_reported_once(cargo("run --locked --quiet deadlock"), READY);
}

#[test]
fn a_test_that_hangs_is_named_by_itself() {
    let mut running = Running::start(cargo("test --locked --quiet --test hang -- --ignored"));
    running.stderr.wait_for("hang::waits_for_itself at ", 1);
    let said = running.stderr.all.split_whitespace();
    let said = said.collect::<Vec<_>>().join(" ");
    assert!(said.contains(" stuck ("), "{said}");
    // The system cuts the names of threads off.
    let test = "(waits_for_itsel) waits at tests/hang.rs:7 (`waits_for_itself`) for a message of mpsc channel #1";
    assert!(said.contains(test), "{said}");
}

#[test]
fn a_test_that_nextest_runs_is_explained() {
    if find("cargo-nextest").is_none() {
        return;
    }
    let mut running = Running::start(cargo("nextest run --locked --run-ignored all --test hang"));
    running.stderr.wait_for("Starting 1 test", 1);
    explained_on_request(&mut running);
    // It has each test in a group of its own, and ends them.
    running.end_with("-TERM");
}

#[track_caller]
fn explained_on_request(running: &mut Running) {
    let begun = Instant::now();
    while !running.stderr.all.contains("hang::waits_for_itself at ") {
        assert!(begun.elapsed() < LONG, "{}", running.stderr.all);
        running.send("-QUIT");
        // A report, or that there is none yet.
        let lines = running.stderr.all.lines().count();
        let said = running.stderr.received.recv_timeout(LONG).unwrap();
        running.stderr.all += &said;
        assert!(running.stderr.all.lines().count() > lines);
    }
}

#[test]
fn the_snapshot_of_each_process_is_saved_and_explained_like_it() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("hang.json");
    let id = folder.path().join("id");
    let script = starting("PROGRAM & echo $! > \"$0\"; PROGRAM & echo $! >> \"$0\"");
    let command = ["sh", "-c", &script, id.to_str().unwrap()];
    let mut running = Running::start(explain(&["--save", file.to_str().unwrap()], &command));
    running.stderr.wait_for("saved to ", 2);
    running.stderr.wait_for("memory\n", 2);
    let said = running.stderr.all.clone();
    let (status, ..) = running.end_with("-TERM");
    assert_eq!(status.signal(), Some(15), "{status}");

    let ids = fs::read_to_string(&id).unwrap();
    let others = ids
        .lines()
        .map(|id| folder.path().join(format!("hang.{id}.json")));
    let others: Vec<PathBuf> = others.filter(|file| file.exists()).collect();
    assert_eq!(others.len(), 1, "{said}");
    for file in [&file, &others[0]] {
        let arguments = format!("explain --snapshot {}", file.display());
        let saved = Unstuck::new(&arguments).run().succeeded().stdout;
        assert!(
            said.contains(&format!("saved to {}: names", file.display())),
            "{said}"
        );
        assert!(
            saved
                .lines()
                .all(|it| it.starts_with("note ") || said.contains(it)),
            "{saved}{said}"
        );
    }
}

#[test]
fn each_report_is_written_to_the_folder_that_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path().join("reports");
    let options = ["-q", "--report-dir", folder.to_str().unwrap()];
    let mut running = Running::start(explain(&options, &program("deadlock")));
    running.stderr.wait_for("stuck (proven): ", 1);
    running.send("-QUIT");
    running.stderr.wait_for("stuck (proven): ", 2);
    let (_, _, said) = running.end_with("-TERM");
    let id = said.split_once("unstuck: process ").unwrap().1;
    let id = id.split_once(':').unwrap().0;
    for number in [1, 2] {
        let file = |extension| folder.join(format!("unstuck-{id}-{number}.{extension}"));
        let text = fs::read_to_string(file("txt")).unwrap();
        assert!(text.starts_with(&format!("process {id}: ")), "{text}");
        assert!(text.contains("\nstuck (proven): "), "{text}");
        let json = fs::read_to_string(file("json")).unwrap();
        let json: serde_json::Value = serde_json::from_str(&json).unwrap();
        assert_eq!(json["verdict"], "stuck");
    }
    assert_eq!(fs::read_dir(&folder).unwrap().count(), 4);
}

#[test]
fn a_folder_that_reports_cannot_be_written_to_is_refused_before_the_command_starts() {
    let folder = tempfile::tempdir().unwrap();
    let trace = folder.path().join("trace");
    let command = [OsStr::new("touch"), trace.as_os_str()];
    let output = ran(explain(&["--report-dir", "/proc/no/such"], &command), b"");
    assert_eq!(output.status.code(), Some(1));
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(
        said.contains("name a folder that can be written to"),
        "{said}"
    );
    assert!(!trace.exists());
}

#[test]
fn ctrl_backslash_explains_and_the_command_goes_on() {
    let mut terminal = Pty::run(&arguments("echoes"), 80);
    terminal.wait_for("ready\r\n");
    terminal.press(CTRL_BACKSLASH);
    terminal.wait_for("commands::echoes");
    terminal.press("hello\r");
    terminal.wait_for("read hello\r\n");
    terminal.press(CTRL_D);
    let (code, screen) = terminal.finish();
    assert_eq!(code, 0, "{screen}");
    assert_eq!(screen.matches("1 runtime, 0 tasks").count(), 1, "{screen}");
}

fn arguments(program: &str) -> String {
    format!("explain -- {} {program}", PROGRAMS.display())
}

#[test]
fn ctrl_c_ends_the_command() {
    let mut terminal = Pty::run(&arguments("deadlock"), 80);
    // By itself.
    terminal.wait_for("waits for the lock of Mutex #1");
    terminal.press(CTRL_C);
    let (code, screen) = terminal.finish();
    assert_eq!(code, 130, "{screen}");
}

#[test]
fn a_command_that_handles_ctrl_c_gets_it_once() {
    let folder = tempfile::tempdir().unwrap();
    let script = folder.path().join("script");
    let text = "trap 'echo interrupted' INT; echo ready; read line; read line; echo \"read $line\"; exit 4";
    fs::write(&script, text).unwrap();
    let mut terminal = Pty::run(&format!("explain -- bash {}", script.display()), 80);
    terminal.wait_for("ready\r\n");
    terminal.press(CTRL_C);
    terminal.wait_for("interrupted\r\n");
    terminal.press("one\r");
    terminal.press("two\r");
    let (code, screen) = terminal.finish();
    assert_eq!(code, 4, "{screen}");
    assert_eq!(screen.matches("interrupted").count(), 1, "{screen}");
}

#[test]
fn ctrl_z_stops_the_command_and_the_shell_continues_it() {
    let mut shell = Pty::of(Path::new("bash"), "--norc --noprofile -i", 200);
    shell.press(&format!(
        "{} {}\r",
        env!("CARGO_BIN_EXE_unstuck"),
        arguments("echoes")
    ));
    shell.wait_for("ready\r\n");
    shell.press(CTRL_Z);
    shell.wait_for("Stopped");
    // In two parts, as the line is echoed too. Once it runs, bash has left the terminal to what it runs.
    shell.press("echo contin'ued'; fg\r");
    shell.wait_for("continued\r\n");
    shell.press("hello\r");
    shell.wait_for("read hello\r\n");
    shell.press(CTRL_D);
    shell.press("exit 5\r");
    let (code, screen) = shell.finish();
    assert_eq!(code, 5, "{screen}");
}

#[test]
fn on_a_terminal_that_does_not_process_output_lines_begin_at_the_left() {
    let folder = tempfile::tempdir().unwrap();
    let script = folder.path().join("script");
    let program = PROGRAMS.display();
    fs::write(
        &script,
        format!("stty -opost; '{program}' echoes; stty opost"),
    )
    .unwrap();
    let mut terminal = Pty::run(&format!("explain -- sh {}", script.display()), 80);
    terminal.wait_for("ready\n");
    terminal.press(CTRL_BACKSLASH);
    terminal.wait_for("1 runtime, 0 tasks\r\n");
    terminal.press(CTRL_D);
    let (code, screen) = terminal.finish();
    assert_eq!(code, 0, "{screen}");
}
