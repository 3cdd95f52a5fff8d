//! How tasks ended, in programs that tell nobody.

use serde_json::Value;

use crate::explain::{Waiting, build};

/// What is shown of each task in one of the programs: of the tasks themselves, and of the results that main has.
fn shown(profile: &str, name: &str) -> Vec<(String, String)> {
    let program = Waiting::start_executable(&build("outcomes", profile), name);
    let document = program.explained_as_json("stuck");
    let list = |value: &Value| value.as_array().cloned().unwrap_or_default();
    let text = |outcome: &Value| match (&outcome["kind"], &outcome["text"]) {
        (_, Value::String(text)) => text.clone(),
        (Value::String(kind), _) => kind.clone(),
        _ => panic!("no outcome: {outcome}"),
    };
    let mut found = Vec::new();
    for task in list(&document["tasks"]) {
        if !task["outcome"].is_null() {
            let name = task["name"].as_str().expect("a name");
            let name = name.rsplit("::").next().unwrap_or(name).to_owned();
            found.push((name, text(&task["outcome"])));
        }
        for frame in list(&task["frames"]) {
            for held in list(&frame["results"]) {
                let local = held["local"].as_str().expect("a local").to_owned();
                let [error] = &list(&held["errors"])[..] else {
                    panic!("one error: {held}");
                };
                assert_eq!((&held["count"], &error["count"]), (&1.into(), &1.into()));
                found.push((local, text(error)));
            }
        }
    }
    found.sort();
    found
}

/// Runs each program, and compares what is shown of its tasks with the table in `docs/errors.md`.
fn assert_table_holds(profile: &str) {
    let table = include_str!("../../docs/errors.md").lines();
    let rows = table.filter_map(|line| line.strip_prefix("| `")?.strip_suffix(" |"));
    let rows: Vec<Vec<&str>> = rows.map(|row| row.split(" | ").collect()).collect();
    assert!(rows.len() > 12);
    for (column, program) in (3..).zip(["handles", "sets", "results", "detached"]) {
        let in_docs = rows.iter().filter(|row| row[column] == "shown");
        let in_docs = in_docs.map(|row| (row[0], row[2]));
        let plain = |text: &str| text.trim_matches('`').to_owned();
        let mut in_docs: Vec<_> = in_docs
            .map(|(name, text)| (plain(name), plain(text)))
            .collect();
        in_docs.sort();
        let mut shown = shown(profile, program);
        // The near miss: a task that returns no error.
        shown.retain(|(name, text)| (&**name, &**text) != ("returned", "returned"));
        assert_eq!(shown, in_docs, "{profile} {program}");
    }
}

#[test]
fn errors_of_many_types_are_read_where_somebody_still_has_them() {
    assert_table_holds("dev");
}

#[test]
fn errors_are_read_in_an_optimized_program() {
    assert_table_holds("optimized");
}

#[test]
fn results_that_were_moved_are_not_told_of() {
    assert_eq!(shown("dev", "handed_on"), []);
}

#[test]
fn the_answer_says_who_has_errors_that_nobody_has_read() {
    let program = Waiting::start_executable(&build("outcomes", "dev"), "one_of_each");
    let text = program.explained_as("stuck", 0, "");
    let errors: Vec<&str> = text.split_whitespace().collect();
    let errors = errors.join(" ");
    for part in [
        "errors nobody has read the error of task 1, whose handle main holds in `unread` at \
         crates/inspect/tests/outcomes/src/main.rs:",
        "(`one_of_each`): Damaged { what: \"row 12\", at: 7 }",
        "main holds 4 results, 3 of them errors, in `results` at",
        "no text (2 times); panicked: a constant",
    ] {
        assert!(errors.contains(part), "{part}: {text}");
    }
}

#[test]
fn the_answer_says_where_results_went_that_nobody_has_any_more() {
    let answer = |name: &str| {
        let program = Waiting::start_executable(&build("outcomes", "dev"), name);
        let text = program.explained_as("stuck", 0, "");
        text.split_whitespace().collect::<Vec<_>>().join(" ")
    };
    let source = include_str!("../../crates/inspect/tests/outcomes/src/main.rs");
    let line = source.lines().position(|line| line.ends_with("// joins"));
    let line = line.expect("a marked line") + 1;
    let sentence = format!(
        "errors main awaited results of tasks at crates/inspect/tests/outcomes/src/main.rs:{line} (`pool`), and no \
         local has them any more: if an error was among them, it was read or dropped there [likely]"
    );
    let pool = answer("pool");
    assert!(pool.contains(&sentence), "{pool}");
    let counts = answer("pool_that_counts");
    assert!(counts.contains(" main waits at "), "{counts}");
    assert!(!counts.contains("errors "), "{counts}");
}
