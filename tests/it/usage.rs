//! Bad input, help, and what else a command line can ask for.

use crate::unstuck::{Unstuck, assert_snapshot};

/// One line says what is wrong, and another one, if any, what to type.
#[track_caller]
fn bad(name: &str, arguments: &str) {
    let ran = Unstuck::new(arguments).run();
    assert_eq!(ran.stdout, "");
    let mut lines = ran.stderr.lines();
    let error = lines.next().unwrap_or_default();
    assert!(error.starts_with("error: "), "{}", ran.stderr);
    assert!(lines.next().is_none_or(is_to_be_typed), "{}", ran.stderr);
    assert_eq!(lines.next(), None, "{}", ran.stderr);
    assert_snapshot(
        &format!("usage-{name}"),
        &format!("$ unstuck {arguments}\n{}", ran.transcript()),
    );
}

fn is_to_be_typed(line: &str) -> bool {
    line.starts_with("  unstuck ")
}

/// It is refused, and this is what to type, if anything is.
#[track_caller]
fn suggests<'s>(arguments: &str, expected: impl Into<Option<&'s str>>) {
    let ran = Unstuck::new(arguments).run();
    assert_eq!((ran.code, &*ran.stdout), (2, ""), "{ran:#?}");
    let suggested = ran.stderr.lines().nth(1).map(str::trim_start);
    assert_eq!(suggested, expected.into(), "{arguments}: {}", ran.stderr);
}

#[test]
fn an_unknown_option_or_command_is_refused_with_the_nearest() {
    bad("unknown-option", "run --fixd");
    bad("unknown-command", "rum");
    bad("unknown-command-at-all", "fly");
    bad("help-for-no-command", "help fly");
}

#[test]
fn what_is_suggested_is_the_whole_command_line_with_the_mistake_corrected() {
    suggests(
        "run --psts 3 --only join-all",
        "unstuck run --posts 3 --only join-all",
    );
    suggests(
        "run --psts=3 --color=nevr",
        None, // one mistake of two
    );
    suggests("run --psts=3", "unstuck run --posts=3");
    suggests("run --color=nevr", "unstuck run --color=never");
    suggests("completions --help-me", None);
    suggests("run --psts 0", None);
}

#[test]
fn suggestions_ignore_case() {
    suggests("RUN --fixed", "unstuck run --fixed");
    suggests("run --FIXED", "unstuck run --fixed");
    suggests("run --color NEVER", "unstuck run --color never");
    suggests("completions Bash", "unstuck completions bash");
    suggests("-v", "unstuck -V");
    suggests("explain -H", "unstuck explain -h");
}

#[test]
fn what_is_not_near_is_not_suggested() {
    suggests("--pretty", None);
    suggests("-x", None);
    suggests("run -x", None);
    suggests("tail", None);
}

#[test]
fn an_option_without_its_command_gets_the_command() {
    suggests("--json", "unstuck run --json");
    suggests("--fixed", "unstuck run --fixed");
    suggests("--plain", "unstuck run --plain");
    suggests("--fixd", "unstuck run --fixed");
    suggests("--posts 3 --fixed", "unstuck run --posts 3 --fixed");
    suggests("--core core.4242", "unstuck explain --core core.4242");
    suggests("-- sleep 1", "unstuck explain -- sleep 1");
    bad("option-without-command", "--json");
}

#[test]
fn a_process_without_its_command_gets_the_command() {
    suggests("4242", "unstuck explain 4242");
    suggests("4242 --full", "unstuck explain 4242 --full");
    bad("process-without-command", "4242");
}

#[cfg(unix)]
#[test]
fn a_program_where_a_process_should_be_gets_the_dashes_before_it() {
    suggests("/bin/sh -c true", "unstuck explain -- /bin/sh -c true");
    suggests("explain /bin/sh", "unstuck explain -- /bin/sh");
    suggests(
        "explain --full /bin/sh",
        "unstuck explain --full -- /bin/sh",
    );
    suggests("explain /no/such/program", None);
}

#[test]
fn of_an_option_that_is_given_twice_the_last_one_counts() {
    // What is refused tells which one was read.
    let core = |arguments: &str| Unstuck::new(&format!("explain {arguments}")).run().stderr;
    let last = core("--core no-core-1 --core no-core-2");
    assert!(last.contains("no-core-2"), "{last}");
    let last = core("--snapshot no-snapshot-1 --snapshot no-snapshot-2 --full --full");
    assert!(last.contains("no-snapshot-2"), "{last}");
    // Those of a command are its own.
    #[cfg(target_os = "linux")]
    assert_eq!(
        Unstuck::new("explain -- echo a a --x --x").run().stdout,
        "a a --x --x\n"
    );
}

