//! A report as text for a terminal, or for a file.

use std::fmt::Write as _;

use super::folder::{Folder, places, shorten};
use super::layout::Block;
use super::lost::{self, sentence};
use super::page::{BOLD, Detail, FAINT, NONE, Page, colour, heading, plural};
use super::tree::{self, Row};
use super::{ProgramReport as Report, TaskDocument};
use crate::verdict::{Confidence, Finding, Verdict};

/// The report. Styles are written as escape sequences, to be stripped where they are not wanted.
pub fn render(report: &Report, page: Page, detail: Detail) -> String {
    match detail {
        Detail::Brief => brief(report, page),
        Detail::Full => full(report, page),
    }
}

fn brief(report: &Report, page: Page) -> String {
    let folder = Folder::shared_by(places(report));
    let mut block = Block::new(page.prose_width());
    block.add(&verdict(report), "  ", colour(report.verdict).bold());
    let programs = [("", report)];
    why(&mut block, &programs, folder.as_ref());
    if report.errors.returned > 0 {
        block.row("errors", &[errors(report)], NONE);
    }
    lost(&mut block, &programs, folder.as_ref());
    alive(&mut block, report, folder.as_ref());
    notes(&mut block, &programs);
    if let Some(folder) = folder {
        block.row("code", &[format!("in {}", folder.path())], NONE);
    }
    let more = "`full()` on `Guard` or `Check` adds each task and the evidence";
    block.row("more", &[more], FAINT);
    block.print()
}

/// Programs, each with what its lines begin with where there are several.
pub(super) type Programs<'r> = [(&'r str, &'r Report)];

/// Why the programs came to that: what the rules found, but for lost errors.
pub(super) fn why(block: &mut Block, programs: &Programs<'_>, folder: Option<&Folder>) {
    const MOST: usize = 4;
    let several = are_several(programs, |it| findings_of(it, false).next().is_some());
    let why = programs.iter().flat_map(|(name, report)| {
        let prefix = prefix(name, several);
        findings_of(report, false).map(move |finding| format!("{prefix}{}", sentence(finding)))
    });
    let why: Vec<String> = why.map(|it| shorten(folder, &it)).collect();
    let shown = if why.len() > MOST { MOST - 1 } else { MOST };
    let lines = why.iter().take(shown).flat_map(|it| it.lines());
    let mut lines: Vec<String> = lines.map(str::to_owned).collect();
    if why.len() > shown {
        lines.push(format!("and {} more findings", why.len() - shown));
    }
    block.row("why", &lines, NONE);
}

/// Errors that nobody read: how many, and where they are from.
pub(super) fn lost(block: &mut Block, programs: &Programs<'_>, folder: Option<&Folder>) {
    let several = are_several(programs, |it| findings_of(it, true).next().is_some());
    let mut told = Vec::new();
    for (name, report) in programs {
        for finding in findings_of(report, true) {
            let mut lines = lost::lines(finding);
            lines[0].insert_str(0, &prefix(name, several));
            told.append(&mut lines);
        }
    }
    let told: Vec<String> = told.iter().map(|it| shorten(folder, it)).collect();
    block.row("lost", &told, NONE);
}

/// What could not be observed.
pub(super) fn notes(block: &mut Block, programs: &Programs<'_>) {
    let several = are_several(programs, |it| !it.unseen.is_empty());
    let notes = programs.iter().flat_map(|(name, report)| {
        let prefix = prefix(name, several);
        let unseen = report.unseen.iter();
        unseen.map(move |unseen| format!("{prefix}not observed: {unseen}"))
    });
    block.row("note", &notes.collect::<Vec<String>>(), NONE);
}

/// What the rules found that tells of lost errors, or that does not.
fn findings_of(report: &Report, errors: bool) -> impl Iterator<Item = &Finding> {
    let findings = report.findings.iter();
    findings.filter(move |finding| finding.is_of_errors() == errors)
}

/// Whether that holds for more than one of them.
fn are_several(programs: &Programs<'_>, holds: impl Fn(&Report) -> bool) -> bool {
    programs.iter().filter(|(_, report)| holds(report)).count() > 1
}

