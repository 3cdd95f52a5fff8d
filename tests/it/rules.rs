//! The pages that go through the rules are true: each has every rule, and their programs do what they say of
//! them.

use std::collections::BTreeSet;

use serde_json::Value;
use unstuck::verdict::RULES;

use crate::programs::RAN;

const PAGE: &str = include_str!("../../docs/rules.md");
const BESIDE: &str = include_str!("../../docs/beside-other-tools.md");

/// What stands in a row of the table of [`PAGE`].
struct Row {
    rule: &'static str,
    sureness: &'static str,
    triggers: Vec<&'static str>,
    near_misses: Vec<&'static str>,
}

/// The rows that begin with code, as those of rules do.
fn cells_of(page: &'static str) -> impl Iterator<Item = Vec<&'static str>> {
    let rows = page.lines().filter(|line| line.starts_with("| `"));
    rows.map(|row| row.trim_matches('|').split(" | ").collect())
}

fn rows() -> Vec<Row> {
    cells_of(PAGE)
        .map(|cells| {
            let [rule, _, sureness, triggers, near_misses] = cells[..] else {
                panic!("not a row of five cells: {cells:?}");
            };
            Row {
                rule: rule.trim_matches([' ', '`']),
                sureness,
                triggers: programs_in(triggers),
                near_misses: programs_in(near_misses),
            }
        })
        .collect()
}

/// Those in code whose name is that of a program, not of Rust.
fn programs_in(cell: &'static str) -> Vec<&'static str> {
    let code = cell.split('`').skip(1).step_by(2);
    let is_name = |it: &&str| it.chars().all(|c| c.is_ascii_lowercase() || c == '-');
    code.filter(is_name).collect()
}

fn rules() -> BTreeSet<String> {
    RULES.map(str::to_owned).into()
}

#[test]
fn each_rule_has_a_row_and_each_row_is_of_a_rule() {
    let rows: BTreeSet<String> = rows().iter().map(|row| row.rule.to_owned()).collect();
    assert_eq!(rules(), rows);
}

/// The rule and the program of each row of [`BESIDE`].
fn compared() -> impl Iterator<Item = (&'static str, &'static str)> {
    cells_of(BESIDE).map(|cells| {
        let [rule, program, ref tools @ ..] = cells[..] else {
            panic!("not a row of a rule and a program: {cells:?}");
        };
        assert_eq!(tools.len(), 5, "one cell for each tool: {cells:?}");
        let name = |cell: &'static str| cell.trim_matches([' ', '`']);
        (name(rule), name(program))
    })
}

#[test]
fn each_rule_is_held_beside_other_tools_or_said_not_to_be() {
    let mut rows: BTreeSet<String> = compared().map(|(rule, _)| rule.to_owned()).collect();
    let mut left_out = BESIDE
        .lines()
        .filter(|line| line.ends_with("was not played under the other tools."));
    rows.extend(
        left_out
            .next()
            .and_then(|line| Some(line.split('`').nth(1)?.to_owned())),
    );
    assert_eq!(rules(), rows);
}

#[test]
fn each_program_beside_other_tools_triggers_its_rule() {
    for (rule, program) in compared() {
        let found = found(rule, program);
        assert!(!found.is_empty(), "{program} does not trigger {rule}");
    }
}

/// How sure the findings of a rule are, in what became of a program.
fn found(rule: &str, program: &str) -> Vec<String> {
    let mut all = RAN.iter();
    let of_it = all.find(|document| document["scenario"] == program);
    let report = of_it.unwrap_or_else(|| panic!("no program is called {program}"));
    let findings = report["sides"][0]["findings"].as_array();
    let findings = findings.expect("findings").iter();
    let of_rule = findings.filter(|finding| finding["rule"] == rule);
    let confidence = |it: &Value| it["confidence"].as_str().expect("text").to_owned();
    of_rule.map(confidence).collect()
}

#[test]
fn each_program_does_what_its_row_says() {
    for row in rows() {
        let rule = row.rule;
        assert!(!row.triggers.is_empty(), "nothing triggers {rule}");
        assert!(!row.near_misses.is_empty(), "{rule} has no near miss");
        for program in row.triggers {
            let confidences = found(rule, program);
            assert!(!confidences.is_empty(), "{program} does not trigger {rule}");
            for sure in confidences {
                assert!(row.sureness.contains(&sure), "{program}: {rule} is {sure}");
            }
        }
        for program in row.near_misses {
            let found = found(rule, program);
            assert!(found.is_empty(), "{program} triggers {rule}");
        }
    }
}
