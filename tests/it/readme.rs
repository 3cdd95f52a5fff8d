//! README is true: its picture is what is printed, and its commands work.

use crate::unstuck::Unstuck;
#[cfg(tokio_unstable)]
use crate::unstuck::without_durations;

const README: &str = include_str!("../../README.md");

/// The lines between fences.
fn code() -> impl Iterator<Item = &'static str> {
    README.split("```").skip(1).step_by(2).flat_map(str::lines)
}

#[cfg(tokio_unstable)]
#[test]
fn its_picture_is_what_is_printed() {
    let (_, screen) = crate::pty::Pty::run("run", 80).finish();
    let screen = anstream::adapter::strip_str(&screen).to_string();
    let screen = screen.replace('\r', "");
    // As it is under Cargo.
    let screen = screen.replace("  unstuck ", "  cargo run -- ");
    let picture = README
        .split("```")
        .find(|block| block.contains("verdict  "))
        .map(|block| block.trim_start_matches("text\n"))
        .expect("a picture");
    let [picture, screen] = [picture, &screen].map(|text| without_durations(text.trim_end()));
    assert!(picture == screen, "README's picture should be\n{screen}");
}

#[cfg(tokio_unstable)]
#[test]
fn its_commands_work() {
    let commands: Vec<_> = code()
        .filter_map(|line| line.strip_prefix("cargo run"))
        .map(|line| line.split('#').next().unwrap_or_default())
        .map(|line| line.trim().trim_start_matches("-- "))
        .filter(|arguments| !arguments.contains("--hold") && !arguments.contains("explain"))
        .collect();
    assert!(commands.len() >= 5, "{commands:?}");
    for arguments in commands {
        Unstuck::new(arguments).run().succeeded();
    }
}

/// The explanation of a process, of which README shows a part, has a snapshot.
#[cfg(all(tokio_unstable, target_os = "linux", target_arch = "x86_64"))]
#[test]
fn its_explanation_of_a_process_is_what_is_printed() {
    let explained = include_str!("../../snapshots/explain-primitives.snap");
    let mut blocks = README.split("```");
    let block = blocks.find(|block| block.contains("block_on("));
    let block = block.expect("an explanation").trim_start_matches("text");
    for line in crate::explain::without_numbers(block).lines() {
        assert!(explained.lines().any(|it| it == line), "{line}");
    }
}

/// The verdict on a process, which README shows wrapped, has a snapshot.
#[cfg(all(tokio_unstable, target_os = "linux", target_arch = "x86_64"))]
#[test]
fn its_verdict_on_a_process_is_what_is_printed() {
    let words = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    let explained = words(include_str!("../../snapshots/explain-locks.snap"));
    let mut blocks = README.split("```");
    let block = blocks.find(|block| block.contains("deadlock, a circular wait"));
    let block = block.expect("a verdict").trim_start_matches("text");
    let block = words(&crate::explain::without_numbers(block));
    assert!(explained.contains(&block), "{block}");
}

#[test]
fn it_names_the_two_commands_that_need_nothing_else() {
    for command in ["cargo run", "cargo test"] {
        assert!(code().any(|line| line == command));
    }
    assert!(
        Unstuck::new("--version")
            .run()
            .succeeded()
            .stdout
            .starts_with("unstuck ")
    );
}
