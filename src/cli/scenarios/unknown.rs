//! Names that are not in the catalogue, and those that may be meant.

use super::super::names::Names;
use super::super::nearest::{is_same, nearest};
use super::super::usage::{Misuse, did_you_mean, known_otherwise, number};

/// A scenario that there is not, behind `command`.
pub(super) fn unknown_scenario(command: &str, wanted: &str, names: &Names) -> Misuse {
    let scenarios = names.scenarios.iter().map(|it| it.name);
    if command != "run" {
        return unknown("scenario", wanted, scenarios);
    }
    if let Some(misuse) = number(wanted).or_else(|| known_otherwise(wanted, names)) {
        return misuse.behind(command, wanted);
    }
    let chapters = || names.chapters.iter().map(|it| it.name);
    match nearest(wanted, scenarios.clone().chain(chapters())) {
        Some(near) if chapters().any(|it| it == near) => {
            let what = format!("there is no scenario `{wanted}`");
            did_you_mean(&what, &format!("--all {near}")).replace(&[wanted], &["--all", near])
        }
        _ => unknown("scenario", wanted, scenarios),
    }
}

/// A chapter that there is not.
pub(super) fn unknown_chapter(wanted: &str, names: &Names) -> Misuse {
    if let Some(scenario) = names.scenarios.iter().find(|it| is_same(it.name, wanted)) {
        let line = format!("`{wanted}` is a scenario; did you mean to play it?");
        return Misuse::new(line).replace(&["--all", wanted], &[scenario.name]);
    }
    unknown("chapter", wanted, names.chapters.iter().map(|it| it.name))
}

/// A side that a scenario does not have.
pub(super) fn unknown_side(scenario: &str, sides: &[&'static str], wanted: &str) -> Misuse {
    let what = format!("`{scenario}` has no side `{wanted}`");
    match nearest(wanted, sides.iter().copied()) {
        Some(near) => did_you_mean(&what, near).replace(&[wanted], &[near]),
        None => Misuse::new(format!("{what}; its sides are {}", sides.join(" and "))),
    }
}

fn unknown(kind: &str, wanted: &str, names: impl Iterator<Item = &'static str>) -> Misuse {
    let what = format!("there is no {kind} `{wanted}`");
    match nearest(wanted, names) {
        Some(near) => did_you_mean(&what, near).replace(&[wanted], &[near]),
        None => Misuse::new(format!("{what}; `unstuck list` names all")),
    }
}
