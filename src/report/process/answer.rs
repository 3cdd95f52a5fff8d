//! The first lines of the report on a process: the verdict, and why.

use std::collections::BTreeMap;

use super::super::layout::Block;
use super::super::lost;
use super::super::page::{FAINT, NONE, colour, plural};
use super::Text;
use crate::explain::Explanation;
use crate::liveness::{Activity, Basis, Cause, Diagnosis, Doubt, Unseen};
use crate::verdict::Verdict;

/// How many of several things a sentence names.
pub(super) const NAMED: usize = 3;

/// How much of the findings is told.
#[derive(Clone, Copy, Debug)]
pub(super) struct Most {
    /// How many findings.
    pub(super) findings: usize,
    /// How many links of a circular wait.
    pub(super) links: usize,
}

impl Most {
    pub(super) const ALL: Self = Self {
        findings: usize::MAX,
        links: usize::MAX,
    };
    /// In brief: the first of these with which the answer fits the screen, or else the last.
    const BRIEF: [Self; 5] = [
        Self::of(3, 5),
        Self::of(3, 3),
        Self::of(2, 3),
        Self::of(1, 3),
        Self::of(1, 2),
    ];

    const fn of(findings: usize, links: usize) -> Self {
        Self { findings, links }
    }
}

/// How many lines the answer has at most, at so many columns.
const LINES: usize = 20;
const COLUMNS: usize = 80;

impl Text<'_> {
    /// Adds it to the title, which is in the block already.
    pub(super) fn answer(&mut self, explanation: &Explanation) {
        let diagnosis = &explanation.diagnosis;
        let title = self.block.lines.len();
        let lost = explanation.outcomes.findings();
        let lost: Vec<String> = lost.iter().flat_map(lost::lines).collect();
        let errors = self.errors(explanation);
        let notes = self.notes(diagnosis);
        let lay_out = |block: &mut Block, why: &[String]| {
            let verdict = Self::verdict(diagnosis);
            block.add(&verdict, "  ", colour(diagnosis.verdict).bold());
            if why.len() + lost.len() + errors.len() + notes.len() > 0 {
                block.gap();
            }
            block.row("why", why, NONE);
            block.row("lost", &lost, NONE);
            block.row("errors", &errors, NONE);
            block.row("note", &notes, FAINT);
        };
        let fits = |why: &[String]| {
            let mut block = Block::new(Some(COLUMNS));
            lay_out(&mut block, why);
            title + block.lines.len() <= LINES
        };
        let mut choices = if self.full {
            [Most::ALL].iter()
        } else {
            Most::BRIEF.iter()
        };
        let mut why = Vec::new();
        while let Some(most) = choices.next() {
            why = self.why(diagnosis, *most);
            if choices.len() == 0 || fits(&why) {
                break;
            }
        }
        let mut answer = Block::new(self.width);
        lay_out(&mut answer, &why);
        self.block.lines.append(&mut answer.lines);
    }

    /// The verdict alone, behind `title`.
    pub(super) fn verdict_line(&mut self, title: &str, diagnosis: &Diagnosis) {
        let verdict = format!("{title}{}", Self::verdict(diagnosis));
        let style = colour(diagnosis.verdict).bold();
        self.block.add(&verdict, "  ", style);
    }

    fn verdict(diagnosis: &Diagnosis) -> String {
        let Diagnosis {
            verdict,
            confidence,
            ..
        } = diagnosis;
        let mut counts: BTreeMap<Activity, usize> = BTreeMap::new();
        for live in &diagnosis.live {
            *counts.entry(live.activity).or_default() += 1;
        }
        let waits = counts.iter().map(|(activity, count)| {
            let what = match activity {
                Activity::Runs => "running",
                Activity::Outside => "I/O",
                Activity::Timer => "timers",
                Activity::BlockingTask => "blocking tasks",
            };
            format!("{what} ({count})")
        });
        let waits = waits.collect::<Vec<_>>().join(" or ");
        let because = match verdict {
            Verdict::Stuck => "nothing in it can wake its tasks".to_owned(),
            Verdict::Blocked => "a thread does not return from a poll".to_owned(),
            Verdict::Running => "it moves".to_owned(),
            _ if waits.is_empty() => "what could wake it is not known".to_owned(),
            _ => format!("{waits} may still wake it"),
        };
        let part = match (verdict, diagnosis.waits().next()) {
            (Verdict::Stuck, _) | (_, None) => "",
            _ => "a part of it is stuck; ",
        };
        let confidence = match verdict {
            Verdict::Stuck | Verdict::Blocked => format!(" ({confidence})"),
            _ => String::new(),
        };
        format!("{verdict}{confidence}: {part}{because}")
    }

    fn why(&self, diagnosis: &Diagnosis, most: Most) -> Vec<String> {
        let shown = diagnosis.findings.iter().take(most.findings);
        let mut lines: Vec<String> = shown.flat_map(|it| self.finding(it, most.links)).collect();
        match diagnosis.findings.len().saturating_sub(most.findings) {
            0 => {}
            more => lines.push(format!(
                "and {} more; `--full` shows all",
                plural(more, "finding")
            )),
        }
        lines
    }

    fn notes(&self, diagnosis: &Diagnosis) -> Vec<String> {
        let mut notes = Vec::new();
        notes.extend(self.folder.note());
        match diagnosis.basis {
            Basis::TwoReadings => {}
            Basis::OneReading => notes.push(
                "this is one reading of a live process: whether it moved after that is not known"
                    .to_owned(),
            ),
            Basis::Core => {
                notes.push("this is the moment at which the core file was written".to_owned());
            }
        }
        if diagnosis.verdict == Verdict::Stuck {
            return notes;
        }
        let is_told = |doubt: &Doubt| {
            let mut findings = diagnosis.findings.iter();
            findings.any(|finding| match &finding.cause {
                Cause::Unseen(Unseen::Holders(_)) => *doubt == Doubt::Holder,
                Cause::Unseen(Unseen::Future { .. }) => *doubt == Doubt::Future,
                Cause::Unseen(Unseen::Wakers(_)) => *doubt == Doubt::Waker,
                _ => false,
            })
        };
        for doubt in diagnosis.doubts.iter().filter(|it| !is_told(it)) {
            notes.push(
                match doubt {
                    Doubt::Holder => "not found: some holders of what tasks wait for",
                    Doubt::Waker => "not found: some wakers of tasks",
                    Doubt::Future => "not understood: some futures that tasks wait for",
                }
                .to_owned(),
            );
        }
        let others = diagnosis.other_threads.iter();
        let others = others.map(|index| &self.snapshot.threads[*index]);
        let others: Vec<String> = others.take(NAMED).map(Self::thread_name).collect();
        if !others.is_empty() {
            let more = match diagnosis.other_threads.len() - others.len() {
                0 => String::new(),
                more => format!(" and {more} more"),
            };
            notes.push(format!("{}{more} may wake tasks, too", others.join(", ")));
        }
        notes
    }
}
