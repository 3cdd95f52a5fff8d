//! Core files that the kernel wrote.

use std::fs::{self, File};
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use unstuck_inspect::snapshot::{Gap, NativeFrame, Snapshot, ThreadState};
use unstuck_inspect::{Error, Inspector};

use crate::program::{Program, executable};

/// A program that was ended by a signal.
struct Dumped {
    /// Removed with all that is in it once the test is over.
    folder: PathBuf,
    core: PathBuf,
    /// What the program was doing before.
    live: Snapshot,
}

impl Drop for Dumped {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.folder);
    }
}

impl Dumped {
    /// A program that is ended when that many tasks are at rest.
    fn new(test: &str, name: &str, tasks: usize, profile: &str, signal: &str) -> Option<Self> {
        Self::once(test, name, profile, signal, |program| {
            program.snapshot_at_rest(tasks);
        })
    }

    /// Starts the program of a profile in a folder of its own, waits, and sends the signal. `None`, and a line that
    /// says why, where the kernel writes no core files that a test can find.
    fn once(
        test: &str,
        name: &str,
        profile: &str,
        signal: &str,
        wait: impl FnOnce(&Program),
    ) -> Option<Self> {
        if !kernel_writes_core_files() {
            return None;
        }
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR"))
            .join("cores")
            .join(format!("{test}-{name}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir_all(&folder).expect("a folder");
        // No copy: a file that is open for writing, also in a child of another test, can't be started.
        let link = folder.join("program");
        fs::hard_link(executable(profile), &link).expect("a link to the program");
        let mut shell = Command::new("sh");
        shell
            .args(["-c", "ulimit -c unlimited && exec \"$0\" \"$1\""])
            .arg(&link)
            .arg(name)
            .current_dir(&folder);
        let mut program = Program::start_by(&mut shell);
        wait(&program);
        // Once more, so that the tables have nothing of the time before.
        let live = program.inspector().snapshot().expect("a snapshot");
        let sent = Command::new("kill")
            .args([signal, &program.id().to_string()])
            .status();
        assert!(sent.expect("kill runs").success());
        assert!(program.dumped(), "the kernel wrote no core file");
        let files = fs::read_dir(&folder).expect("the folder");
        let mut files = files.map(|file| file.expect("a file").path());
        let core = files
            .find(|file| *file != link)
            .expect("the core file is in the folder that the program ran in");
        Some(Self { folder, core, live })
    }

    fn program(&self) -> PathBuf {
        self.folder.join("program")
    }

    /// A copy of the core file's first bytes.
    fn truncated(&self, bytes: u64) -> PathBuf {
        let copy = self.folder.join("truncated");
        fs::copy(&self.core, &copy).expect("a copy");
        let file = File::options().write(true).open(&copy).expect("the copy");
        file.set_len(bytes).expect("a shorter file");
        copy
    }
}

/// Whether a program's core file ends up in the folder that it runs in.
fn kernel_writes_core_files() -> bool {
    const PATTERN: &str = "/proc/sys/kernel/core_pattern";
    let pattern = fs::read_to_string(PATTERN).expect("the kernel's pattern");
    let pattern = pattern.trim();
    let reason = if pattern.is_empty() || pattern.contains(['|', '/', '@']) {
        format!("core files go to `{pattern}`, as {PATTERN} says")
    } else {
        let limit = Command::new("sh")
            .args(["-c", "ulimit -c unlimited"])
            .status();
        if limit.expect("a shell").success() {
            return true;
        }
        "the limit for the size of core files can't be raised".to_owned()
    };
    // Only who may change the pattern can do something about it.
    let changeable = File::options().write(true).open(PATTERN).is_ok();
    assert!(
        !changeable || std::env::var_os("UNSTUCK_SKIP_NOTHING").is_none(),
        "{reason}; run `echo core > {PATTERN}`, and `ulimit -H -c unlimited`"
    );
    eprintln!("skipped: {reason}");
    false
}

#[track_caller]
fn snapshot(core: &Path, executable: Option<&Path>) -> Snapshot {
    let inspector = Inspector::open_core(core, executable).expect("the core file can be read");
    inspector.snapshot().expect("a snapshot")
}

/// What a core file can't tell is left out.
fn comparable(mut snapshot: Snapshot) -> Snapshot {
    snapshot.taken_at_ns = None;
    for thread in &mut snapshot.threads {
        if thread.id != snapshot.process.id {
            thread.name.clear();
        }
    }
    snapshot
}

#[track_caller]
fn error(core: &Path, executable: Option<&Path>) -> Error {
    let Err(error) = Inspector::open_core(core, executable) else {
        panic!("it can be read")
    };
    assert_eq!(error.to_string().lines().count(), 1, "{error}");
    error
}

#[test]
fn a_core_file_gives_the_same_snapshot_as_the_process() {
    for (name, tasks, profile, signal) in [
        ("primitives", 23, "dev", "-ABRT"),
        ("containers", 16, "dev", "-QUIT"),
        ("handles", 8, "dev", "-ABRT"),
        ("primitives", 23, "optimized", "-QUIT"),
        ("local_set", 1, "optimized", "-ABRT"),
        ("blocking", 0, "dev", "-QUIT"),
    ] {
        let Some(dumped) = Dumped::new("same", name, tasks, profile, signal) else {
            return;
        };
        let read = snapshot(&dumped.core, None);
        assert_eq!(read.taken_at_ns, None);
        assert_eq!(comparable(read), comparable(dumped.live.clone()), "{name}");
    }
}

#[test]
fn the_stack_of_a_thread_that_runs_is_in_a_core_file() {
    let Some(dumped) = Dumped::once("runs", "spins", "dev", "-ABRT", |_| {}) else {
        return;
    };
    let read = snapshot(&dumped.core, None);
    let [thread] = &read.threads[..] else {
        panic!("one thread: {:?}", read.threads)
    };
    assert_eq!(thread.state, ThreadState::Running);
    let is_spin = |frame: &NativeFrame| {
        let function = frame.function.as_deref();
        function.is_some_and(|function| function.contains("programs::busy::spin"))
    };
    assert!(thread.stack.iter().any(is_spin), "{:#?}", thread.stack);
    assert_eq!(read.gaps, []);
    assert!(read.block_ons.len() == 1, "{:?}", read.block_ons);
}

#[test]
fn a_deleted_executable_is_replaced_by_the_one_that_is_named() {
    let Some(dumped) = Dumped::new("deleted", "handles", 8, "dev", "-ABRT") else {
        return;
    };
    fs::remove_file(dumped.program()).expect("the program's file");
    let missing = error(&dumped.core, None);
    assert!(matches!(missing, Error::NoExecutable { .. }), "{missing}");
    let named = executable("dev");
    let mut read = snapshot(&dumped.core, Some(&named));
    assert_eq!(read.process.executable, named.display().to_string());
    read.process.executable = dumped.program().display().to_string();
    assert_eq!(comparable(read), comparable(dumped.live.clone()));
}

#[test]
fn an_executable_that_was_built_anew_is_an_error() {
    let Some(dumped) = Dumped::new("replaced", "handles", 8, "dev", "-ABRT") else {
        return;
    };
    let other = executable("optimized");
    let named = error(&dumped.core, Some(&other));
    fs::remove_file(dumped.program()).expect("the program's file");
    fs::copy(&other, dumped.program()).expect("another file in its place");
    let found = error(&dumped.core, None);
    for error in [named, found] {
        assert!(matches!(error, Error::ReplacedExecutable { .. }), "{error}");
    }
}

#[test]
fn a_truncated_core_file_is_an_error_or_has_a_gap() {
    let Some(dumped) = Dumped::new("truncated", "containers", 16, "dev", "-ABRT") else {
        return;
    };
    let whole = fs::metadata(&dumped.core).expect("the core file").len();
    let (mut errors, mut gaps) = (0, 0);
    let lengths = (0..12).map(|power| 100 << power);
    let lengths = lengths.chain((1..16).map(|part| whole / 16 * part));
    for length in lengths.filter(|length| *length < whole) {
        let core = dumped.truncated(length);
        match Inspector::open_core(&core, None) {
            Err(error) => {
                assert!(
                    matches!(error, Error::TruncatedCore { bytes, .. } if bytes == length),
                    "{length}: {error}"
                );
                errors += 1;
            }
            Ok(inspector) => {
                let read = inspector.snapshot().expect("a snapshot");
                let gap = Gap::TruncatedCore {
                    bytes: length,
                    whole,
                };
                assert!(read.gaps.contains(&gap), "{length}: {:?}", read.gaps);
                gaps += 1;
            }
        }
    }
    assert!(errors > 0 && gaps > 0, "{errors} errors, {gaps} gaps");
    assert!(matches!(
        error(&dumped.truncated(100), None),
        Error::TruncatedCore { .. }
    ));
}

#[test]
fn a_core_file_of_another_processor_is_an_error() {
    let Some(dumped) = Dumped::new("foreign", "no_tasks", 0, "dev", "-ABRT") else {
        return;
    };
    let file = File::options().write(true).open(&dumped.core);
    file.expect("the core file")
        .write_all_at(&[183, 0], 18)
        .expect("it can be written");
    let foreign = error(&dumped.core, None);
    assert!(matches!(foreign, Error::Architecture { .. }), "{foreign}");
    assert!(foreign.to_string().contains("64-bit ARM"), "{foreign}");
}

#[test]
fn a_file_that_is_no_core_file_is_an_error() {
    let program = executable("dev");
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("Cargo.toml");
    for (file, reason) in [
        (program, "it is a program or a library"),
        (source, "it is not an ELF file"),
        (PathBuf::from("/dev/null"), "it is not an ELF file"),
    ] {
        let error = error(&file, None);
        assert!(matches!(error, Error::Core { .. }), "{error}");
        assert!(error.to_string().contains(reason), "{error}");
    }
    let missing = error(Path::new("/no/core"), None);
    assert!(matches!(missing, Error::Io { .. }), "{missing}");
}
