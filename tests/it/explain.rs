//! `unstuck explain`: processes that nothing was prepared in, and what was saved of them.

use std::env;
use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::LazyLock;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::unstuck::{Unstuck, assert_snapshot};

/// Longer than a busy machine takes until all tasks wait.
pub(crate) const LONG: Duration = Duration::from_mins(2);

/// The programs that the reader is tested with, built as anybody's are: without this repository's flags.
pub(crate) static PROGRAMS: LazyLock<PathBuf> = LazyLock::new(|| build("programs", "dev"));

/// Builds a package of them, which is also what its executable is called, with a profile.
pub(crate) fn build(package: &str, profile: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("crates/inspect/tests");
    let folder = folder.join(package);
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).join(package);
    let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let built = Command::new(cargo)
        .args(["build", "--locked", "--quiet", "--profile", profile])
        .arg("--target-dir")
        .arg(&target)
        .current_dir(folder)
        .env("RUSTFLAGS", "")
        .env_remove("CARGO_ENCODED_RUSTFLAGS")
        .status();
    assert!(built.expect("Cargo runs").success(), "they can't be built");
    let in_folder = if profile == "dev" { "debug" } else { profile };
    target.join(in_folder).join(package)
}

/// A program that waits. It is killed once the test is over.
pub(crate) struct Waiting(Child);

impl Waiting {
    pub(crate) fn start(name: &str) -> Self {
        Self::start_executable(&PROGRAMS, name)
    }

    pub(crate) fn start_executable(executable: &Path, name: &str) -> Self {
        let mut program = Command::new(executable)
            .arg(name)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the program runs");
        let said = BufReader::new(program.stdout.take().expect("it is piped")).lines();
        let said: Vec<String> = said
            .map(|line| line.expect("it is text"))
            .take_while(|line| line != "ready")
            .collect();
        assert_eq!(said, ["tokio_unstable: false"]);
        Self(program)
    }

    /// What is said of it once that many of its tasks wait.
    fn explained(&self, waiting: usize, more: &str) -> String {
        self.explained_as("", waiting, more)
    }

    /// The same, once it has come to this verdict: a worker may still look for work when all tasks wait.
    pub(crate) fn explained_as(&self, verdict: &str, waiting: usize, more: &str) -> String {
        let begun = Instant::now();
        loop {
            let ran = Unstuck::new(&format!("explain {} {more}", self.0.id())).run();
            let ran = ran.succeeded();
            let count = format!(": {waiting} waiting\n");
            let waits = waiting == 0 || ran.stdout.contains(&count);
            if waits && ran.stdout.contains(&format!("\n{verdict}")) {
                return ran.stdout;
            }
            assert!(begun.elapsed() < LONG, "{}", ran.stdout);
        }
    }

    pub(crate) fn id(&self) -> u32 {
        self.0.id()
    }

    /// The report as JSON.
    pub(crate) fn as_json(&self) -> Value {
        let ran = Unstuck::new(&format!("explain {} --full --json", self.0.id())).run();
        serde_json::from_str(&ran.succeeded().stdout).expect("JSON")
    }

    /// The same, once it has come to this verdict.
    pub(crate) fn explained_as_json(&self, verdict: &str) -> Value {
        let begun = Instant::now();
        loop {
            let document = self.as_json();
            if document["verdict"] == verdict {
                return document;
            }
            assert!(begun.elapsed() < LONG, "{document}");
        }
    }

    /// Without what is different each time: the process, descriptors, timers, and the order in which tasks spawn
    /// others, which decides on their numbers.
    fn redacted(&self, text: &str) -> String {
        let text = text.replace(&self.0.id().to_string(), "[pid]");
        let mut parts: Vec<String> = text.split("\n\n").map(without_numbers).collect();
        let main = parts.iter().position(|part| part.starts_with("main: "));
        let main = main.expect("it has a main");
        parts[main + 1..].sort();
        parts.join("\n\n") + "\n"
    }
}

/// The lines with no number but those of lines of code.
pub(crate) fn without_numbers(text: &str) -> String {
    let lines = text.lines().map(|line| {
        let (line, due) = match line.split_once("due in ") {
            Some((line, _)) => (line, "due in [time]"),
            None => (line, ""),
        };
        let words = line.split(' ').map(|word| {
            let number = word
                .trim_start_matches('#')
                .trim_end_matches([':', ',', ';']);
            let is_number = !number.is_empty() && number.bytes().all(|it| it.is_ascii_digit());
            if is_number {
                word.replace(number, "[n]")
            } else {
                word.to_owned()
            }
        });
        words.collect::<Vec<String>>().join(" ") + due
    });
    lines.collect::<Vec<String>>().join("\n")
}

