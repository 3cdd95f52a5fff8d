//! The stacks of blocked threads, beside those that a debugger shows.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;
use std::time::Instant;

use serde_json::Value;

use crate::explain::{LONG, PROGRAMS, Waiting, build};
use crate::tools::find_of_system;

/// The files and lines on the stack of each thread, by its id, the innermost first. Of code in Rust alone, as gdb may
/// have debug info of the system's libraries.
type Stacks = BTreeMap<u64, Vec<(String, u64)>>;

fn line(file: &str, line: u64) -> Option<(String, u64)> {
    let file = Path::new(file);
    let is_rust = file.extension().is_some_and(|it| it == "rs");
    let name = file.file_name()?.to_str()?.to_owned();
    is_rust.then_some((name, line))
}

fn read(report: &Value) -> Stacks {
    let threads = report["threads"].as_array().expect("a list").iter();
    let of_thread = |thread: &Value| {
        let stack = thread["stack"].as_array().expect("a list").iter();
        let lines =
            stack.filter_map(|frame| line(frame["file"].as_str()?, frame["line"].as_u64()?));
        let id = thread["id"].as_u64().expect("a number");
        (id, lines.collect())
    };
    threads.map(of_thread).collect()
}

/// `None` if gdb may not attach to the process.
fn of_debugger(gdb: &Path, process: u32) -> Option<Stacks> {
    let mut gdb = Command::new(gdb);
    gdb.args(["-nx", "-batch", "-p", &process.to_string()]);
    for command in [
        "set width 0",
        "set backtrace past-main on",
        "set print frame-arguments none",
        "thread apply all backtrace",
    ] {
        gdb.args(["-ex", command]);
    }
    // It would look for debug info elsewhere.
    gdb.env_remove("DEBUGINFOD_URLS");
    let ran = gdb.output().unwrap();
    let (said, errors) = (
        String::from_utf8_lossy(&ran.stdout),
        String::from_utf8_lossy(&ran.stderr),
    );
    if errors.contains("Operation not permitted") || errors.contains("ptrace: ") {
        eprintln!("skipped: gdb may not attach to a process here");
        return None;
    }
    let mut stacks = Stacks::new();
    let mut thread = None;
    for text in said.lines() {
        if let Some((_, id)) = text.split_once("(LWP ") {
            thread = id.split_once(')').and_then(|(id, _)| id.parse().ok());
            stacks.extend(thread.map(|id| (id, Vec::new())));
        }
        let place = text
            .starts_with('#')
            .then(|| text.rsplit_once(" at ")?.1.rsplit_once(':'));
        if let (Some(thread), Some(Some((file, number)))) = (thread, place) {
            let place = number.parse().ok().and_then(|number| line(file, number));
            stacks.get_mut(&thread).expect("it is there").extend(place);
        }
    }
    Some(stacks)
}

/// Those with code of the program. In idle workers of an optimized Tokio, gdb also infers functions that have jumped to
/// another one, and so are not on the stack.
fn own(mut stacks: Stacks) -> Stacks {
    stacks.retain(|_, stack| stack.iter().any(|(file, _)| file == "stacks.rs"));
    stacks
}

/// In how many ways a thread is blocked, at least.
const KINDS: usize = 16;

#[test]
fn a_blocked_thread_has_the_stack_that_a_debugger_shows() {
    let Some(gdb) = find_of_system("gdb") else {
        return;
    };
    for program in [PROGRAMS.clone(), build("programs", "optimized")] {
        let waiting = Waiting::start_executable(&program, "stacks");
        let begun = Instant::now();
        // Until each of its threads has come to rest.
        loop {
            let report = waiting.as_json();
            let Some(expected) = of_debugger(&gdb, waiting.id()) else {
                return;
            };
            let (found, expected) = (own(read(&report)), own(expected));
            if found == expected && expected.len() >= KINDS {
                break;
            }
            assert!(
                begun.elapsed() < LONG,
                "{}: {found:#?}\n{expected:#?}",
                program.display()
            );
        }
    }
}
