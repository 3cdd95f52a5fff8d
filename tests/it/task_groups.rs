//! The page on task groups is true: its program in Python runs. Those in Rust are tests of the documentation.

use std::process::Command;

const PAGE: &str = include_str!("../../docs/task-groups.md");

/// Where Python is missing or has no task groups, there is nothing to test.
#[test]
fn its_pool_on_asyncio_runs_and_has_both_errors() {
    let has_task_groups = "import asyncio; asyncio.TaskGroup";
    let knows = Command::new("python3")
        .args(["-c", has_task_groups])
        .output();
    if !knows.is_ok_and(|knows| knows.status.success()) {
        eprintln!("skipped: there is no python3 with task groups");
        return;
    }
    let program = PAGE
        .split("```")
        .find_map(|block| block.strip_prefix("python\nimport asyncio"))
        .expect("a program");
    let program = format!("import asyncio{program}");
    let ran = Command::new("python3").args(["-c", &program]).output();
    let ran = ran.expect("python3 runs");
    let errors = String::from_utf8_lossy(&ran.stderr);
    assert!(ran.status.success(), "{errors}");
}
