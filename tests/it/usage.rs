//! Bad input, help, and what else a command line can ask for.

use crate::unstuck::{Unstuck, assert_snapshot};

fn bad(name: &str, arguments: &str) {
    let ran = Unstuck::new(arguments).run();
    assert_eq!(ran.stdout, "");
    assert_eq!(
        ran.stderr.lines().count(),
        1,
        "one line says it: {}",
        ran.stderr
    );
    assert_snapshot(
        &format!("usage-{name}"),
        &format!("$ unstuck {arguments}\n{}", ran.transcript()),
    );
}

#[test]
fn an_unknown_option_or_command_is_refused_with_the_nearest() {
    bad("unknown-option", "run --fixd");
    bad("unknown-command", "rum");
    bad("unknown-command-at-all", "fly");
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
        assert_snapshot("no-temporary-folder-for-all", &ran.transcript());
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
    for (name, arguments) in [("help", "--help"), ("help-run", "run --help")] {
        let help = Unstuck::new(arguments).run().succeeded().stdout;
        assert!(help.starts_with("Examples:\n"));
        assert_snapshot(name, &help);
    }
}

#[test]
fn completions_and_the_manual_page_know_the_options() {
    for arguments in [
        "completions bash",
        "completions zsh",
        "completions fish",
        "man",
    ] {
        let printed = Unstuck::new(arguments).run().succeeded().stdout;
        assert!(printed.contains("unstuck"), "{arguments}");
    }
    let bash = Unstuck::new("completions bash").run().succeeded().stdout;
    assert!(bash.contains("--keep-db"));
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
