//! A report as text for a terminal, or for a file.

use std::fmt::Write as _;
use std::ops::RangeInclusive;

use anstyle::{AnsiColor, Style};

use super::Report;
#[cfg(feature = "demo")]
use super::TaskDocument;
use super::layout::Block;
use super::tree::{self, Row};
use crate::diagnosis::{Confidence, Finding, Verdict};

/// What there is room for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Page {
    /// A terminal this many columns wide.
    Terminal(usize),
    /// Anything else: lines are not wrapped, and the sides stand one above the other.
    Plain,
}

pub(super) const BOLD: Style = Style::new().bold();
pub(super) const FAINT: Style = Style::new().dimmed();
pub(super) const NONE: Style = Style::new();

impl Page {
    /// The width at which lines are wrapped, if they are.
    pub(super) fn width(self) -> Option<usize> {
        match self {
            Page::Terminal(width) => Some(width),
            Page::Plain => None,
        }
    }
}

/// The whole report. Styles are written as escape sequences, to be stripped where they are not wanted.
pub fn render(report: &Report, page: Page) -> String {
    let mut block = Block::new(page.width());
    verdict(&mut block, report);
    quiet(&mut block, report);
    errors(&mut block, report);
    findings(&mut block, report);
    heading(&mut block, "tasks");
    let (rows, left_out) = tree::rows(&report.tasks);
    for row in &rows {
        task(&mut block, row);
    }
    if left_out > 0 {
        let ended = format!(
            "  {} ended without an error",
            plural(left_out, "other task")
        );
        block.add(&ended, "  ", FAINT);
    }
    unlisted(&mut block, report);
    unseen(&mut block, report);
    block.print()
}

pub(super) fn verdict(block: &mut Block, report: &Report) {
    let sure = sure(report.verdict, report.confidence);
    let after = seconds(report.elapsed_ms);
    let verdict = format!("{}{sure} after {after}", report.verdict);
    block.add(&verdict, "", colour(report.verdict).bold());
}

/// How sure a verdict is, where it could be otherwise.
pub(super) fn sure(verdict: Verdict, confidence: Confidence) -> String {
    match verdict {
        Verdict::Completed | Verdict::Failed | Verdict::Running => String::new(),
        Verdict::Stuck | Verdict::Blocked | Verdict::Waiting => format!(" ({confidence})"),
    }
}

/// For how long nothing has moved.
fn quiet(block: &mut Block, report: &Report) {
    if report.quiet_ms > 0 {
        let quiet = format!("nothing has moved for {}", seconds(report.quiet_ms));
        block.add(&quiet, "", NONE);
    }
}

/// `1.23 s`, `2 min 3 s`, `4 h 5 min`.
fn seconds(milliseconds: u64) -> String {
    let seconds = milliseconds / 1000;
    let minutes = seconds / 60;
    match minutes {
        0 => format!("{seconds}.{:02} s", milliseconds % 1000 / 10),
        1..60 => format!("{minutes} min {} s", seconds % 60),
        _ => format!("{} h {} min", minutes / 60, minutes % 60),
    }
}

/// What became of the errors, in numbers.
pub(super) fn errors(block: &mut Block, report: &Report) {
    let errors = report.errors;
    let counts = format!(
        "{} returned, {} surfaced, {} swallowed",
        plural(errors.returned, "error"),
        errors.surfaced,
        errors.swallowed
    );
    block.add(&counts, "", NONE);
}

pub(super) fn findings(block: &mut Block, report: &Report) {
    if report.findings.is_empty() {
        return;
    }
    heading(block, "findings");
    for one in &report.findings {
        finding(block, one);
    }
}

/// How many tasks there were besides.
pub(super) fn unlisted(block: &mut Block, report: &Report) {
    if report.tasks_unlisted > 0 {
        let unlisted = format!("  and {} more that have ended", report.tasks_unlisted);
        block.add(&unlisted, "  ", FAINT);
    }
}

pub(super) fn unseen(block: &mut Block, report: &Report) {
    if report.unseen.is_empty() {
        return;
    }
    heading(block, "not looked at");
    for unseen in &report.unseen {
        block.add(&format!("  {unseen}"), "  ", NONE);
    }
}

pub(super) fn colour(verdict: Verdict) -> Style {
    let colour = match verdict {
        Verdict::Completed | Verdict::Running => AnsiColor::Green,
        Verdict::Failed | Verdict::Waiting => AnsiColor::Yellow,
        Verdict::Stuck | Verdict::Blocked => AnsiColor::Red,
    };
    colour.on_default()
}

pub(super) fn heading(block: &mut Block, text: &str) {
    block.gap();
    block.add(text, "", BOLD);
}

/// The tasks, whoever spawned them, one below the other.
#[cfg(feature = "demo")]
pub(super) fn tasks(block: &mut Block, tasks: &[TaskDocument]) {
    for row in tree::flat(tasks) {
        task(block, &row);
    }
}

fn task(block: &mut Block, row: &Row<'_>) {
    let task = row.task;
    let indent = "  ".repeat(row.depth + 1);
    let hang = format!("{indent}  ");
    let (outcome, parked) = match task.outcome {
        "outlived" => ("outlived main", ", parked"),
        "unpolled" => ("not polled yet", ""),
        outcome => (outcome, ""),
    };
    let mut told = format!("{indent}{}: {outcome}", row.name);
    if let Some(on) = &task.waits_on {
        let lasts = row
            .waits_ms
            .as_ref()
            .map(|it| format!(" for {}", range(it)));
        let due = row
            .due_ms
            .as_ref()
            .map(|it| format!(", due in {}", range(it)));
        let (lasts, due) = (lasts.unwrap_or_default(), due.unwrap_or_default());
        let _ = write!(told, "{parked}{lasts} on {on}{due}");
    }
    block.add(&told, &hang, NONE);
    if let Some(at) = &task.waits_at {
        block.add(&format!("{hang}at {at}"), &hang, NONE);
    }
    if let Some(error) = &task.error {
        for line in error.lines() {
            block.add(&format!("{hang}{line}"), &hang, NONE);
        }
    }
    if let Some(spawned_at) = &task.spawned_at {
        block.add(&format!("{hang}spawned at {spawned_at}"), &hang, FAINT);
    }
}

/// `1.23 s`, `1.23 s to 2 min 3 s`.
fn range(milliseconds: &RangeInclusive<u64>) -> String {
    let (least, most) = (seconds(*milliseconds.start()), seconds(*milliseconds.end()));
    if least == most {
        least
    } else {
        format!("{least} to {most}")
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

pub(super) fn plural(number: usize, noun: &str) -> String {
    let s = if number == 1 { "" } else { "s" };
    format!("{number} {noun}{s}")
}