#[cfg(unix)]
#[test]
fn control_characters_in_what_was_typed_are_escaped_wherever_it_is_quoted() {
    const TYPED: &str = "\u{1b}[31mred\nerror: not this\u{202e}";
    let before: [&[&str]; 9] = [
        &[],
        &["run"],
        &["run", "--all"],
        &["show"],
        &["completions"],
        &["explain"],
        &["explain", "--core"],
        &["explain", "--snapshot"],
        &["explain", "--"],
    ];
    for before in before {
        for typed in [TYPED.to_owned(), format!("--{TYPED}")] {
            let ran = Unstuck::new("").args(before).args(&[&typed]).run();
            assert_ne!(ran.code, 0, "{before:?}");
            assert_eq!(ran.stderr.lines().count(), 1, "{}", ran.stderr);
            let escaped = r"\u{1b}[31mred\nerror: not this\u{202e}";
            let is_quoted = ran.stderr.contains(escaped) || !ran.stderr.contains("red");
            assert!(is_quoted, "{before:?}: {:?}", ran.stderr);
        }
    }
    suggests_nothing_to_copy();
}

/// What has control characters can't be copied.
#[cfg(unix)]
#[track_caller]
fn suggests_nothing_to_copy() {
    let ran = Unstuck::new("explian --core").args(&["a\nb"]).run();
    assert_eq!(ran.stderr.lines().count(), 1, "{}", ran.stderr);
    let ran = Unstuck::new("explian --core").args(&["it's a b"]).run();
    let suggested = ran.stderr.lines().nth(1);
    assert_eq!(suggested, Some(r"  unstuck explain --core 'it'\''s a b'"));
}

#[test]
fn numbers_out_of_range_are_refused() {
    bad("zero-workers", "run --workers 0");
    bad("too-many-posts", "run --posts 10001");
    bad("no-number", "run --latency soon");
    bad("negative", "run --latency=-1");
    bad("no-value", "run --posts");
}

#[test]
fn an_address_that_does_not_parse_is_refused() {
    bad("address", "run --console localhost:6669");
}

#[test]
fn a_process_is_named_by_its_number() {
    bad("no-process", "explain");
    bad("process-by-name", "explain postgres");
    bad("no-command", "explain --");
    bad("no-shell", "completions");
}

#[test]
fn contradictions_are_refused() {
    bad("contradiction", "run --json --plain");
    bad("quiet-json", "run --quiet --json");
    bad("color", "run --color sometimes");
    bad("shell", "completions tcsh");
    bad("two-scenarios", "run one two");
    bad("one-of-all", "run --all locks --workers 3");
    bad("process-and-snapshot", "explain 4242 --snapshot hang.json");
    bad("process-and-command", "explain 4242 -- sleep 1");
    bad("core-and-command", "explain --core core.4242 -- sleep 1");
}

#[cfg(tokio_unstable)]
mod with_scenarios {
    use std::io::Read;
    use std::net::TcpListener;
    use std::process::{Command, Stdio};

    use super::*;

    #[test]
    fn an_unknown_scenario_or_side_is_refused_with_the_nearest() {
        bad("unknown-scenario", "run swalowed-errors");
        bad("unknown-scenario-at-all", "run xyz");
        bad("unknown-side", "run --only joinall");
        bad("unknown-side-at-all", "run --only xyz");
        bad("unknown-chapter", "run --all errs");
        bad("unknown-page", "show swalowed-errors");
    }

    #[test]
    fn a_scenario_without_its_command_gets_the_command() {
        suggests("lock-order", "unstuck run lock-order");
        suggests("Lock_Order --json", "unstuck run lock-order --json");
        suggests("lock-ordr", "unstuck run lock-order");
        suggests("explain lock-order", "unstuck run lock-order");
        suggests("locks", "unstuck run --all locks");
        suggests("all", "unstuck run --all");
        suggests(
            "task-group",
            "unstuck run swallowed-errors --only task-group",
        );
        suggests("help lock-order", None);
        bad("scenario-without-command", "lock-order");
    }

