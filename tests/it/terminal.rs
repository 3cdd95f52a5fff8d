//! What a person sees: on a wide terminal, on a narrow one, and where there is none.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};

use crate::explain::Waiting;
use crate::pty::Pty;
use crate::unstuck::{Unstuck, assert_snapshot, without_durations};

const UNSTUCK: &str = env!("CARGO_BIN_EXE_unstuck");

/// What is on a terminal that is `columns` wide, without its escape sequences.
fn on_a_terminal(arguments: &str, columns: u16) -> (i32, String) {
    let (code, screen) = Pty::run(arguments, columns).finish();
    (code, anstream::adapter::strip_str(&screen).to_string())
}

/// What is on terminals of different widths, each with its snapshot.
fn on_terminals(arguments: &str, snapshots: [(u16, &str); 4]) {
    for (columns, snapshot) in snapshots {
        let (code, screen) = on_a_terminal(arguments, columns);
        assert_eq!(code, 0, "{screen}");
        assert_snapshot(snapshot, &screen);
        fits(&screen, columns);
    }
}

#[track_caller]
fn fits(screen: &str, columns: u16) {
    // What a program printed has lines that can't be broken.
    let can_be_broken = |line: &&str| !line.trim_start().starts_with("+-");
    let mut lines = screen.lines().filter(can_be_broken);
    let fits = |line: &str| line.chars().count() <= usize::from(columns);
    assert!(lines.all(fits), "{columns}:\n{screen}");
}

#[test]
fn a_deadlock_is_explained_on_terminals_of_any_width() {
    let program = Waiting::start("deadlock");
    program.explained_as("stuck (proven)", 2, "");
    let process = format!("process {}: ", program.id());
    for (columns, snapshot) in [
        (40, "deadlock-40"),
        (80, "deadlock-80"),
        (120, "deadlock-120"),
        (160, "deadlock-160"),
    ] {
        let (code, screen) = on_a_terminal(&format!("explain {}", program.id()), columns);
        assert_eq!(code, 0, "{screen}");
        fits(&screen, columns);
        assert_snapshot(snapshot, &screen.replace(&process, "process [pid]: "));
    }
}

#[test]
fn the_first_screen_fits_terminals_of_any_width() {
    on_terminals(
        "run",
        [
            (40, "first-screen-40"),
            (80, "first-screen-80"),
            (120, "first-screen-120"),
            (160, "first-screen-160"),
        ],
    );
}

#[test]
fn a_scenario_of_another_kind_has_a_first_screen_too() {
    on_terminals(
        "run lock-order",
        [
            (40, "lock-order-40"),
            (80, "lock-order-80"),
            (120, "lock-order-120"),
            (160, "lock-order-160"),
        ],
    );
}

#[test]
fn a_full_report_has_the_sides_in_columns_where_there_is_room_for_them() {
    on_terminals(
        "run --full",
        [
            (40, "full-40"),
            (80, "full-80"),
            (120, "full-120"),
            (160, "full-160"),
        ],
    );
}

#[test]
fn a_fix_is_shown_as_the_lines_that_differ() {
    let (code, screen) = on_a_terminal("run --fixed", 80);
    assert_eq!(code, 0);
    assert_snapshot("fixed", &screen);
}

/// A terminal of 24 lines shows it whole, with the prompt below it.
#[test]
fn the_first_screen_leaves_room_for_the_prompt_on_a_small_terminal() {
    for scenario in [
        "",
        "question-mark",
        "lost-panic",
        "lock-order",
        "one-bad-post",
    ] {
        let (_, screen) = on_a_terminal(&format!("run {scenario}"), 80);
        assert!(screen.trim_end().lines().count() < 24, "{screen}");
    }
}

#[test]
fn a_page_is_laid_out_on_a_terminal_and_left_as_it_is_elsewhere() {
    const PAGE: &str = include_str!("../../scenarios/question_mark/README.md");
    let (code, screen) = on_a_terminal("show question-mark", 72);
    assert_eq!(code, 0);
    assert_snapshot("terminal-page", &screen);
    // Lines of code are not broken.
    let is_code = |line: &str| line.starts_with("    ");
    let mut text = screen.lines().filter(|line| !is_code(line));
    assert!(text.all(|line| line.chars().count() <= 72));
    let wide = |line: &&str| line.chars().count() > 72;
    assert!(screen.lines().any(|line| wide(&line)), "so it could be");
    let ran = Unstuck::new("show question-mark").run().succeeded();
    assert_eq!(ran.stdout, PAGE);
}

#[test]
fn a_chapter_is_played_in_a_row_with_a_table_that_fits_the_terminal() {
    for (columns, snapshot) in [
        (40, "all-40"),
        (80, "all-80"),
        (120, "all-120"),
        (160, "all-160"),
    ] {
        let (code, screen) = on_a_terminal("run --all queues", columns);
        assert_eq!(code, 0, "{screen}");
        assert_snapshot(snapshot, &screen);
        let fits = |line: &str| line.chars().count() <= usize::from(columns);
        assert!(screen.lines().all(fits), "{screen}");
    }
}

#[test]
fn eighty_columns_have_room_for_the_whole_table() {
    let mut playing = Pty::run("run --all", 80);
    playing.wait_for("starved-pool      two-connections");
    playing.press("\x03");
    let (_, screen) = playing.finish();
    let screen = anstream::adapter::strip_str(&screen).to_string();
    let is_row = |line: &&str| line.trim_end().ends_with("hang");
    let mut rows = screen.lines().filter(is_row);
    assert!(rows.clone().count() > 5, "{screen}");
    assert!(rows.all(|line| line.chars().count() <= 80), "{screen}");
}

