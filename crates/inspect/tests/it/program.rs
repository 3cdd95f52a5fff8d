//! Builds and starts the programs of `tests/programs` and `tests/versions`.

use std::collections::HashMap;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::{Duration, Instant};

use unstuck_inspect::Inspector;
use unstuck_inspect::snapshot::{
    AwaitTree, Frame, FrameIndex, Leaf, Lifecycle, Origin, Snapshot, Task,
};

/// Longer than anything takes that works, also on a busy machine.
pub(crate) const PATIENCE: Duration = Duration::from_mins(1);

/// A running program. It is killed when this is dropped.
pub(crate) struct Program {
    child: Child,
    pub(crate) input: ChildStdin,
    pub(crate) output: BufReader<ChildStdout>,
}

impl Program {
    /// Starts a program of the dev profile.
    pub(crate) fn start(arguments: &[&str]) -> Self {
        Self::start_with(arguments, "dev")
    }

    /// Starts a program built with a profile, and waits until it is ready.
    pub(crate) fn start_with(arguments: &[&str], profile: &str) -> Self {
        Self::start_executable(&executable(profile), arguments)
    }

    /// Starts an executable, and waits until it is ready.
    pub(crate) fn start_executable(executable: &Path, arguments: &[&str]) -> Self {
        let mut program = Self::start_early(executable, arguments);
        program.line("ready");
        program
    }

    /// Starts a program with a command, which must not change its process id, and waits until it is ready.
    pub(crate) fn start_by(command: &mut Command) -> Self {
        let mut program = Self::start_command(command);
        program.line("ready");
        program
    }

    fn start_early(executable: &Path, arguments: &[&str]) -> Self {
        Self::start_command(Command::new(executable).args(arguments))
    }

    fn start_command(command: &mut Command) -> Self {
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the program starts");
        let input = child.stdin.take().expect("a pipe");
        let output = BufReader::new(child.stdout.take().expect("a pipe"));
        let mut program = Self {
            child,
            input,
            output,
        };
        let flag = program.line("tokio_unstable");
        assert_eq!(
            flag, "tokio_unstable: false",
            "the program must be built without the flag"
        );
        program
    }

