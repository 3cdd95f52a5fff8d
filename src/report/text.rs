//! A run as text for a terminal, or for a file.

use std::fmt::Write as _;

use anstyle::{AnsiColor, Style};

use super::layout::{Block, margin};
use super::{Document, SideDocument, TaskDocument};
use crate::demo::{Scenario, Side};
use crate::diagnosis::{Finding, Verdict};
use crate::fold::fold;

/// What there is room for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Page {
    /// A terminal this many columns wide.
    Terminal(usize),
    /// Anything else: lines are not wrapped, and the sides stand one above the other.
    Plain,
}

/// A column narrower than this is harder to read than a longer page.
const NARROWEST_COLUMN: usize = 58;
const BETWEEN_COLUMNS: usize = 3;
const BOLD: Style = Style::new().bold();
const FAINT: Style = Style::new().dimmed();
const NONE: Style = Style::new();

/// The whole report. Styles are written as escape sequences, to be stripped where they are not wanted.
pub fn render(document: &Document, scenario: &Scenario, page: Page, program: &str) -> String {
    let mut text = sides(&document.sides, page);
    text.push('\n');
    text += &ending(document, scenario, page, program);
    text
}

fn sides(sides: &[SideDocument], page: Page) -> String {
    let width = match page {
        Page::Terminal(width) => Some(width),
        Page::Plain => None,
    };
    if let ([left, right], Some(width)) = (sides, width) {
        let column = width.saturating_sub(BETWEEN_COLUMNS) / 2;
        if column >= NARROWEST_COLUMN {
            let column = Some(column);
            return side(left, column).print_beside(&side(right, column));
        }
    }
    let printed: Vec<String> = sides.iter().map(|one| side(one, width).print()).collect();
    printed.join("\n")
}

fn side(side: &SideDocument, width: Option<usize>) -> Block {
    let mut block = Block::new(width);
    block.add(side.name, "", BOLD);
    block.add(&verdict(side), "", colour(side.verdict).bold());
    let posts = side.posts;
    block.add(
        &format!("{} of {} posts stored", posts.stored, posts.total),
        "",
        NONE,
    );
    let errors = side.errors;
    let counts = format!(
        "{} returned, {} surfaced, {} swallowed",
        plural(errors.returned, "error"),
        errors.surfaced,
        errors.swallowed
    );
    block.add(&counts, "", NONE);

    heading(&mut block, "the program printed");
    printed(&mut block, &side.printed);
    heading(&mut block, "tasks");
    tasks(&mut block, &side.tasks);
    if side.tasks_unlisted > 0 {
        let unlisted = format!("  and {} more that have ended", side.tasks_unlisted);
        block.add(&unlisted, "  ", FAINT);
    }
    if !side.findings.is_empty() {
        heading(&mut block, "findings");
        for finding in &side.findings {
            self::finding(&mut block, finding);
        }
    }
    if !side.unseen.is_empty() {
        heading(&mut block, "not looked at");
        for unseen in &side.unseen {
            block.add(&format!("  {unseen}"), "  ", NONE);
        }
    }
    if let Some(database) = &side.database {
        heading(&mut block, "database");
        block.add(&format!("  {database}"), "  ", NONE);
    }
    block
}

fn verdict(side: &SideDocument) -> String {
    let sure = match side.verdict {
        Verdict::Completed | Verdict::Failed => String::new(),
        Verdict::Stuck | Verdict::Blocked | Verdict::Waiting => format!(" ({})", side.confidence),
    };
    let seconds = side.elapsed_ms / 1000;
    let hundredths = side.elapsed_ms % 1000 / 10;
    format!("{}{sure} after {seconds}.{hundredths:02} s", side.verdict)
}

fn colour(verdict: Verdict) -> Style {
    let colour = match verdict {
        Verdict::Completed => AnsiColor::Green,
        Verdict::Failed | Verdict::Waiting => AnsiColor::Yellow,
        Verdict::Stuck | Verdict::Blocked => AnsiColor::Red,
    };
    colour.on_default()
}

fn heading(block: &mut Block, text: &str) {
    block.gap();
    block.add(text, "", BOLD);
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

/// Many tasks that did the same are told of together.
const TOLD_EACH: usize = 4;

fn tasks<'d>(block: &mut Block, tasks: &'d [TaskDocument]) {
    let all_but_the_name = |task: &'d TaskDocument| {
        let spawned_at = task.spawned_at.as_deref();
        let (at, on) = (task.waits_at.as_deref(), task.waits_on.as_deref());
        (spawned_at, task.outcome, task.error.as_deref(), at, on)
    };
    let kinds = fold(tasks.iter().map(|task| (all_but_the_name(task), task)));
    for (_, tasks) in kinds {
        let (first, last) = (tasks[0], tasks[tasks.len() - 1]);
        if tasks.len() > TOLD_EACH {
            let names = format!("{} … {} ({} tasks)", first.name, last.name, tasks.len());
            task(block, &names, first);
        } else {
            for one in tasks {
                task(block, &one.name, one);
            }
        }
    }
}

fn task(block: &mut Block, name: &str, task: &TaskDocument) {
    const HANG: &str = "    ";
    let (outcome, parked_on) = match task.outcome {
        "outlived" => ("outlived main", ", parked on"),
        outcome => (outcome, " on"),
    };
    let mut told = format!("  {name}: {outcome}");
    if let Some(on) = &task.waits_on {
        let _ = write!(told, "{parked_on} {on}");
    }
    block.add(&told, HANG, NONE);
    if let Some(at) = &task.waits_at {
        block.add(&format!("{HANG}at {at}"), HANG, NONE);
    }
    if let Some(error) = &task.error {
        for line in error.lines() {
            block.add(&format!("{HANG}{line}"), HANG, NONE);
        }
    }
    if let Some(spawned_at) = &task.spawned_at {
        block.add(&format!("{HANG}spawned at {spawned_at}"), HANG, FAINT);
    }
}

fn finding(block: &mut Block, finding: &Finding) {
    let rule = format!("  {} ({})", finding.rule, finding.confidence);
    block.add(&rule, "  ", BOLD);
    block.add(&format!("    {}", finding.summary), "    ", NONE);
    for evidence in &finding.evidence {
        block.add(&format!("    - {evidence}"), "      ", FAINT);
    }
}

/// What stands below both sides: what was not as expected, and what to try next.
fn ending(document: &Document, scenario: &Scenario, page: Page, program: &str) -> String {
    let width = match page {
        Page::Terminal(width) => Some(width),
        Page::Plain => None,
    };
    let mut block = Block::new(width);
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
    for (arguments, why) in scenario.next {
        block.add(&format!("  {program} {arguments}"), "    ", NONE);
        block.add(&format!("    {why}"), "    ", FAINT);
    }
    block.print()
}

/// What Ctrl+C alone tells of a side that hangs: the line at which main waits.
pub fn innocent_line(side: &Side, document: &SideDocument) -> Option<String> {
    let main = document.tasks.first()?;
    let at = main.waits_at.as_deref()?;
    let mut text = format!("\n{}: main was here, at {at}\n", side.name);
    let line = at
        .strip_prefix(side.file)
        .and_then(|rest| rest.strip_prefix(':')?.parse::<usize>().ok())
        .and_then(|line| side.source.lines().nth(line - 1));
    if let Some(line) = line {
        let _ = write!(text, "\n{line}\n");
    }
    text += "\nThat is all that Ctrl+C tells, and nothing is wrong with that line.\n\n";
    Some(text)
}

fn plural(number: usize, noun: &str) -> String {
    let s = if number == 1 { "" } else { "s" };
    format!("{number} {noun}{s}")
}
