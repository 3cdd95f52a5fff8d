//! Completion, in the shells that people use.

use std::path::Path;
use std::process::{Child, Command};

use crate::pty::Pty;
use crate::tools::find_of_system;
use crate::unstuck::Unstuck;

const UNSTUCK: &str = env!("CARGO_BIN_EXE_unstuck");

/// A process of this user, with an argument that no other process has.
struct Sleep(Child);

const ARGUMENT: &str = "3600.0625";

impl Sleep {
    fn start() -> Self {
        let sleep = Command::new("sleep").arg(ARGUMENT).spawn();
        Self(sleep.expect("sleep runs"))
    }
}

impl Drop for Sleep {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// What can stand at the end of `words`, each value with its help, as fish is told.
fn candidates(words: &str) -> Vec<(String, String)> {
    let arguments = format!("-- {words}");
    let mut asked = Unstuck::new(&arguments).env("UNSTUCK_COMPLETE", "fish");
    if words.ends_with(' ') {
        asked = asked.args(&[""]);
    }
    in_lines(&asked.run().succeeded().stdout)
}

fn in_lines(text: &str) -> Vec<(String, String)> {
    let candidate = |line: &str| {
        let (value, help) = line.split_once('\t').unwrap_or((line, ""));
        (value.to_owned(), help.to_owned())
    };
    text.lines().map(candidate).collect()
}

fn values(candidates: &[(String, String)]) -> Vec<&str> {
    candidates.iter().map(|(value, _)| value.as_str()).collect()
}

#[test]
fn options_and_commands_are_completed() {
    assert_eq!(values(&candidates("unstuck ru")), ["run"]);
    assert_eq!(values(&candidates("unstuck run --keep")), ["--keep-db"]);
    assert_eq!(
        values(&candidates("unstuck run --color n")),
        ["never"],
        "a value"
    );
    assert_eq!(values(&candidates("unstuck completions z")), ["zsh"]);
}

#[test]
fn a_file_can_be_a_core_a_snapshot_or_a_command() {
    for words in ["--core Cargo.to", "--snapshot Cargo.to", "-- ./Cargo.to"] {
        let found = candidates(&format!("unstuck explain {words}"));
        let [(file, _)] = &found[..] else {
            panic!("{words}: {found:?}");
        };
        assert!(file.ends_with("Cargo.toml"), "{words}: {file}");
    }
}

#[cfg(target_os = "linux")]
#[test]
fn processes_are_completed_with_their_commands() {
    let sleep = Sleep::start();
    let expected = (sleep.0.id().to_string(), format!("sleep {ARGUMENT}"));
    let found = candidates("unstuck explain ");
    assert!(found.contains(&expected), "{found:?}");
}

#[cfg(tokio_unstable)]
mod with_scenarios {
    use super::*;

    #[test]
    fn scenarios_are_completed_with_what_happens_in_them() {
        for command in ["run", "show"] {
            let found = candidates(&format!("unstuck {command} lock-"));
            assert_eq!(values(&found), ["lock-order", "lock-across-join"]);
            let (_, help) = &found[0];
            assert!(help.starts_with("two tasks take the same two locks"));
        }
    }

    #[test]
    fn sides_are_those_of_the_scenario_or_of_the_first_one() {
        let sides = |words| candidates(words);
        assert_eq!(
            values(&sides("unstuck run lock-order --only ")),
            ["two-orders", "one-order"]
        );
        assert_eq!(
            values(&sides("unstuck run --only ")),
            ["join-all", "task-group"]
        );
    }

    #[test]
    fn chapters_are_completed_with_their_titles() {
        let found = candidates("unstuck run --all=");
        let all: Vec<&str> = ["errors", "queues", "locks", "time", "all"].to_vec();
        let all: Vec<String> = all.iter().map(|it| format!("--all={it}")).collect();
        assert_eq!(values(&found), all);
        assert_eq!(found[2].1, "locks, permits and pools");
    }
}

/// A shell that has read the script. `unstuck` prints its arguments there in place of doing anything.
struct Shell(Pty);

const PROMPT: &str = "go on> ";

impl Shell {
    /// `before` makes it ready to read the script.
    fn start(program: &Path, options: &str, before: &str) -> Self {
        let mut pty = Pty::of(program, options, 200);
        let name = program.file_stem().expect("a name").to_string_lossy();
        // In two parts, as what is typed is on the screen, too.
        let print = r#"unstuck() { printf 'got:'; printf ' <%s>' "$@"; echo; }"#;
        let script = format!("source <('{UNSTUCK}' completions {name})");
        pty.press(&format!("{before}; {print}; {script}; PS1='go ''on> '\r"));
        pty.wait_for(PROMPT);
        Self(pty)
    }

