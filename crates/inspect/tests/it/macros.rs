//! Where a function waits in an `.await` that a macro writes.

use unstuck_inspect::snapshot::{Leaf, Place, Snapshot};

use crate::program::{Program, awaited, line_of, own_stack, task};

const FILE: &str = "src/macros.rs";
const PROFILES: [&str; 2] = ["dev", "optimized"];

/// Where the tasks of an async function are suspended in it.
fn places<'s>(snapshot: &'s Snapshot, function: &str) -> Vec<&'s Place> {
    let function = format!("programs::macros::{function}");
    let tasks = snapshot.tasks.iter();
    let tasks = tasks.filter(|task| snapshot[task.name] == function);
    let places = tasks.map(|task| {
        let frame = task.futures.frames.first().expect("a frame");
        let place = &snapshot[frame.place];
        assert_eq!(place.function, function);
        place
    });
    places.collect()
}

#[track_caller]
fn check_lines(profile: &str) {
    let program = Program::start_with(&["macros"], profile);
    let snapshot = program.snapshot_at_rest(23);
    assert_eq!(snapshot.gaps, [], "nothing is missing");
    for (function, marker) in [
        ("selects", "selects"),
        ("selects_in_one_line", "selects_in_one_line"),
        ("joins", "joins"),
        ("tries", "tries"),
        ("selects_in_a_loop", "selects_in_a_loop"),
        ("selects_in_an_arm", "selects_in_an_arm"),
        ("selects_in_a_branch", "around_a_branch"),
        ("selects_among_others", "selects_among_others"),
        ("joins_among_others", "joins_among_others"),
        ("generic", "generic"),
        ("Server::serves", "serves"),
        ("block::{async block}", "block"),
        ("other_selects", "other_selects"),
        ("other_joins", "other_joins"),
        ("pends", "pends"),
        ("pends_twice_in_one_line", "pends_twice_in_one_line"),
        ("macro_of_this_file", "selects_here"),
    ] {
        let line = line_of(FILE, &format!("// waits: {marker}"));
        let places = places(&snapshot, function);
        assert_eq!(places.len(), if function == "generic" { 2 } else { 1 });
        for place in places {
            assert!(place.in_macro && place.has_own_line(), "{place:?}");
            assert!(place.file.ends_with(FILE), "{place:?}");
            assert_eq!(place.line, line, "{function}");
        }
    }
}

#[test]
fn a_macro_waits_at_the_line_that_calls_it() {
    check_lines("dev");
}

#[test]
fn a_macro_of_an_optimized_program_waits_at_the_line_that_calls_it() {
    check_lines("optimized");
}

#[test]
fn an_await_in_an_arm_of_a_macro_is_no_part_of_it() {
    for profile in PROFILES {
        let program = Program::start_with(&["macros"], profile);
        let snapshot = program.snapshot_at_rest(23);
        let places = places(&snapshot, "awaits_in_an_arm");
        let [place] = places[..] else {
            panic!("one task: {places:?}");
        };
        assert!(!place.in_macro && place.file.ends_with(FILE), "{place:?}");
        assert_eq!(place.line, line_of(FILE, "// waits: awaits_in_an_arm"));
    }
}

#[test]
fn macros_in_blocks_and_closures_have_lines_of_their_own() {
    for profile in PROFILES {
        let program = Program::start_with(&["macros"], profile);
        let snapshot = program.snapshot_at_rest(23);
        for (name, stack) in [
            (
                "selects_in_a_branch",
                &["rings", "selects_in_a_branch", "around_a_branch"][..],
            ),
            ("closure", &["in_closure", "closure"]),
        ] {
            let name = format!("programs::macros::{name}");
            let futures = &task(&snapshot, &name).futures;
            let lines = |leaf: &Leaf| {
                let stack = own_stack(&snapshot, futures, leaf.frame).into_iter();
                stack.map(|(_, _, line)| line).collect()
            };
            let found: Vec<Vec<u32>> = awaited(futures).into_iter().map(lines).collect();
            let lines = stack.iter();
            let lines = lines.map(|marker| line_of(FILE, &format!("// waits: {marker}")));
            assert!(found.contains(&lines.collect()), "{name}: {found:?}");
        }
    }
}

/// All lines of its function are the attribute's.
#[test]
fn a_macro_in_tokio_main_waits_at_the_line_that_calls_it() {
    for profile in PROFILES {
        let program = Program::start_with(&["macros"], profile);
        let snapshot = program.snapshot_at_rest(23);
        let [main] = &snapshot.block_ons[..] else {
            panic!("one main: {:?}", snapshot.block_ons)
        };
        let place = &snapshot[main.futures.frames[0].place];
        assert!(place.in_macro && place.has_own_line(), "{place:?}");
        assert_eq!(place.line, line_of(FILE, "// waits: main"));
    }
}

/// Two awaits of a type, in macros, at different lines, look the same. A macro of the same crate stays where it is
/// defined.
#[test]
fn a_line_that_is_not_certain_is_not_given() {
    for profile in PROFILES {
        let program = Program::start_with(&["macros"], profile);
        let snapshot = program.snapshot_at_rest(23);
        for (function, file) in [
            ("pends_twice", "pending.rs"),
            ("own_macro", "programs/src/main.rs"),
            ("own_macro_selects", "select.rs"),
        ] {
            let places = places(&snapshot, function);
            let [place] = places[..] else {
                panic!("one task: {places:?}");
            };
            assert!(place.in_macro && !place.has_own_line(), "{place:?}");
            assert!(place.file.ends_with(file), "{place:?}");
            assert!(place.function_file.ends_with(FILE), "{place:?}");
            let line = line_of(FILE, &format!("// begins: {function}"));
            assert!(
                (place.first_line..=place.last_line).contains(&line),
                "{line} is in {place:?}"
            );
        }
    }
}
