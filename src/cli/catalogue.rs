//! The catalogue: what can be asked for by name.

use super::Failure;
use super::arguments::EVERY_CHAPTER;
use crate::demo::{Chapter, Scenario, Side, scenarios};
use crate::report::page::Page;
use crate::report::table;

/// Chapters with at least one scenario.
#[derive(Clone, Copy)]
pub(super) struct Catalogue(pub(super) &'static [Chapter]);

impl Catalogue {
    /// The scenario of that name; the first one if there is no name.
    pub(super) fn scenario(self, name: Option<&str>) -> Result<&'static Scenario, Failure> {
        let wanted = |scenario: &&Scenario| name.is_none_or(|name| scenario.name == name);
        scenarios(self.0).find(wanted).ok_or_else(|| {
            let names = scenarios(self.0).map(|scenario| scenario.name);
            unknown(
                "scenario",
                name.unwrap_or_default(),
                names,
                "`unstuck list` names all",
            )
        })
    }

    /// The chapter of that name, or all of them.
    pub(super) fn chapters(self, name: &str) -> Result<&'static [Chapter], Failure> {
        if name == EVERY_CHAPTER {
            return Ok(self.0);
        }
        let found = self.0.iter().position(|chapter| chapter.name == name);
        let names = || self.0.iter().map(|chapter| chapter.name);
        let unknown = || unknown("chapter", name, names(), "`unstuck list` names all");
        found.map(|at| &self.0[at..=at]).ok_or_else(unknown)
    }

    pub(super) fn list(self, page: Page) -> String {
        table::list(self.0, page)
    }
}

/// The side of that name.
pub(super) fn side(scenario: &'static Scenario, name: &str) -> Result<&'static Side, Failure> {
    let names = || scenario.sides.iter().map(|side| side.name);
    let unknown = || {
        let all = format!(
            "its sides are {}",
            names().collect::<Vec<_>>().join(" and ")
        );
        let instead = instead(name, names(), &all);
        let line = format!("`{}` has no side `{name}`; {instead}", scenario.name);
        Failure::Usage(line)
    };
    let found = scenario.sides.iter().find(|side| side.name == name);
    found.ok_or_else(unknown)
}

fn unknown(
    what: &str,
    name: &str,
    names: impl Iterator<Item = &'static str>,
    otherwise: &str,
) -> Failure {
    let instead = instead(name, names, otherwise);
    Failure::Usage(format!("there is no {what} `{name}`; {instead}"))
}

/// The nearest of the names there are, or where to find them all if none is near.
fn instead(wanted: &str, names: impl Iterator<Item = &'static str>, otherwise: &str) -> String {
    const NEAR: f64 = 0.7;
    let near = names.map(|name| (strsim::jaro_winkler(wanted, name), name));
    let nearest = near.max_by(|(a, _), (b, _)| a.total_cmp(b));
    match nearest {
        Some((nearness, name)) if nearness >= NEAR => format!("the nearest is `{name}`"),
        _ => otherwise.to_owned(),
    }
}