#[test]
fn where_there_is_no_terminal_the_table_grows_as_scenarios_end() {
    let mut playing = Command::new(env!("CARGO_BIN_EXE_unstuck"))
        .args(["run", "--all", "locks"])
        .stdout(Stdio::piped())
        .spawn()
        .expect("it runs");
    let stdout = BufReader::new(playing.stdout.take().expect("it is piped"));
    let mut lines = stdout.lines().map(|line| line.expect("it is text"));
    assert!(lines.any(|line| line.contains("lock-order")));
    let has_ended = playing.try_wait().expect("it can be asked").is_some();
    assert!(!has_ended, "another one takes five seconds");
    assert!(lines.any(|line| line.contains("forgotten-permit")));
    assert!(playing.wait().expect("it ends").success());
}

#[test]
fn the_catalogue_fits_terminals_of_any_width() {
    on_terminals(
        "list",
        [
            (40, "list-40"),
            (80, "list-80"),
            (120, "list-120"),
            (160, "list-160"),
        ],
    );
}

#[test]
fn quiet_leaves_a_line_for_each_side_or_one_for_all() {
    let said = |arguments: &str| {
        let ran = Unstuck::new(arguments).run().succeeded();
        assert_eq!(ran.stderr, "");
        ran.stdout
    };
    let sides = "two-orders: stuck (likely) after  s\none-order: completed after  s\n";
    for arguments in ["run lock-order -q", "run lock-order --quiet --plain"] {
        assert_eq!(without_durations(&said(arguments)), sides);
    }
    let all = said("run --all queues -q");
    assert!(all.starts_with("5 scenarios, 10 sides in "), "{all}");
    assert!(all.ends_with(" s: all as expected\n"), "{all}");
    assert_eq!(all.lines().count(), 1, "{all}");
    let (code, screen) = on_a_terminal("run lock-order -q", 80);
    assert_eq!((code, without_durations(&screen)), (0, sides.to_owned()));
}

#[test]
fn plain_where_there_is_no_terminal() {
    let ran = Unstuck::new("").run().succeeded();
    assert_snapshot("plain", &ran.transcript());
    assert_snapshot("plain", &Unstuck::new("run --plain").run().transcript());
}

#[test]
fn many_tasks_that_did_the_same_are_told_of_together() {
    let ran = Unstuck::new("run --only join-all --workers 200 --posts 200")
        .run()
        .succeeded();
    assert_snapshot("plain-200-workers", &ran.stdout);
}

#[test]
fn colour_is_for_terminals_unless_one_asks_otherwise() {
    const BOLD: &str = "\x1b[1m";
    let piped = |arguments, name, value| {
        let ran = Unstuck::new(arguments).env(name, value).run().succeeded();
        ran.stdout.contains(BOLD)
    };
    assert!(!piped("run", "X", "1"));
    assert!(piped("run --color always", "X", "1"));
    assert!(piped("run", "CLICOLOR_FORCE", "1"));
    assert!(!piped("run --color never", "CLICOLOR_FORCE", "1"));
    assert!(!piped("run --plain", "CLICOLOR_FORCE", "1"));
    assert!(!piped("list", "X", "1"));
    assert!(piped("list --color always", "X", "1"));
    assert!(piped("list", "CLICOLOR_FORCE", "1"));
    assert!(!piped("list --json --color always", "X", "1"));
    assert!(!piped("list --color never", "CLICOLOR_FORCE", "1"));

    let (_, screen) = Pty::run("run --only task-group", 100).finish();
    assert!(screen.contains(BOLD));
    let (_, screen) = Pty::run("run --only task-group --color never", 100).finish();
    assert!(!screen.contains(BOLD));
    let (_, screen) = Pty::run("list", 100).finish();
    assert!(screen.contains(BOLD));
    assert!(!with_variables("NO_COLOR=1", "list", 100).contains('\x1b'));
}

/// With variables set as `env` sets them, on a terminal.
fn with_variables(variables: &str, arguments: &str, columns: u16) -> String {
    let arguments = format!("{variables} {UNSTUCK} {arguments}");
    let (code, screen) = Pty::of(Path::new("env"), &arguments, columns).finish();
    assert_eq!(code, 0, "{screen}");
    screen
}

#[cfg(unix)]
#[test]
fn places_are_links_where_a_terminal_opens_them_and_the_report_stays_as_it_is() {
    const RUN: &str = "run lock-order";
    let file = concat!(
        "\x1b]8;;file://",
        env!("CARGO_MANIFEST_DIR"),
        "/scenarios/lock_order/two_orders.rs\x1b\\two_orders.rs"
    );
    let linked = with_variables("FORCE_HYPERLINK=1", RUN, 80);
    assert!(linked.contains(&format!("{file}:")), "{linked}");
    assert!(
        linked.contains(&format!("{file}\x1b]8;;\x1b\\, ")),
        "{linked}"
    );
    let stripped = anstream::adapter::strip_str(&linked).to_string();
    assert_snapshot("lock-order-80", &stripped);

    let has_links = |screen: &str| screen.contains("\x1b]8;");
    assert!(has_links(&with_variables("VTE_VERSION=7000", RUN, 80)));
    assert!(!has_links(&with_variables("FORCE_HYPERLINK=0", RUN, 80)));
    let dull = "FORCE_HYPERLINK=1 NO_COLOR=1";
    assert!(!has_links(&with_variables(dull, RUN, 80)));
    let never = format!("{RUN} --color never");
    assert!(!has_links(&with_variables("FORCE_HYPERLINK=1", &never, 80)));
    let piped = Unstuck::new(RUN).env("FORCE_HYPERLINK", "1").run();
    assert!(!has_links(&piped.succeeded().stdout));
    let piped = Unstuck::new(&format!("{RUN} --color always"));
    assert!(!has_links(&piped.env("VTE_VERSION", "7000").run().stdout));
}
