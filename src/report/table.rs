//! Many scenarios: what they are, and how they came out, a line for each side.

use std::fmt::Write as _;
use std::time::Duration;

use anstyle::{AnsiColor, Style};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::layout::Block;
use super::page::{BOLD, FAINT, NONE, Page, colour, plural};
use super::text::sure;
use crate::demo::{Chapter, Posts, scenarios};
use crate::outcomes::Errors;
use crate::verdict::{Confidence, Verdict};

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
    posts: Posts,
    errors: Errors,
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

/// All scenarios by chapter, a line for each where that has room. Styles are written as escape sequences.
pub fn list(chapters: &[Chapter], page: Page) -> String {
    let chapters = chapters.iter().map(|chapter| {
        let mut block = Block::new(page.width());
        block.add(&format!("{}: {}", chapter.name, chapter.title), "", BOLD);
        for scenario in chapter.scenarios {
            let sides: Vec<&str> = scenario.sides.iter().map(|side| side.name).collect();
            let (name, summary, sides) = (scenario.name, scenario.summary, sides.join(", "));
            let label = format!("  {name}");
            block.add_behind(&label, &format!("  {summary} ({sides})"), "    ", NAME);
        }
        block.print()
    });
    chapters.collect::<Vec<String>>().join("\n")
}

/// A scenario as `list --json` has it.
#[derive(Clone, Debug, Serialize)]
pub struct Listed {
    name: &'static str,
    chapter: &'static str,
    chapter_title: &'static str,
    summary: &'static str,
    sides: Vec<&'static str>,
}

impl Listed {
    /// All scenarios, in the order of the catalogue.
    pub fn all(chapters: &'static [Chapter]) -> Vec<Self> {
        let of_chapter = |chapter: &'static Chapter| {
            chapter.scenarios.iter().map(|scenario| Self {
                name: scenario.name,
                chapter: chapter.name,
                chapter_title: chapter.title,
                summary: scenario.summary,
                sides: scenario.sides.iter().map(|side| side.name).collect(),
            })
        };
        chapters.iter().flat_map(of_chapter).collect()
    }
}

/// The table of a row of scenarios, printed a piece at a time as they end. Its columns fit every scenario that is
/// going to be played, so they stay where they are.
///
/// Styles are written as escape sequences, to be stripped where they are not wanted.
pub struct Table {
    page: Page,
    /// None where the page is too narrow for columns.
    columns: Option<Columns>,
}

struct Columns {
    scenario: usize,
    side: usize,
    verdict: usize,
    has_time: bool,
}

/// The name of a scenario.
const NAME: Style = AnsiColor::Cyan.on_default();

const STORED: &str = "stored";
const SWALLOWED: &str = "swallowed";
const TIME: &str = "   time";
const EXPECTED: &str = "expected";

impl Columns {
    fn for_chapters(chapters: &'static [Chapter], page: Page) -> Option<Self> {
        let sides = || scenarios(chapters).flat_map(|scenario| scenario.sides);
        let widest = |texts: &mut dyn Iterator<Item = usize>| texts.max().unwrap_or_default();
        let mut columns = Self {
            scenario: widest(&mut scenarios(chapters).map(|scenario| scenario.name.len())),
            side: widest(&mut sides().map(|side| side.name.len())),
            // No verdict is longer.
            verdict: with_confidence(Verdict::Waiting, Confidence::Proven).len(),
            has_time: true,
        };
        let has_room = |columns: &Self| page.width().is_none_or(|width| columns.width() <= width);
        columns.has_time = has_room(&columns);
        has_room(&columns).then_some(columns)
    }

    fn width(&self) -> usize {
        self.line(["", "", "", "", "", "", EXPECTED]).len()
    }

    fn line(&self, cells: [&str; 7]) -> String {
        let [name, side, verdict, stored, swallowed, time, expected] = cells;
        let Self {
            scenario: first,
            side: second,
            verdict: third,
            has_time,
        } = *self;
        let (fourth, fifth, sixth) = (STORED.len(), SWALLOWED.len(), TIME.len());
        let time = if has_time {
            format!(" {time:>sixth$}")
        } else {
            String::new()
        };
        // One space is enough before numbers: they are shorter than the heads of their columns.
        format!(
            "{name:first$}  {side:second$}  {verdict:third$} {stored:>fourth$} {swallowed:>fifth$}{time}  {expected}"
        )
    }
}