    /// Presses Tab behind `typed`, and then Enter: what the command is called with.
    fn completes(&mut self, typed: &str, expected: &str) {
        self.0.press(typed);
        self.0.press("\t");
        self.0.press("\r");
        self.0.wait_for(&format!("got: {expected}\r\n"));
    }

    /// Presses Tab behind `typed` until everything that is possible is listed.
    fn lists(&mut self, typed: &str, expected: &str) {
        self.0.press(typed);
        self.0.press("\t\t");
        self.0.wait_for(expected);
        // Takes back what was typed.
        self.0.press("\x15");
    }

    #[cfg(tokio_unstable)]
    fn completes_names(&mut self) {
        self.completes("unstuck show lock-o", "<show> <lock-order>");
        self.completes("unstuck run --only ta", "<run> <--only> <task-group>");
        self.completes("unstuck run --all ti", "<run> <--all> <time>");
    }

    fn ends(mut self) {
        self.0.press("exit 0\r");
        let (code, screen) = self.0.finish();
        assert_eq!(code, 0, "{screen}");
    }
}

#[test]
fn bash_completes() {
    let Some(bash) = find_of_system("bash") else {
        return;
    };
    let sleep = Sleep::start();
    let id = sleep.0.id().to_string();
    let before = "bind 'set enable-bracketed-paste off'; bind 'set page-completions off'; \
                  bind 'set completion-query-items 0'";
    let mut shell = Shell::start(&bash, "--norc --noprofile -i", before);
    shell.completes("unstuck ru", "<run>");
    #[cfg(tokio_unstable)]
    {
        shell.completes_names();
        shell.lists("unstuck run lock-order --only ", "two-orders  one-order");
    }
    #[cfg(target_os = "linux")]
    shell.lists("unstuck explain ", &id);
    shell.ends();
}

#[test]
fn zsh_completes_with_help() {
    let Some(zsh) = find_of_system("zsh") else {
        return;
    };
    let _sleep = Sleep::start();
    let before = "autoload -U compinit; compinit -u -D; LISTMAX=10000; unsetopt prompt_sp";
    let mut shell = Shell::start(&zsh, "-f -i", before);
    shell.completes("unstuck ru", "<run>");
    #[cfg(tokio_unstable)]
    {
        shell.completes_names();
        shell.lists("unstuck run lock-", "two tasks take the same two locks");
    }
    #[cfg(target_os = "linux")]
    shell.lists("unstuck explain ", ARGUMENT);
    shell.ends();
}

#[test]
fn fish_completes_with_help() {
    let Some(fish) = find_of_system("fish") else {
        return;
    };
    let sleep = Sleep::start();
    let completed = |words: &str| {
        let script = format!("'{UNSTUCK}' completions fish | source; complete -C '{words}'");
        let output = Command::new(&fish)
            .args(["--no-config", "-c", &script])
            .output();
        let output = output.expect("fish runs");
        let text = String::from_utf8(output.stdout).expect("it prints UTF-8");
        assert_eq!(String::from_utf8_lossy(&output.stderr), "", "{words}");
        in_lines(&text)
    };
    assert_eq!(values(&completed("unstuck ru")), ["run"]);
    #[cfg(tokio_unstable)]
    {
        let found = completed("unstuck run lock-o");
        assert_eq!(values(&found), ["lock-order"]);
        assert!(found[0].1.starts_with("two tasks take"), "{found:?}");
        let found = completed("unstuck run lock-order --only ");
        assert_eq!(values(&found), ["two-orders", "one-order"]);
        let found = completed("unstuck run --all ti");
        assert_eq!(values(&found), ["time"]);
    }
    #[cfg(target_os = "linux")]
    {
        let expected = (sleep.0.id().to_string(), format!("sleep {ARGUMENT}"));
        let found = completed("unstuck explain ");
        assert!(found.contains(&expected), "{found:?}");
    }
}
