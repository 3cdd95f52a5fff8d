//! Processes that can't be read: one clear message each.

use std::process::{Command, Stdio};

use unstuck_inspect::{Error, Inspector};

use crate::program::{PATIENCE, Program};

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