    /// The next line that starts so.
    pub(crate) fn line(&mut self, start: &str) -> String {
        let mut line = String::new();
        while !line.starts_with(start) {
            line.clear();
            let read = self
                .output
                .read_line(&mut line)
                .expect("the program's output");
            assert_ne!(read, 0, "the program ended before it printed `{start}`");
        }
        line.trim_end().to_owned()
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    pub(crate) fn inspector(&self) -> Inspector {
        Inspector::attach(self.id()).expect("the program can be read")
    }

    /// A snapshot that fits. The program needs some time to come to rest after it said that it is ready.
    #[track_caller]
    pub(crate) fn snapshot_when(&self, what: &str, fits: impl Fn(&Snapshot) -> bool) -> Snapshot {
        let inspector = self.inspector();
        let started = Instant::now();
        loop {
            let snapshot = inspector.snapshot().expect("the program can be read");
            if fits(&snapshot) {
                return snapshot;
            }
            assert!(started.elapsed() < PATIENCE, "never {what}: {snapshot:#?}");
            std::thread::yield_now();
        }
    }

    /// A snapshot in which nothing runs or is going to run.
    #[track_caller]
    pub(crate) fn snapshot_at_rest(&self, tasks: usize) -> Snapshot {
        self.snapshot_when("at rest", |snapshot| at_rest(snapshot, tasks))
    }

    /// Waits until the program ended by a signal, and returns whether it left a core file.
    pub(crate) fn dumped(&mut self) -> bool {
        use std::os::unix::process::ExitStatusExt as _;
        self.child.wait().expect("the program ends").core_dumped()
    }

    pub(crate) fn end(&mut self) {
        self.child.kill().expect("the program is alive");
        self.child.wait().expect("the program ends");
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Whether nothing runs or is going to run.
pub(crate) fn at_rest(snapshot: &Snapshot, tasks: usize) -> bool {
    snapshot.tasks.len() == tasks
        && snapshot
            .tasks
            .iter()
            .all(|task| task.state.lifecycle == Lifecycle::Idle && !task.changed)
        && snapshot.block_ons.iter().all(|main| !main.changed)
        && snapshot
            .threads
            .iter()
            .all(|thread| !thread.stack.is_empty())
}

/// The profiles that all programs are built with. With the others, there is `minimal` alone.
const FULL: [&str; 2] = ["dev", "optimized"];

/// Builds the programs with a profile, once for each run of the tests.
pub(crate) fn executable(profile: &str) -> PathBuf {
    static BUILT: OnceLock<Mutex<HashMap<String, Arc<OnceLock<PathBuf>>>>> = OnceLock::new();
    let slot = BUILT
        .get_or_init(Mutex::default)
        .lock()
        .unwrap()
        .entry(profile.to_owned())
        .or_default()
        .clone();
    slot.get_or_init(|| build(profile)).clone()
}

fn build(profile: &str) -> PathBuf {
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).join("programs");
    let features = if FULL.contains(&profile) {
        &[][..]
    } else {
        &["--no-default-features"]
    };
    let arguments = [&["--profile", profile], features].concat();
    cargo_build(&source(""), &target, &arguments);
    target
        .join(if profile == "dev" { "debug" } else { profile })
        .join("programs")
}

/// Builds a package as anybody builds theirs.
pub(crate) fn cargo_build(package: &Path, target: &Path, arguments: &[&str]) {
    let status = Command::new(env!("CARGO"))
        .args(["build", "--locked", "--quiet", "--target-dir"])
        .arg(target)
        .args(arguments)
        .current_dir(package)
        // This repository sets flags for all builds in it.
        .env("RUSTFLAGS", "")
        .env_remove("CARGO_ENCODED_RUSTFLAGS")
        .env_remove("CARGO_BUILD_RUSTFLAGS")
        .status()
        .expect("cargo runs");
    assert!(status.success(), "{} can't be built", package.display());
}

fn source(file: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/programs")
        .join(file)
}

/// The line of a source file of the programs with this comment.
#[track_caller]
pub(crate) fn line_of(file: &str, marker: &str) -> u32 {
    line_in(&source(file), marker)
}

/// The line of a file with this comment.
#[track_caller]
pub(crate) fn line_in(path: &Path, marker: &str) -> u32 {
    let file = path.display();
    let text = std::fs::read_to_string(path).expect("a source file");
    let mut lines = text
        .lines()
        .zip(1..)
        .filter(|(line, _)| line.ends_with(marker));
    let (_, line) = lines
        .next()
        .unwrap_or_else(|| panic!("no line of {file} ends in `{marker}`"));
    assert!(
        lines.next().is_none(),
        "more than one line of {file} ends in `{marker}`"
    );
    line
}

/// The only task with this function.
#[track_caller]
pub(crate) fn task<'s>(snapshot: &'s Snapshot, function: &str) -> &'s Task {
    let mut tasks = snapshot
        .tasks
        .iter()
        .filter(|task| snapshot[task.name] == function);
    let task = tasks
        .next()
        .unwrap_or_else(|| panic!("no task `{function}`: {:#?}", names(snapshot)));
    assert!(tasks.next().is_none(), "more than one task `{function}`");
    task
}

fn names(snapshot: &Snapshot) -> Vec<&str> {
    snapshot
        .tasks
        .iter()
        .map(|task| &*snapshot[task.name])
        .collect()
}

/// What is awaited, without what is merely held.
pub(crate) fn awaited(tree: &AwaitTree) -> Vec<&Leaf> {
    let held = |leaf: &Leaf| {
        leaf.held_in.is_some()
            || tree
                .ancestors(leaf.frame)
                .any(|frame| frame.held_in.is_some())
    };
    tree.leaves.iter().filter(|leaf| !held(leaf)).collect()
}

/// The program's own functions above a leaf, innermost first: name, file and line.
pub(crate) fn own_stack(
    snapshot: &Snapshot,
    tree: &AwaitTree,
    frame: Option<FrameIndex>,
) -> Vec<(String, String, u32)> {
    let own = |frame: &&Frame| snapshot[frame.place].origin == Origin::Program;
    let place = |frame: &Frame| {
        let place = &snapshot[frame.place];
        (place.function.clone(), place.file.clone(), place.line)
    };
    tree.ancestors(frame).filter(own).map(place).collect()
}

/// The program's own stack as it is expected: functions of a file, and the markers of their lines.
pub(crate) fn expected(file: &str, stack: &[(&str, &str)]) -> Vec<(String, String, u32)> {
    let path = source(file).display().to_string();
    let place = |(function, marker): &(&str, &str)| {
        (
            format!("programs::{function}"),
            path.clone(),
            line_of(file, &format!("// waits: {marker}")),
        )
    };
    stack.iter().map(place).collect()
}
