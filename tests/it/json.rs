//! `--json`: what it says of each way to run the story, and that its documentation is complete.

use std::collections::BTreeSet;
use std::fmt::Write;
use std::time::Duration;

use serde_json::Value;

use crate::unstuck::{Ran, Unstuck, assert_snapshot};

fn json(arguments: &str) -> Value {
    let ran = Unstuck::new(&format!("run --json {arguments}"))
        .run()
        .succeeded();
    assert_eq!(ran.stderr, "", "all is well, so nothing is said");
    serde_json::from_str(&ran.stdout).expect("it prints one document")
}

fn side<'d>(document: &'d Value, name: &str) -> &'d Value {
    let sides = document["sides"].as_array().expect("a list");
    sides
        .iter()
        .find(|side| side["name"] == name)
        .expect("the side")
}

fn outcomes(side: &Value) -> Vec<String> {
    let tasks = side["tasks"].as_array().expect("a list").iter();
    tasks
        .map(|task| {
            let text = |field: &str| task[field].as_str().expect("text").to_owned();
            format!("{} {}", text("name"), text("outcome"))
        })
        .collect()
}

fn findings(side: &Value) -> Vec<String> {
    let findings = side["findings"].as_array().expect("a list").iter();
    findings
        .map(|finding| format!("{}: {}", finding["rule"], finding["summary"]).replace('"', ""))
        .collect()
}

#[test]
fn the_story_as_shipped() {
    let ran = Unstuck::new("run --json").run().succeeded();
    assert_snapshot("json", &ran.stdout);
}

#[test]
fn with_one_post_the_pool_hangs_and_the_group_cancels_the_idle_workers() {
    let document = json("--posts 1");
    assert_eq!(document["exploration"], true);

    let pool = side(&document, "join-all");
    assert_eq!(pool["verdict"], "stuck");
    assert_eq!(
        outcomes(pool),
        [
            "main waits",
            "worker-0 error",
            "worker-1 waits",
            "worker-2 waits"
        ]
    );

    let group = side(&document, "task-group");
    assert_eq!(group["verdict"], "failed");
    assert_eq!(
        outcomes(group),
        [
            "main error",
            "pool/worker-0 error",
            "pool/worker-1 cancelled",
            "pool/worker-2 cancelled"
        ]
    );
    assert_eq!(
        group["errors"],
        serde_json::json!({"returned": 1, "surfaced": 1, "swallowed": 0})
    );
}

#[test]
fn the_fix_completes_both_sides() {
    let document = json("--fixed");
    for (name, prefix) in [("join-all", ""), ("task-group", "pool/")] {
        let side = side(&document, name);
        assert_eq!(side["verdict"], "completed");
        assert_eq!(side["posts"], serde_json::json!({"total": 3, "stored": 3}));
        assert_eq!(
            outcomes(side),
            [
                "main ok".to_owned(),
                format!("{prefix}worker-0 ok"),
                format!("{prefix}worker-1 ok"),
                format!("{prefix}worker-2 ok")
            ],
            "{side:#}"
        );
    }
}

#[test]
fn the_fix_is_not_the_end_of_the_story() {
    let document = json("--fixed --posts 2");
    for (name, worker) in [("join-all", "worker-2"), ("task-group", "pool/worker-2")] {
        let side = side(&document, name);
        assert_eq!(side["verdict"], "stuck");
        assert_eq!(side["posts"], serde_json::json!({"total": 2, "stored": 2}));
        let findings = findings(side);
        let [finding] = &findings[..] else {
            panic!("one finding: {findings:?}");
        };
        assert!(finding.starts_with("idle-receiver: "), "{finding}");
        let waits = format!("{worker} waits at scenarios/swallowed_errors/worker.rs:");
        assert!(finding.contains(&waits), "{finding}");
        assert!(
            finding.contains("no permit was found that somebody holds"),
            "{finding}"
        );
    }
    assert_eq!(
        side(&document, "task-group")["tasks"][0]["waits_for"],
        "the tasks of a TaskGroup to end: pool/worker-2"
    );
}

