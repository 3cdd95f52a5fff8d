//! Processes that can't be read: one clear message each.

use std::process::{Command, Stdio};

use unstuck_inspect::{DebugInfoLevel, Error, Inspector};

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

#[test]
fn a_program_without_debug_info_or_symbols_says_what_to_set() {
    let program = Program::start_with(&["minimal"], "stripped");
    let error = error(program.id());
    assert!(
        matches!(
            error,
            Error::DebugInfo {
                found: DebugInfoLevel::Stripped,
                ..
            }
        ),
        "{error}"
    );
    assert!(
        error.to_string().contains("build it with `debug = true`"),
        "{error}"
    );
}

#[test]
fn a_program_with_symbols_alone_is_told_from_one_without_tokio() {
    let program = Program::start_with(&["minimal"], "bare");
    let error = error(program.id());
    assert!(
        matches!(
            error,
            Error::DebugInfo {
                found: DebugInfoLevel::None,
                ..
            }
        ),
        "{error}"
    );
}

#[test]
fn limited_debug_info_has_no_types() {
    let program = Program::start_with(&["minimal"], "limited");
    let error = error(program.id());
    assert!(
        matches!(
            error,
            Error::DebugInfo {
                found: DebugInfoLevel::Limited,
                ..
            }
        ),
        "{error}"
    );
}

#[test]
fn line_tables_have_no_types() {
    let program = Program::start_with(&["minimal"], "lines");
    let error = error(program.id());
    assert!(
        matches!(
            error,
            Error::DebugInfo {
                found: DebugInfoLevel::LineTables,
                ..
            }
        ),
        "{error}"
    );
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
