//! Processes of other users.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use unstuck_inspect::Inspector;

use crate::program::{Program, executable};

/// In the process that reads as another user: the id of the process that it reads.
const READ: &str = "UNSTUCK_TEST_READS_PROCESS";
const TEST: &str = "users::a_process_is_read_as_another_user";
/// A user that owns nothing, on most systems `nobody`.
const NOBODY: &str = "65534";

/// A folder that every user can look into. Removed once the test is over.
struct Folder(PathBuf);

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

impl Folder {
    fn new() -> Self {
        let name = format!("unstuck-users-{}", std::process::id());
        let folder = std::env::temp_dir().join(name);
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir_all(&folder).expect("a folder");
        set_mode(&folder, 0o755);
        Self(folder)
    }

    /// A copy of a program, with these permissions.
    fn copy(&self, program: &Path, name: &str, mode: u32) -> PathBuf {
        let copy = self.0.join(name);
        fs::copy(program, &copy).expect("a copy");
        set_mode(&copy, mode);
        copy
    }
}

fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("other permissions");
}

/// A command that runs a program as another user.
fn as_nobody(program: &Path) -> Command {
    let mut command = Command::new("setpriv");
    command
        .args(["--reuid", NOBODY, "--regid", NOBODY, "--clear-groups"])
        .arg(program);
    command
}

/// What another user learns of a process: how many tasks it has, or why it can't be read.
fn read_as_nobody(tests: &Path, process: u32) -> String {
    let output = as_nobody(tests)
        .args(["--exact", TEST, "--ignored", "--nocapture"])
        .env(READ, process.to_string())
        .output()
        .expect("setpriv runs");
    let text = String::from_utf8_lossy(&output.stdout);
    let line = text.lines().find_map(|line| line.strip_prefix("read: "));
    line.unwrap_or_else(|| panic!("no answer: {output:?}"))
        .to_owned()
}

#[test]
#[ignore = "part of another test"]
fn a_process_is_read_as_another_user() {
    let Ok(process) = std::env::var(READ) else {
        return;
    };
    let snapshot = Inspector::attach(process.parse().expect("an id"))
        .and_then(|inspector| inspector.snapshot());
    match snapshot {
        Ok(snapshot) => println!("\nread: {} tasks", snapshot.tasks.len()),
        Err(error) => println!("\nread: {error}"),
    }
}

#[test]
fn who_may_read_which_process_is_said() {
    let folder = Folder::new();
    let tests = std::env::current_exe().expect("these tests");
    let tests = folder.copy(&tests, "tests", 0o755);
    match as_nobody(&tests).arg("--list").output() {
        Ok(output) if output.status.success() => {}
        other => {
            eprintln!("skipped: nothing can be run as another user here: {other:?}");
            return;
        }
    }
    let minimal = folder.copy(&executable("dev"), "minimal", 0o755);

    let of_root = Program::start(&["minimal"]);
    let denied = format!(
        "no permission to read the memory of process {}",
        of_root.id()
    );
    assert_eq!(
        read_as_nobody(&tests, of_root.id()),
        format!("{denied}: it belongs to another user; run this as the same user, or with `sudo`")
    );

    let own = Program::start_by(as_nobody(&minimal).arg("minimal"));
    let readable = own.snapshot_at_rest(1).tasks.len();
    assert_eq!(readable, 1);
    let yama = fs::read_to_string("/proc/sys/kernel/yama/ptrace_scope");
    let yama = yama.is_ok_and(|scope| scope.trim() != "0");
    let expected = if yama { "ptrace_scope" } else { "1 tasks" };
    let read = read_as_nobody(&tests, own.id());
    assert!(read.contains(expected), "{read}");

    // The kernel denies the memory of a program whose file the user can't read.
    set_mode(&minimal, 0o711);
    let secret = Program::start_by(as_nobody(&minimal).arg("minimal"));
    let expected = if yama {
        "ptrace_scope"
    } else {
        "it is marked as not dumpable"
    };
    let read = read_as_nobody(&tests, secret.id());
    assert!(read.contains(expected), "{read}");
}