fn with_confidence(verdict: Verdict, confidence: Confidence) -> String {
    format!("{verdict}{}", sure(verdict, confidence))
}

impl Table {
    /// The table for the scenarios of these chapters.
    pub fn new(chapters: &'static [Chapter], page: Page) -> Self {
        let columns = Columns::for_chapters(chapters, page);
        Self { page, columns }
    }

    /// What stands above the rows of a chapter: its title, and the names of the columns.
    pub fn chapter(&self, chapter: &Chapter) -> String {
        let mut block = Block::new(self.page.width());
        block.add(&format!("{}: {}", chapter.name, chapter.title), "", BOLD);
        if let Some(columns) = &self.columns {
            let names = [
                "scenario", "side", "verdict", STORED, SWALLOWED, TIME, EXPECTED,
            ];
            block.add_as_it_is(&columns.line(names), FAINT);
        }
        block.print()
    }

    /// A row for each side of a scenario.
    pub fn rows(&self, played: &Played) -> String {
        let mut block = Block::new(self.page.width());
        let mut scenario = played.scenario.as_str();
        if self.columns.is_none() {
            block.add(scenario, "", NONE);
        }
        for row in &played.sides {
            let style = if row.is_as_expected() {
                NONE
            } else {
                colour(Verdict::Stuck)
            };
            match &self.columns {
                Some(columns) => block.add_as_it_is(&row.in_columns(scenario, columns), style),
                None => block.add(&row.in_words(), "    ", style),
            }
            scenario = "";
        }
        block.print()
    }

    /// What all of them came to, and in what sides were not as expected.
    pub fn sum(&self, played: &[Played], elapsed: Duration) -> String {
        let mut block = Block::new(self.page.width());
        let rows = || played.iter().flat_map(|played| &played.sides);
        let unexpected = rows().filter(|row| !row.is_as_expected()).count();
        let sum = format!(
            "{}, {} in {:.2} s: {}",
            plural(played.len(), "scenario"),
            plural(rows().count(), "side"),
            elapsed.as_secs_f64(),
            match unexpected {
                0 => "all as expected".to_owned(),
                some => format!("{some} not as expected"),
            }
        );
        block.add(&sum, "", BOLD);
        for row in rows() {
            for sentence in row.unexpected.iter().flatten() {
                let sentence = format!("  {}: {sentence}", row.name);
                block.add(&sentence, "    ", colour(Verdict::Stuck));
            }
        }
        block.print()
    }
}

impl Row {
    fn is_as_expected(&self) -> bool {
        self.unexpected.as_ref().is_none_or(Vec::is_empty)
    }

    fn verdict(&self) -> String {
        with_confidence(self.verdict, self.confidence)
    }

    /// Whether the scenario expects it to hang or to end, if that is what it did.
    fn expected(&self) -> &'static str {
        match (self.is_as_expected(), self.verdict.is_end()) {
            (true, true) => "end",
            (true, false) => "hang",
            (false, _) => "no",
        }
    }

    /// How many of its posts are stored; none if the scenario has no posts.
    fn stored(&self) -> Option<String> {
        let Posts { total, stored } = self.posts;
        (total > 0).then(|| format!("{stored}/{total}"))
    }

    fn in_columns(&self, scenario: &str, columns: &Columns) -> String {
        let seconds = Duration::from_millis(self.elapsed_ms);
        columns.line([
            scenario,
            &self.name,
            &self.verdict(),
            self.stored().as_deref().unwrap_or("-"),
            &self.errors.swallowed.to_string(),
            &format!("{:.2} s", seconds.as_secs_f64()),
            self.expected(),
        ])
    }

    fn in_words(&self) -> String {
        let expected = match self.expected() {
            "no" => "not as expected".to_owned(),
            what => format!("expected {what}"),
        };
        let mut text = format!("  {}: {}, {expected}", self.name, self.verdict());
        if let Some(stored) = self.stored() {
            let _ = write!(text, ", {stored} stored");
        }
        match self.errors.swallowed {
            0 => text,
            swallowed => format!("{text}, {swallowed} swallowed"),
        }
    }
}
