//! The catalogue: what can be asked for by name.

use super::super::Failure;
use super::super::arguments::EVERY_CHAPTER;
use super::super::names::Names;
use super::unknown::{unknown_chapter, unknown_scenario, unknown_side};
use crate::demo::{Chapter, Scenario, Side, scenarios};
use crate::report::page::Page;
use crate::report::{json, table};

/// Chapters with at least one scenario.
#[derive(Clone, Copy)]
pub(super) struct Catalogue(pub(super) &'static [Chapter]);

impl Catalogue {
    /// The scenario that `command` is asked for by this name; the first one if there is no name.
    pub(super) fn scenario(
        self,
        command: &str,
        name: Option<&str>,
        names: &Names,
    ) -> Result<&'static Scenario, Failure> {
        let wanted = |scenario: &&Scenario| name.is_none_or(|name| scenario.name == name);
        scenarios(self.0).find(wanted).ok_or_else(|| {
            let name = name.unwrap_or_default();
            Failure::Usage(unknown_scenario(command, name, names))
        })
    }

    /// The chapter of that name, or all of them.
    pub(super) fn chapters(self, name: &str, names: &Names) -> Result<&'static [Chapter], Failure> {
        if name == EVERY_CHAPTER {
            return Ok(self.0);
        }
        let found = self.0.iter().position(|chapter| chapter.name == name);
        let unknown = || Failure::Usage(unknown_chapter(name, names));
        found.map(|at| &self.0[at..=at]).ok_or_else(unknown)
    }

    pub(super) fn list(self, page: Page) -> String {
        table::list(self.0, page)
    }

    pub(super) fn list_as_json(self) -> serde_json::Result<String> {
        json::render(&table::Listed::all(self.0))
    }
}

/// The side of that name.
pub(super) fn side(scenario: &'static Scenario, name: &str) -> Result<&'static Side, Failure> {
    let found = scenario.sides.iter().find(|side| side.name == name);
    found.ok_or_else(|| {
        let sides: Vec<&str> = scenario.sides.iter().map(|side| side.name).collect();
        Failure::Usage(unknown_side(scenario.name, &sides, name))
    })
}