#[test]
fn two_hundred_workers_are_no_different_from_three() {
    let document = json("--workers 200 --posts 200");
    let pool = side(&document, "join-all");
    assert_eq!(pool["verdict"], "stuck");
    assert_eq!(pool["confidence"], "proven");
    assert_eq!(
        pool["errors"],
        serde_json::json!({"returned": 200, "surfaced": 0, "swallowed": 200})
    );
    let group = side(&document, "task-group");
    assert_eq!(group["verdict"], "failed");
    assert_eq!(
        group["errors"],
        serde_json::json!({"returned": 200, "surfaced": 200, "swallowed": 0})
    );
}

#[test]
fn a_slow_api_is_waited_for_however_quiet_it_is() {
    let document = json("--fixed --latency 3000");
    for name in ["join-all", "task-group"] {
        let side = side(&document, name);
        assert_eq!(side["verdict"], "completed");
        let elapsed = Duration::from_millis(side["elapsed_ms"].as_u64().expect("a number"));
        assert!(elapsed >= Duration::from_secs(3));
    }
}

#[test]
fn one_side_alone() {
    let document = json("--only task-group");
    assert_eq!(document["sides"].as_array().expect("a list").len(), 1);
    assert_eq!(
        document["exploration"], false,
        "it plays as shipped, and is held to that"
    );
}

#[test]
fn a_database_that_is_kept_has_the_posts() {
    let folder = tempfile::tempdir().expect("a folder");
    let temporary = folder.path().to_str().expect("its path");
    let run = |arguments: &str| {
        let ran: Ran = Unstuck::new(arguments)
            .env("TMPDIR", temporary)
            .run()
            .succeeded();
        serde_json::from_str::<Value>(&ran.stdout).expect("a document")
    };
    let left = || {
        std::fs::read_dir(folder.path())
            .expect("it can be read")
            .count()
    };

    run("run --json");
    assert_eq!(left(), 0, "nothing is left of a run");

    let document = run("run --json --fixed --keep-db");
    assert_eq!(left(), 1);
    for name in ["join-all", "task-group"] {
        let path = side(&document, name)["database"].as_str().expect("a path");
        assert!(std::path::Path::new(path).exists(), "{path}");
    }
}

/// Every path in a document: `sides[].tasks[].name`.
fn paths(value: &Value, path: &str, found: &mut BTreeSet<String>) {
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                let dot = if path.is_empty() { "" } else { "." };
                paths(value, &format!("{path}{dot}{name}"), found);
            }
        }
        Value::Array(items) if items.iter().any(Value::is_object) => {
            for item in items {
                paths(item, &format!("{path}[]"), found);
            }
        }
        _ => {
            found.insert(path.to_owned());
        }
    }
}

#[test]
fn each_field_is_documented_and_each_documented_field_is_there() {
    let documentation = include_str!("../../src/report/json.md");
    let row = |line: &str| Some(line.strip_prefix("| `")?.split_once('`')?.0.to_owned());
    let (of_a_run, _) = documentation.split_once("# A process").expect("two parts");
    let documented: BTreeSet<String> = of_a_run.lines().filter_map(row).collect();

    let mut found = BTreeSet::new();
    paths(&json("--only join-all"), "", &mut found);
    assert_eq!(found, documented);
}

#[test]
fn a_list_has_what_is_listed_as_text() {
    let listed = Unstuck::new("list --json").run().succeeded().stdout;
    let listed: Value = serde_json::from_str(&listed).expect("it prints one document");
    let mut text = String::new();
    let mut last = &Value::Null;
    for scenario in listed.as_array().expect("a list") {
        let field = |name: &str| scenario[name].as_str().expect("text");
        if *last != scenario["chapter"] {
            text += if last.is_null() { "" } else { "\n" };
            let _ = writeln!(text, "{}: {}", field("chapter"), field("chapter_title"));
            last = &scenario["chapter"];
        }
        let sides = scenario["sides"].as_array().expect("a list").iter();
        let sides: Vec<&str> = sides.map(|side| side.as_str().expect("a name")).collect();
        let (name, summary, sides) = (field("name"), field("summary"), sides.join(", "));
        let _ = writeln!(text, "  {name}  {summary} ({sides})");
        let fields = scenario.as_object().expect("an object").keys();
        let documentation = include_str!("../../src/report/json.md");
        for name in fields {
            assert!(documentation.contains(&format!("`{name}`")), "{name}");
        }
    }
    assert_eq!(text, Unstuck::new("list").run().succeeded().stdout);
}
