//! What the catalogue names, for suggestions and completions. A build that has no scenarios names nothing.

/// The names of scenarios and chapters, in the order of the catalogue.
#[derive(Clone, Debug, Default)]
pub(super) struct Names {
    pub(super) chapters: Vec<ChapterName>,
    pub(super) scenarios: Vec<ScenarioName>,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct ChapterName {
    pub(super) name: &'static str,
    pub(super) title: &'static str,
}

#[derive(Clone, Debug)]
pub(super) struct ScenarioName {
    pub(super) name: &'static str,
    pub(super) summary: &'static str,
    pub(super) sides: Vec<&'static str>,
}

impl Names {
    #[cfg(all(tokio_unstable, feature = "demo"))]
    pub(super) fn of(chapters: &'static [crate::demo::Chapter]) -> Self {
        let scenarios = crate::demo::scenarios(chapters).map(|scenario| ScenarioName {
            name: scenario.name,
            summary: scenario.summary,
            sides: scenario.sides.iter().map(|side| side.name).collect(),
        });
        Self {
            chapters: chapters
                .iter()
                .map(|chapter| ChapterName {
                    name: chapter.name,
                    title: chapter.title,
                })
                .collect(),
            scenarios: scenarios.collect(),
        }
    }

    pub(super) fn chapter(&self, name: &str) -> Option<&ChapterName> {
        self.chapters.iter().find(|it| it.name == name)
    }

    /// The first scenario that has this side.
    pub(super) fn with_side(&self, side: &str) -> Option<&ScenarioName> {
        self.scenarios.iter().find(|it| it.sides.contains(&side))
    }
}