impl Drop for Waiting {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn quiet_leaves_the_verdict() {
    let program = Waiting::start("locks");
    let text = program.explained_as("stuck", 2, "");
    let verdict = text.lines().find(|line| line.starts_with("stuck"));
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("saved.json");
    let (id, file) = (program.0.id(), file.to_str().unwrap());
    let ran = Unstuck::new(&format!("explain {id} -q --save {file}")).run();
    let ran = ran.succeeded();
    assert_eq!(ran.stdout, format!("{}\n", verdict.expect("a verdict")));
    assert_eq!(ran.stderr, "");
    let ran = Unstuck::new(&format!("explain --quiet --snapshot {file}")).run();
    let ran = ran.succeeded();
    assert!(ran.stdout.starts_with("stuck ("), "{ran:?}");
    assert_eq!(ran.stdout.lines().count(), 1, "{}", ran.stdout);
}

#[test]
fn places_in_an_explanation_are_links_to_files_that_are_there() {
    let program = Waiting::start("locks");
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("saved.json");
    program.explained(2, &format!("--save {}", file.display()));
    let arguments = format!(
        "explain --full --color always --snapshot {}",
        file.display()
    );
    let plain = Unstuck::new(&arguments).run().succeeded().stdout;
    let linked = Unstuck::new(&arguments).env("FORCE_HYPERLINK", "1").run();
    let linked = linked.succeeded().stdout;
    let path = "crates/inspect/tests/programs/src/locks.rs";
    let root = env!("CARGO_MANIFEST_DIR");
    let link = format!("\x1b]8;;file://{root}/{path}\x1b\\{path}:");
    assert!(linked.contains(&link), "{linked}");
    // A library's files are called by its name, and are elsewhere.
    let library = linked.lines().find(|line| line.contains("/tokio-1."));
    assert!(
        library.is_some_and(|line| line.contains("file://")),
        "{linked}"
    );
    let stripped = |text| anstream::adapter::strip_str(text).to_string();
    assert_eq!(stripped(&linked), stripped(&plain));
    assert!(!plain.contains("\x1b]8;"));
}

#[test]
fn locks_that_one_arc_shares_are_told_apart() {
    let program = Waiting::start("locks");
    let text = program.explained(2, "");
    let lock = |start: &str| {
        let mut lines = text
            .lines()
            .filter_map(|line| line.trim().strip_prefix(start));
        let lock = lines
            .next()
            .unwrap_or_else(|| panic!("no `{start}`: {text}"));
        assert_eq!(lines.next(), None, "{text}");
        lock.split(',').next().expect("a lock").to_owned()
    };
    let held = [
        lock("holds `first`: the guard of "),
        lock("holds `second`: the guard of "),
    ];
    assert_ne!(held[0], held[1], "{text}");
    for lock in held {
        assert!(
            text.contains(&format!("waits for the lock of {lock}")),
            "{text}"
        );
    }
}

#[test]
fn it_says_what_each_task_waits_for_and_where() {
    for (name, tasks, verdict, snapshot) in [
        ("primitives", 23, "waiting", "explain-primitives"),
        ("containers", 16, "waiting", "explain-containers"),
        ("handles", 8, "stuck", "explain-handles"),
        ("locks", 2, "stuck", "explain-locks"),
    ] {
        let program = Waiting::start(name);
        let text = program.explained_as(verdict, tasks, "");
        assert_snapshot(snapshot, &program.redacted(&text));
    }
}

#[test]
fn with_full_it_shows_the_code_of_libraries_too() {
    let program = Waiting::start("primitives");
    let is_of_tokio = |line: &str| line.contains("tokio-1.") && line.contains("src/sync/");
    let short = program.explained(23, "");
    assert!(!short.lines().any(is_of_tokio), "{short}");
    let full = program.explained(23, "--full");
    assert!(full.lines().any(is_of_tokio), "{full}");
}

#[test]
fn what_was_saved_is_explained_like_the_process() {
    let program = Waiting::start("handles");
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("hang.json");
    let live = program.explained(8, &format!("--save {}", file.display()));
    drop(program);
    let saved = Unstuck::new(&format!("explain --snapshot {}", file.display()));
    let saved = saved.run().succeeded().stdout;
    let tasks = |text: &str| text.split_once("\n\nmain: ").expect("a main").1.to_owned();
    assert_eq!(tasks(&saved), tasks(&live));
    // One reading does not tell what moves, and the report says so.
    assert!(!live.contains("one reading"), "{live}");
    assert!(
        saved.contains("this is one reading of a live process"),
        "{saved}"
    );
}

/// The verdict and why, without the list of tasks.
pub(crate) fn answer(text: &str) -> &str {
    text.split_once("\n\nmain: ").expect("a main").0
}

#[test]
fn a_deadlock_is_named_link_by_link_beside_tasks_that_go_on() {
    for (name, tasks, verdict, rule) in [
        ("locks", 2, "stuck (proven)", "[lock-cycle, proven]"),
        (
            "deadlock_beside_sleeper",
            3,
            "waiting",
            "[lock-cycle, likely]",
        ),
    ] {
        let program = Waiting::start(name);
        let text = program.explained_as(verdict, tasks, "");
        let answer = answer(&text);
        assert!(answer.contains("deadlock, a circular wait"), "{answer}");
        assert!(answer.contains(rule), "{answer}");
        assert!(answer.contains("holds the guard in `first`"), "{answer}");
        assert!(answer.contains("holds the guard in `second`"), "{answer}");
        assert!(answer.lines().count() <= 20, "{answer}");
    }
}

#[test]
fn the_json_of_a_deadlock_has_each_link_of_it() {
    let program = Waiting::start("locks");
    program.explained_as("stuck (proven)", 2, "");
    let id = program.0.id();
    let document = json(&format!("explain {id} --json"));
    assert_eq!(document["schema"], 2);
    assert_eq!(document["process"]["id"], id);
    assert_eq!(document["basis"], "two_readings");
    assert_eq!(document["verdict"], "stuck");
    let [finding] = &document["findings"].as_array().expect("a list")[..] else {
        panic!("{document:#}")
    };
    assert_eq!(finding["rule"], "lock-cycle");
    assert_eq!(
        (&finding["cause"], &finding["until"]),
        (&json!("wait"), &json!("never"))
    );
    let summary = finding["summary"].as_str().expect("a text");
    assert!(
        summary.starts_with("deadlock, a circular wait"),
        "{summary}"
    );
    let links = finding["links"].as_array().expect("a list");
    assert_eq!(links.len(), 2, "{finding:#}");
    for (number, link) in links.iter().enumerate() {
        let other = &links[1 - number];
        assert_eq!(link["waits_for"]["kind"], "mutex");
        let [waiter] = &link["waiters"].as_array().expect("a list")[..] else {
            panic!("{link:#}")
        };
        let [holder] = &link["holders"].as_array().expect("a list")[..] else {
            panic!("{link:#}")
        };
        let at = &waiter["at"][0];
        let (function, local) = match waiter["who"]["name"].as_str() {
            Some("programs::locks::forwards") => ("forwards", "second"),
            Some("programs::locks::backwards") => ("backwards", "first"),
            other => panic!("{other:?}"),
        };
        assert_eq!(at["function"], format!("programs::locks::{function}"));
        assert!(
            at["file"]
                .as_str()
                .expect("a path")
                .ends_with("/src/locks.rs")
        );
        assert_eq!(at["line"], line_of(function), "{waiter:#}");
        // Who holds the lock waits for the other one.
        assert_eq!(
            (&holder["handle"], &holder["local"]),
            (&json!("mutex_guard"), &json!(local))
        );
        assert_eq!(holder["who"], other["waiters"][0]["who"]);
        assert_eq!(holder["waits_in"], 1 - number);
        assert_eq!(holder["waits_for"], other["waits_for"]);
        assert_ne!(link["waits_for"], other["waits_for"]);
    }
    let (_, documented) = include_str!("../../src/report/json.md")
        .split_once("# A process")
        .expect("two parts");
    for (path, of) in [
        ("", &document),
        ("findings[].", finding),
        ("tasks[].", &document["tasks"][0]),
        (
            "tasks[].frames[].handles[].",
            &document["tasks"][1]["frames"][0]["handles"][0],
        ),
        ("holders[].", &links[0]["holders"][0]),
        ("", &links[0]),
    ] {
        for name in of.as_object().expect("an object").keys() {
            let row = format!("| `{path}{name}");
            assert!(documented.contains(&row), "no row on {path}{name}");
        }
    }
    // Whether or not tasks are put together, all are there.
    for more in ["", " --full"] {
        let document = json(&format!("explain {id} --json{more}"));
        let tasks = document["tasks"].as_array().expect("a list");
        let ids = tasks.iter().filter_map(|it| it["ids"].as_array());
        assert_eq!(ids.flatten().count(), 2, "{document:#}");
    }
}

/// The line at which a function of the program `locks` waits.
fn line_of(function: &str) -> usize {
    let source = include_str!("../../crates/inspect/tests/programs/src/locks.rs");
    let mut lines = source.lines().enumerate();
    let start = format!("async fn {function}(");
    lines
        .find(|(_, line)| line.contains(&start))
        .expect("the function");
    let waits = lines.find(|(_, line)| line.trim_start().starts_with('*'));
    waits.expect("a line that waits").0 + 1
}

#[test]
fn a_snapshot_is_explained_as_json_too() {
    let program = Waiting::start("handles");
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("hang.json");
    program.explained_as("stuck", 8, &format!("--save {}", file.display()));
    let live = json(&format!("explain {} --json", program.0.id()));
    drop(program);
    let saved = json(&format!("explain --snapshot {} --json", file.display()));
    assert_eq!(saved["basis"], "one_reading");
    assert_eq!(saved["tasks"], live["tasks"]);
    assert_eq!(saved["findings"], live["findings"]);
}

/// What is printed as JSON.
#[track_caller]
fn json(arguments: &str) -> Value {
    let printed = Unstuck::new(arguments).run().succeeded().stdout;
    serde_json::from_str(&printed).unwrap_or_else(|error| panic!("{error}: {printed}"))
}

#[test]
fn what_a_thread_may_still_send_is_waited_for() {
    let program = Waiting::start("sender_in_thread");
    let text = program.explained(1, "");
    let line = text.lines().nth(2).expect("a verdict");
    assert!(line.starts_with("waiting"), "{text}");
    assert!(!answer(&text).contains("[idle-receiver"), "{text}");
    assert!(answer(&text).contains("may wake tasks, too"), "{text}");
}

#[test]
fn a_file_that_is_no_core_file_is_refused_in_one_line() {
    let said = refused("--core Cargo.toml");
    assert!(
        said.contains("Cargo.toml can't be read as a core file: it is not an ELF file"),
        "{said}"
    );
}

/// One line says what is wrong, and what to do.
#[track_caller]
fn refused(arguments: &str) -> String {
    let ran = Unstuck::new(&format!("explain {arguments}")).run();
    assert_eq!((ran.code, &*ran.stdout), (1, ""), "{ran:#?}");
    assert_eq!(ran.stderr.lines().count(), 1, "{}", ran.stderr);
    ran.stderr
}

#[test]
fn a_process_that_can_not_be_read_is_refused_in_one_line() {
    let said = refused("4294967295");
    assert_eq!(
        said,
        "error: no process has the id 4294967295; `ps -e` lists the processes that there are\n"
    );
    let mut shell = Command::new("sleep").arg("1000").spawn().unwrap();
    let said = refused(&shell.id().to_string());
    shell.kill().unwrap();
    shell.wait().unwrap();
    assert!(said.contains("debug info"), "{said}");
}

#[test]
fn a_program_without_debug_info_has_its_threads_explained() {
    let folder = tempfile::tempdir().unwrap();
    let bare = folder.path().join("bare");
    let stripped = Command::new("objcopy")
        .arg("--strip-debug")
        .args([&*PROGRAMS, &bare])
        .status();
    match stripped {
        Ok(status) => assert!(status.success()),
        Err(error) => {
            assert!(
                env::var_os("UNSTUCK_SKIP_NOTHING").is_none(),
                "{error}; install binutils"
            );
            eprintln!("skipped: objcopy: {error}");
            return;
        }
    }
    let program = Waiting::start_executable(&bare, "blocked");
    let lacks = format!(
        "error: {} has no debug info about Tokio; build it with `debug = true` in its Cargo profile\n",
        bare.display()
    );
    let own = |line: &str| line.trim_start().starts_with("programs::runtimes::");
    let begun = Instant::now();
    let ran = loop {
        let ran = Unstuck::new(&format!("explain {}", program.0.id())).run();
        assert_eq!((ran.code, &ran.stderr), (1, &lacks), "{ran:#?}");
        if ran.stdout.lines().any(own) || begun.elapsed() > LONG {
            break ran;
        }
    };
    let title = ran.stdout.lines().take(2).collect::<Vec<_>>();
    assert!(title[0].contains("bare, Tokio 1."), "{title:?}");
    assert!(
        title[1].ends_with(" threads; the tasks can't be read"),
        "{title:?}"
    );
    assert!(ran.stdout.lines().any(own), "{}", ran.stdout);
}

#[test]
fn a_file_that_is_no_snapshot_is_refused_in_one_line() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("hang.json");
    let arguments = format!("--snapshot {}", file.display());
    assert!(refused(&arguments).contains("name a file that can be read"));
    for (text, why) in [
        ("", "is no snapshot"),
        ("{}", "is no snapshot"),
        (r#"{"schema": 3}"#, "is no snapshot"),
        (
            r#"{"schema": 0}"#,
            "has schema 0, and this version reads schema 3",
        ),
    ] {
        fs::write(&file, text).unwrap();
        let said = refused(&arguments);
        assert!(said.contains(why), "{said}");
    }
}
