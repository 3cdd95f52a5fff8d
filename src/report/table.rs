//! Many scenarios: what they are, and how they came out, a line for each side.

use std::time::Duration;

use serde::Deserialize;
use serde_json::Value;

use super::layout::Block;
use super::text::{BOLD, NONE, Page, colour, plural};
use crate::demo::Chapter;
use crate::diagnosis::{Confidence, Verdict};

/// What is in the table of a scenario: part of its [`Document`](super::Document).
#[derive(Clone, Debug, Deserialize)]
pub struct Played {
    scenario: String,
    sides: Vec<Row>,
}

#[derive(Clone, Debug, Deserialize)]
struct Row {
    name: String,
    verdict: Verdict,
    confidence: Confidence,
    elapsed_ms: u64,
    #[serde(default)]
    unexpected: Option<Vec<String>>,
}

impl Played {
    /// Reads it from the JSON of a run.
    ///
    /// # Errors
    ///
    /// If it is not the JSON of a run.
    pub fn read(document: &Value) -> serde_json::Result<Self> {
        Self::deserialize(document)
    }

    /// Whether every side did what its scenario expects.
    pub fn is_as_expected(&self) -> bool {
        self.sides.iter().all(Row::is_as_expected)
    }
}

impl Row {
    fn is_as_expected(&self) -> bool {
        self.unexpected.as_ref().is_none_or(Vec::is_empty)
    }

    fn verdict(&self) -> String {
        format!(
            "{}{}",
            self.verdict,
            super::text::sure(self.verdict, self.confidence)
        )
    }
}

/// All scenarios by chapter, a line for each where that has room.
pub fn list(chapters: &[Chapter], page: Page) -> String {
    let chapters = chapters.iter().map(|chapter| {
        let mut block = Block::new(page.width());
        block.add(&format!("{}: {}", chapter.name, chapter.title), "", NONE);
        for scenario in chapter.scenarios {
            let sides: Vec<&str> = scenario.sides.iter().map(|side| side.name).collect();
            let (name, summary, sides) = (scenario.name, scenario.summary, sides.join(", "));
            block.add(&format!("  {name}  {summary} ({sides})"), "    ", NONE);
        }
        block.print()
    });
    chapters.collect::<Vec<String>>().join("\n")
}

/// The table, chapter by chapter. Styles are written as escape sequences, to be stripped where they are not
/// wanted.
pub fn render(chapters: &[(&Chapter, Vec<Played>)], elapsed: Duration, page: Page) -> String {
    let mut block = Block::new(page.width());
    let played = || chapters.iter().flat_map(|(_, played)| played);
    let widest = |texts: &mut dyn Iterator<Item = usize>| texts.max().unwrap_or_default();
    let rows = || played().flat_map(|played| &played.sides);
    let first = widest(&mut played().map(|played| played.scenario.len()));
    let second = widest(&mut rows().map(|row| row.name.len()));
    let third = widest(&mut rows().map(|row| row.verdict().len()));
    let last = "   99.99 s  not as expected";
    let columns = [first, second, third]
        .map(|column| 2 + column)
        .iter()
        .sum::<usize>()
        + last.len();
    let has_room = page.width().is_none_or(|width| columns <= width);
    for (chapter, played) in chapters {
        block.add(&format!("{}: {}", chapter.name, chapter.title), "", BOLD);
        for played in played {
            let mut scenario = played.scenario.as_str();
            if !has_room {
                block.add(&format!("  {scenario}"), "  ", NONE);
            }
            for row in &played.sides {
                let (name, verdict) = (&row.name, row.verdict());
                let seconds = Duration::from_millis(row.elapsed_ms).as_secs_f64();
                let (not, style) = if row.is_as_expected() {
                    ("", NONE)
                } else {
                    ("not ", colour(Verdict::Stuck))
                };
                if has_room {
                    let line = format!(
                        "  {scenario:first$}  {name:second$}  {verdict:third$}  {seconds:6.2} s  {not}as expected"
                    );
                    block.add_as_it_is(&line, style);
                } else {
                    let line = format!("    {name}: {verdict} after {seconds:.2} s");
                    block.add(&line, "      ", style);
                    if !row.is_as_expected() {
                        block.add("      not as expected", "      ", style);
                    }
                }
                scenario = "";
            }
        }
        block.gap();
    }
    let (scenarios, sides) = (played().count(), rows().count());
    let unexpected = rows().filter(|row| !row.is_as_expected()).count();
    let sum = format!(
        "{}, {} in {:.2} s: {}",
        plural(scenarios, "scenario"),
        plural(sides, "side"),
        elapsed.as_secs_f64(),
        match unexpected {
            0 => "all as expected".to_owned(),
            some => format!("{some} not as expected"),
        }
    );
    block.add(&sum, "", BOLD);
    for row in rows() {
        for sentence in row.unexpected.iter().flatten() {
            block.add(
                &format!("  {}: {sentence}", row.name),
                "    ",
                colour(Verdict::Stuck),
            );
        }
    }
    block.print()
}