    #[test]
    fn a_name_of_another_kind_where_a_scenario_should_be_gets_its_option() {
        suggests("run all", "unstuck run --all");
        suggests("run ALL --json", "unstuck run --all --json");
        suggests("run errors", "unstuck run --all errors");
        suggests("run error", "unstuck run --all errors");
        suggests(
            "run join-all",
            "unstuck run swallowed-errors --only join-all",
        );
        suggests("run 4242", "unstuck explain 4242");
        suggests("run --all lock-order", "unstuck run lock-order");
        bad("chapter-as-scenario", "run errors");
    }

    #[test]
    fn a_scenario_is_suggested_by_its_words_and_its_beginning_whatever_the_case() {
        suggests("run panic", "unstuck run lost-panic");
        suggests("show errors", "unstuck show swallowed-errors");
        suggests("run quest", "unstuck run question-mark");
        suggests("run SWALLOWED_ERRORS", "unstuck run swallowed-errors");
        suggests("run plain", None);
    }

    #[test]
    fn of_a_number_that_is_given_twice_the_last_one_counts() {
        let run = |options: &str| {
            let arguments = format!("run --only task-group --json {options}");
            Unstuck::new(&arguments).run().succeeded().stdout
        };
        let last = run("--posts 3 --posts 1 --color never --color always");
        let last: serde_json::Value = serde_json::from_str(&last).expect("JSON");
        assert_eq!(last["sides"][0]["posts"]["total"], 1);
    }

    #[test]
    fn a_port_that_is_taken_is_named() {
        let taken = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = taken.local_addr().expect("its address");
        let ran = Unstuck::new(&format!("run --console {address}")).run();
        let transcript = ran.transcript().replace(&address.to_string(), "[address]");
        assert_snapshot("port-taken", &transcript);
    }

    #[test]
    fn a_temporary_folder_that_can_not_be_made_is_named() {
        let ran = Unstuck::new("run").env("TMPDIR", "/dev/null/nowhere").run();
        assert_snapshot("no-temporary-folder", &ran.transcript());
        let all = Unstuck::new("run --all");
        let ran = all.env("TMPDIR", "/dev/null/nowhere").run();
        // Several are set up at the same time, and the first one to fail is named.
        let transcript = ran.transcript();
        let (before, rest) = transcript.split_once("error: `").expect("an error");
        let (_, rest) = rest.split_once('`').expect("a name");
        let transcript = format!("{before}error: `[scenario]`{rest}");
        assert_snapshot("no-temporary-folder-for-all", &transcript);
    }

    #[test]
    fn list_names_the_scenarios() {
        assert_snapshot("list", &Unstuck::new("list").run().succeeded().stdout);
    }

    #[test]
    fn a_reader_that_has_seen_enough_ends_it_quietly() {
        let mut command = Command::new(env!("CARGO_BIN_EXE_unstuck"));
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut unstuck = command.spawn().expect("it runs");
        drop(unstuck.stdout.take());
        let mut said = String::new();
        let mut stderr = unstuck.stderr.take().expect("it is piped");
        stderr.read_to_string(&mut said).expect("it is text");
        assert_eq!(said, "");
        assert!(unstuck.wait().expect("it ends").success());
    }
}

#[cfg(not(tokio_unstable))]
#[test]
fn a_build_without_the_cfg_says_what_it_lacks() {
    bad("no-cfg", "run");
}

#[test]
fn help_starts_with_examples() {
    for (name, arguments) in [
        ("help", "--help"),
        ("help-run", "run --help"),
        ("help-completions", "completions --help"),
    ] {
        let help = Unstuck::new(arguments).run().succeeded().stdout;
        assert!(help.starts_with("Examples:\n"));
        assert_snapshot(name, &help);
    }
}

#[test]
fn completion_scripts_and_the_manual_page_are_printed() {
    for arguments in [
        "completions bash",
        "completions zsh",
        "completions fish",
        "man",
    ] {
        let printed = Unstuck::new(arguments).run().succeeded().stdout;
        assert!(printed.contains("unstuck"), "{arguments}");
    }
    let page = Unstuck::new("man").run().succeeded().stdout;
    for wanted in [
        ".SS run\n",
        "\\-\\-keep\\-db",
        ".SS show\n",
        ".SH \"EXIT STATUS\"\n",
        "Ctrl+C ended it",
    ] {
        assert!(page.contains(wanted), "{wanted}: {page}");
    }
    // There is no page besides this one.
    assert!(!page.contains("(1)"), "{page}");
}