fn prefix(name: &str, is_one_of_several: bool) -> String {
    if is_one_of_several {
        format!("{name}: ")
    } else {
        String::new()
    }
}

/// The tasks that have not ended, and how many have.
pub(super) fn alive(block: &mut Block, report: &Report, folder: Option<&Folder>) {
    let most = if report.findings.is_empty() { 8 } else { 4 };
    let rows = tree::alive(&report.tasks);
    let mut told: Vec<String> = rows.iter().take(most).map(in_one_line).collect();
    let hidden = rows.len().saturating_sub(most);
    let count = |is: &dyn Fn(&TaskDocument) -> bool| {
        // All but main.
        let spawned = |task: &&TaskDocument| task.spawned_at.is_some();
        let children = report.tasks.iter().filter(spawned);
        children.filter(|task| is(task)).count()
    };
    let others = [
        (hidden, "more that have not ended"),
        (count(&TaskDocument::has_failed), "failed"),
        (count(&|task| task.outcome == "cancelled"), "cancelled"),
        (
            count(&|task| task.outcome == "ok"),
            "ended without an error",
        ),
        (report.tasks_unlisted, "more that have ended"),
    ];
    let others = others.iter().filter(|(number, _)| *number > 0);
    let others = others.map(|(number, what)| format!("{number} {what}"));
    let others: Vec<String> = others.collect();
    if !others.is_empty() {
        told.push(others.join(", "));
    }
    let told: Vec<String> = told.iter().map(|it| shorten(folder, it)).collect();
    block.row("tasks", &told, NONE);
}

fn in_one_line(row: &Row<'_>) -> String {
    let at = row.task.waits_at.as_ref();
    let at = at.map_or_else(String::new, |at| format!(" at {at}"));
    format!("{}{at}", standing(row))
}

fn full(report: &Report, page: Page) -> String {
    let mut block = Block::new(page.width());
    block.add(&verdict(report), "  ", colour(report.verdict).bold());
    if report.errors.returned > 0 {
        block.add(&format!("errors: {}", errors(report)), "  ", NONE);
    }
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

/// What it came to, and when: `stuck (proven) after 0.17 s`.
pub(super) fn verdict(report: &Report) -> String {
    let sure = sure(report.verdict, report.confidence);
    let after = seconds(report.elapsed_ms);
    format!("{}{sure} after {after}", report.verdict)
}

/// How sure a verdict is, where it could be otherwise.
pub(super) fn sure(verdict: Verdict, confidence: Confidence) -> String {
    match verdict {
        Verdict::Completed | Verdict::Failed | Verdict::Running => String::new(),
        Verdict::Stuck | Verdict::Blocked | Verdict::Waiting => format!(" ({confidence})"),
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

/// What became of the errors, in numbers: `3 returned, 0 surfaced`.
pub(super) fn errors(report: &Report) -> String {
    let errors = report.errors;
    match errors.returned {
        0 => "none".to_owned(),
        returned => format!("{returned} returned, {} surfaced", errors.surfaced),
    }
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
    heading(block, "not observed");
    for unseen in &report.unseen {
        block.add(&format!("  {unseen}"), "  ", NONE);
    }
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
    let told = format!("{indent}{}", standing(row));
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

/// How a task ended, or what it is doing.
fn standing(row: &Row<'_>) -> String {
    let task = row.task;
    let (outcome, waits) = match task.outcome {
        "outlived" => ("outlived main", ", waits"),
        "queued" => ("in a run queue", ""),
        outcome => (outcome, ""),
    };
    let mut standing = format!("{}: {outcome}", row.name);
    if let Some(what) = &task.waits_for {
        let _ = write!(standing, "{waits} for {what}");
    }
    standing
}

fn finding(block: &mut Block, finding: &Finding) {
    let rule = format!("  {} ({})", finding.rule, finding.confidence);
    block.add(&rule, "  ", BOLD);
    for line in finding.summary.lines() {
        block.add(&format!("    {line}"), "      ", NONE);
    }
    for evidence in &finding.evidence {
        block.add(&format!("    - {evidence}"), "      ", FAINT);
    }
}
