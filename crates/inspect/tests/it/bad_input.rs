//! Processes that can't be read: one clear message each.

use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;

use unstuck_inspect::snapshot::Snapshot;
use unstuck_inspect::{Error, Inspector};

use crate::program::{PATIENCE, Program, executable};

#[track_caller]
fn error(pid: u32) -> Error {
    match Inspector::attach(pid) {
        Ok(_) => panic!("it can be read"),
        Err(error) => error,
    }
}

#[test]
fn a_process_that_does_not_exist_is_named() {
    // Process ids end at 2^22.
    let error = error(u32::MAX);
    assert!(
        matches!(error, Error::NoSuchProcess { pid: u32::MAX }),
        "{error}"
    );
    assert_eq!(
        error.to_string(),
        "no process has the id 4294967295; `ps -e` lists the processes that there are"
    );
}

/// Without types there are no tasks. Threads, their stacks and Tokio's version are all the same.
#[test]
fn a_program_without_types_has_threads_and_says_what_to_set() {
    for (profile, lacks, function, line) in [
        ("limited", "limited debug info, without types", true, true),
        (
            "lines",
            "debug info for lines only, without types",
            true,
            true,
        ),
        ("packed", "its debug info in separate files", true, true),
        ("unpacked", "its debug info in separate files", true, true),
        ("bare", "no debug info about Tokio", true, false),
        ("stripped", "neither debug info nor symbols", false, false),
    ] {
        let program = Program::start_with(&["minimal"], profile);
        let snapshot = program.snapshot_when("asleep", |snapshot| {
            snapshot.threads.iter().all(|it| !it.stack.is_empty())
        });
        let reason = snapshot.no_tasks().expect("no tasks");
        assert!(reason.contains(lacks), "{profile}: {reason}");
        let setting = if profile.ends_with("packed") {
            "`split-debuginfo = \"off\"`"
        } else {
            "`debug = true`"
        };
        assert!(reason.contains(setting), "{profile}: {reason}");
        assert_eq!(reason.lines().count(), 1, "{reason}");
        assert_eq!(snapshot.gaps.len(), 1, "{profile}: {:?}", snapshot.gaps);

        let version = snapshot.process.tokio_version.as_deref();
        assert!(
            version.is_some_and(|version| version.starts_with("1.")),
            "{profile}: {version:?}"
        );
        let [thread] = &snapshot.threads[..] else {
            panic!("one thread: {:?}", snapshot.threads)
        };
        let call = thread.system_call.expect("it sleeps in a system call");
        // It waits for I/O, or on a condition variable.
        assert!(
            [202, 232, 281].contains(&call.number),
            "{profile}: {call:?}"
        );
        let own = thread.stack.iter().find(|frame| {
            let function = frame.function.as_deref();
            function.is_some_and(|it| matches!(it, "minimal" | "programs::minimal"))
        });
        assert_eq!(own.is_some(), function, "{profile}: {:#?}", thread.stack);
        assert_eq!(own.is_some_and(|own| own.line.is_some()), line, "{profile}");
    }
}

/// A 32-bit x86 program that waits for a signal.
fn thirty_two_bit_program() -> Vec<u8> {
    const CODE: [u8; 9] = [
        0xb8, 29, 0, 0, 0, // mov eax, 29 (pause)
        0xcd, 0x80, // int 0x80
        0xeb, 0xf7, // jmp to the start
    ];
    const BASE: u32 = 0x0804_8000;
    const HEADERS: u32 = 52 + 32;
    let length = HEADERS + 9;
    let mut file = b"\x7fELF\x01\x01\x01".to_vec();
    file.resize(16, 0);
    let mut put = |bytes: &[u8]| file.extend_from_slice(bytes);
    // An executable for 32-bit x86.
    put(&[2, 0, 3, 0]);
    // The version, the entry, where the program headers are, and that there are no sections or flags.
    for word in [1, BASE + HEADERS, 52, 0, 0] {
        put(&word.to_le_bytes());
    }
    // The sizes of the headers, and one program header.
    for half in [52_u16, 32, 1, 40, 0, 0] {
        put(&half.to_le_bytes());
    }
    // Load all of the file, to be read and executed.
    for word in [1, 0, BASE, BASE, length, length, 5, 0x1000] {
        put(&word.to_le_bytes());
    }
    put(&CODE);
    file
}

#[test]
fn a_thirty_two_bit_program_is_an_error() {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR"))
        .join(format!("thirty-two-bit-{}", std::process::id()));
    // Another process writes the file: one that is open for writing, also in a child of another test, can't be started.
    let mut shell = Command::new("sh")
        .args(["-c", "cat > \"$0\"; chmod +x \"$0\"; exec \"$0\""])
        .arg(&path)
        .stdin(Stdio::piped())
        .spawn()
        .expect("a shell");
    let mut input = shell.stdin.take().expect("a pipe");
    input.write_all(&thirty_two_bit_program()).expect("a pipe");
    drop(input);
    let started = Instant::now();
    let found = loop {
        let found = error(shell.id());
        let ended = shell.try_wait().expect("a child").is_some();
        if ended || found.to_string().contains("thirty-two-bit") || started.elapsed() > PATIENCE {
            break found;
        }
    };
    let ran = shell.try_wait().expect("a child").is_none();
    let _ = shell.kill();
    let _ = shell.wait();
    let _ = fs::remove_file(&path);
    if !ran {
        eprintln!("skipped: this kernel runs no 32-bit programs");
        return;
    }
    let expected = "is a 32-bit x86 program; only 64-bit x86 programs can be read";
    assert!(found.to_string().ends_with(expected), "{found}");
}

