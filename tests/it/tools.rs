//! What needs a program that may be missing: just, tokio-console, cargo-nextest, gdb, and shells.

use std::path::PathBuf;
use std::process::Command;

/// Where `program` is. None, and a line that says so, if it is missing: then there is nothing to test,
/// unless that is not allowed.
pub(crate) fn find(program: &str) -> Option<PathBuf> {
    locate(program, &format!("cargo install --locked {program}"))
}

/// The same for one that comes with the system: a shell, or a debugger.
#[cfg(unix)]
pub(crate) fn find_of_system(program: &str) -> Option<PathBuf> {
    locate(program, &format!("apt-get install {program}"))
}

fn locate(program: &str, install: &str) -> Option<PathBuf> {
    let name = format!("{program}{}", std::env::consts::EXE_SUFFIX);
    let path = std::env::var_os("PATH").unwrap_or_default();
    let found = std::env::split_paths(&path)
        .map(|folder| folder.join(&name))
        .find(|file| file.is_file());
    if found.is_none() {
        // What .ci/run could not install.
        let may_skip = std::env::var("UNSTUCK_MAY_SKIP").unwrap_or_default();
        let may_skip = may_skip.split(' ').any(|it| it == program);
        assert!(
            may_skip || std::env::var_os("UNSTUCK_SKIP_NOTHING").is_none(),
            "{program} is missing; install it with `{install}`"
        );
        eprintln!("skipped: {program} is missing");
    }
    found
}

#[test]
fn just_knows_the_recipes() {
    let Some(just) = find("just") else { return };
    let listed = Command::new(just)
        .args(["--summary", "--unsorted"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .expect("just runs");
    assert_eq!(
        String::from_utf8_lossy(&listed.stdout).trim(),
        "demo hang group fixed console all errors queues locks time list show test soak review lint bench ci",
        "{}",
        String::from_utf8_lossy(&listed.stderr)
    );
}

#[cfg(tokio_unstable)]
#[test]
fn tokio_console_shows_the_task_that_waits() {
    use crate::console::Served;
    use crate::pty::Pty;

    let Some(console) = find("tokio-console") else {
        return;
    };
    let served = Served::start();
    let mut screen = Pty::of(&console, &served.address, 200);
    screen.wait_for("join_all.rs");
    screen.wait_for("worker-2");
    screen.press("r");
    screen.wait_for("ALL_DONE");
    screen.press("q");
    let (code, _) = screen.finish();
    assert_eq!(code, 0);
}
