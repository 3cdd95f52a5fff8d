//! A run as text: its sides in columns, where there is room for them, and what to try next.

use super::layout::{Block, margin};
use super::text::{self, BOLD, FAINT, NONE, Page, colour, heading};
use super::{Document, SideDocument};
use crate::demo::Scenario;
use crate::diagnosis::Verdict;

/// A column narrower than this is harder to read than a longer page.
const NARROWEST_COLUMN: usize = 58;
const BETWEEN_COLUMNS: usize = 3;

/// The whole report. Styles are written as escape sequences, to be stripped where they are not wanted.
pub fn render(document: &Document, scenario: &Scenario, page: Page, program: &str) -> String {
    let mut text = sides(&document.sides, page);
    text.push('\n');
    text += &ending(document, scenario, page, program);
    text
}

fn sides(sides: &[SideDocument], page: Page) -> String {
    if let Some(column) = column(sides.len(), page) {
        let columns: Vec<Block> = sides.iter().map(|one| side(one, Some(column))).collect();
        return Block::print_beside(&columns);
    }
    let printed = sides.iter().map(|one| side(one, page.width()).print());
    printed.collect::<Vec<String>>().join("\n")
}

/// How wide a column is, if there is room for so many.
fn column(columns: usize, page: Page) -> Option<usize> {
    let between = BETWEEN_COLUMNS * columns.checked_sub(1)?;
    let column = page.width()?.saturating_sub(between) / columns;
    (columns > 1 && column >= NARROWEST_COLUMN).then_some(column)
}

fn side(side: &SideDocument, width: Option<usize>) -> Block {
    let mut block = Block::new(width);
    block.add(side.name, "", BOLD);
    text::verdict(&mut block, &side.report);
    let posts = side.posts;
    if posts.total > 0 {
        let stored = format!("{} of {} posts stored", posts.stored, posts.total);
        block.add(&stored, "", NONE);
    }
    text::errors(&mut block, &side.report);
    heading(&mut block, "the program printed");
    printed(&mut block, &side.printed);
    heading(&mut block, "tasks");
    text::tasks(&mut block, &side.report.tasks);
    text::unlisted(&mut block, &side.report);
    text::findings(&mut block, &side.report);
    text::unseen(&mut block, &side.report);
    if let Some(database) = &side.database {
        heading(&mut block, "database");
        block.add(&format!("  {database}"), "  ", NONE);
    }
    block
}

/// What stands below both sides: what was not as expected, and what to try next.
fn ending(document: &Document, scenario: &Scenario, page: Page, program: &str) -> String {
    let mut block = Block::new(page.width());
    if document.exploration {
        block.add(
            "This is an exploration: nothing is expected of it.",
            "",
            NONE,
        );
        block.gap();
    }
    for sentence in document.unexpected() {
        block.add(
            &format!("not as expected: {sentence}"),
            "  ",
            colour(Verdict::Stuck),
        );
    }
    if document.unexpected().next().is_some() {
        block.gap();
    }
    block.add("try next", "", BOLD);
    let show = format!("show {}", scenario.name);
    let lesson = (
        show.as_str(),
        "the lesson: what to predict, what happens, and why",
    );
    let lesson = (!scenario.page.is_empty()).then_some(lesson);
    for (arguments, why) in lesson.iter().chain(scenario.next) {
        block.add(&format!("  {program} {arguments}"), "    ", NONE);
        block.add(&format!("    {why}"), "    ", FAINT);
    }
    block.print()
}

fn printed(block: &mut Block, printed: &str) {
    if printed.is_empty() {
        block.add("  nothing", "", FAINT);
    }
    for line in printed.lines() {
        let line = format!("  {line}");
        block.add(&line, &margin(&line), NONE);
    }
}