#[test]
fn a_process_whose_parent_has_not_noticed_its_end_has_ended() {
    let mut child = Command::new("true").spawn().expect("true");
    let stat = format!("/proc/{}/stat", child.id());
    let started = Instant::now();
    let is_zombie = || fs::read_to_string(&stat).is_ok_and(|stat| stat.contains(") Z "));
    while !is_zombie() {
        assert!(started.elapsed() < PATIENCE, "it never ends");
        std::thread::yield_now();
    }
    let ended = error(child.id());
    assert!(matches!(ended, Error::ProcessEnded { .. }), "{ended}");
    child.wait().expect("it ended");
}

#[test]
fn a_thread_of_the_kernel_is_an_error() {
    let name = fs::read_to_string("/proc/2/comm");
    if name.is_ok_and(|name| name.trim() == "kthreadd") {
        let kernel = error(2);
        let is_expected = match &kernel {
            Error::Executable { reason, .. } => reason.contains("thread of the kernel"),
            // Only an administrator may know.
            other => matches!(other, Error::NoPermission { pid: 2, .. }),
        };
        assert!(is_expected, "{kernel}");
    } else {
        eprintln!("skipped: in this container there are no threads of the kernel");
    }
}

#[test]
fn a_program_that_was_deleted_or_replaced_is_read_all_the_same() {
    let path =
        Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("replaced-{}", std::process::id()));
    let _ = fs::remove_file(&path);
    // No copy: a file that is open for writing, also in a child of another test, can't be started.
    fs::hard_link(executable("dev"), &path).expect("a link");
    let program = Program::start_executable(&path, &["handles"]);
    let before = program.snapshot_at_rest(8);
    let comparable = |mut snapshot: Snapshot| {
        snapshot.taken_at_ns = None;
        snapshot
    };
    let before = comparable(program.inspector().snapshot().unwrap_or(before));
    fs::remove_file(&path).expect("the link");
    let deleted = program.inspector().snapshot().expect("a snapshot");
    fs::hard_link(executable("bare"), &path).expect("another program");
    let replaced = program.inspector().snapshot().expect("a snapshot");
    fs::remove_file(&path).expect("the link");
    assert_eq!(comparable(deleted), before);
    assert_eq!(comparable(replaced), before);
}

/// This test itself: it has debug info, and no Tokio.
#[test]
fn a_program_without_tokio_is_not_a_tokio_program() {
    let Err(error) = Inspector::attach_self() else {
        panic!("it can be read")
    };
    assert!(matches!(error, Error::NotTokio { .. }), "{error}");
}

#[test]
fn a_process_that_ended_is_told_from_one_that_never_was() {
    let mut program = Program::start(&["no_tasks"]);
    let inspector = program.inspector();
    inspector.snapshot().expect("a snapshot");
    program.end();
    let Err(error) = inspector.snapshot() else {
        panic!("it can be read")
    };
    assert!(matches!(error, Error::ProcessEnded { .. }), "{error}");
}

#[test]
fn a_process_that_ends_while_it_is_read_is_an_error_and_no_panic() {
    for wait in 0..20 {
        let mut program = Program::start(&["churn"]);
        let inspector = program.inspector();
        let ends = std::thread::spawn(move || {
            std::thread::sleep(std::time::Duration::from_micros(wait * 500));
            program.end();
        });
        let started = std::time::Instant::now();
        let error = loop {
            match inspector.snapshot() {
                Ok(_) => assert!(started.elapsed() < PATIENCE, "the process never ended"),
                Err(error) => break error,
            }
        };
        assert!(matches!(error, Error::ProcessEnded { .. }), "{error}");
        ends.join().expect("the program ended");
    }
}

/// A kernel thread has no program. In a container there may be none to look at.
#[test]
fn a_process_that_is_not_a_rust_program_is_an_error() {
    let mut sleep = Command::new("sleep")
        .arg("600")
        .stdout(Stdio::null())
        .spawn()
        .expect("sleep");
    // Until it runs `sleep`, it is a copy of this test.
    let started = std::time::Instant::now();
    let error = loop {
        let error = error(sleep.id());
        if error.to_string().contains("sleep") || started.elapsed() > PATIENCE {
            break error;
        }
    };
    sleep.kill().expect("sleep is alive");
    sleep.wait().expect("sleep ends");
    assert!(
        matches!(error, Error::DebugInfo { .. } | Error::NotTokio { .. }),
        "{error}"
    );
}
