//! What a report with the outcomes of tasks takes from memory: why they wait, and where.

use unstuck_inspect::snapshot::{AwaitTree, Frame, Leaf, Origin, Snapshot, Task, WaitsFor};

use super::folder::Folder;
use super::{State, Text, Titles};
use crate::explain::Explanation;
#[cfg(feature = "demo")]
use crate::fingerprint::Fingerprint;
use crate::liveness::Finding;
use crate::liveness::maps::HashMap;
use crate::outcomes::{End, Outcomes, TaskId, TaskOutcome};
use crate::report::TaskDocument;
use crate::report::page::{Detail, Page};
use crate::verdict;

/// The findings, each in sentences.
pub(in crate::report) fn findings(explanation: &Explanation) -> Vec<verdict::Finding> {
    let text = Text::of_side(&explanation.snapshot);
    let findings = explanation.diagnosis.findings.iter();
    findings.map(|it| text.in_words(it)).collect()
}

/// The findings on waits that a timeout has ended since.
#[cfg(feature = "demo")]
pub(in crate::report) fn findings_until_timeouts(
    explanation: &Explanation,
) -> Vec<verdict::Finding> {
    use crate::liveness::{Cause, Until, Wait};

    let text = Text::of_side(&explanation.snapshot);
    let waits = explanation.diagnosis.waits();
    let in_vain = waits.filter(|(_, wait)| matches!(wait.until, Until::Timeout(_)));
    let told = in_vain.map(|(finding, wait)| {
        let wait = Wait {
            until: Until::Never,
            ..wait.clone()
        };
        let cause = Cause::Wait(wait);
        let mut told = text.in_words(&Finding {
            cause,
            ..finding.clone()
        });
        told.summary += "; then a timeout ended the wait";
        told
    });
    told.collect()
}

/// The tasks that are in a poll that has not returned for long, and does not sleep.
#[cfg(feature = "demo")]
pub(in crate::report) fn busy(explanation: &Explanation) -> Vec<verdict::Finding> {
    let text = Text::of_side(&explanation.snapshot);
    let tasks = explanation.snapshot.tasks.iter();
    let is_polled =
        |task: &&Task| task.state.lifecycle == unstuck_inspect::snapshot::Lifecycle::Running;
    let polled = tasks.filter(is_polled);
    let finding = |task: &Task| verdict::Finding {
        rule: crate::liveness::BLOCKED_WORKER,
        confidence: verdict::Confidence::Likely,
        fingerprint: Fingerprint::of([
            crate::liveness::BLOCKED_WORKER,
            &explanation.snapshot[task.name],
        ]),
        summary: format!(
            "{} has not returned from a poll: it computes, or loops without an `.await`, and until it returns, its \
             thread runs no other task",
            text.task_title(task)
        ),
        evidence: Vec::new(),
    };
    polled.map(finding).collect()
}

/// What could not be read.
pub(in crate::report) fn gaps(explanation: &Explanation) -> Vec<String> {
    let text = Text::of_side(&explanation.snapshot);
    let gaps = explanation.snapshot.gaps.iter();
    gaps.map(|gap| text.gap(gap)).collect()
}

/// The program's own tasks in spawn order: how they ended, or where they wait, as far as that was read.
pub(in crate::report) fn tasks(
    outcomes: &Outcomes,
    read: Option<&Explanation>,
) -> Vec<TaskDocument> {
    let places = outcomes.own().enumerate();
    let places: HashMap<TaskId, usize> = places.map(|(place, task)| (task.id, place)).collect();
    let text = read.map(|it| Text::of_side(&it.snapshot));
    let alive = read.iter().flat_map(|it| &it.snapshot.tasks);
    let alive: HashMap<TaskId, &Task> = alive.map(|task| (TaskId(task.id), task)).collect();
    let is_over = outcomes.returned.is_some();
    let document = |task: &TaskOutcome| {
        let is_main = Some(task.id) == outcomes.main;
        let returned = outcomes.returned.as_ref().filter(|_| is_main);
        let end = returned.map(|it| &it.end).or(task.end.as_ref());
        let read = alive.get(&task.id).filter(|_| end.is_none());
        let (waits_at, waits_for) = match (&text, read) {
            (Some(text), Some(task)) => text.standing(&task.futures),
            _ => (None, None),
        };
        TaskDocument {
            name: task.display_name(),
            spawned_at: (!is_main).then(|| task.spawned_at.to_string()),
            parent: task.parent.and_then(|it| places.get(&it).copied()),
            outcome: match (end, read) {
                (Some(End::Ok), _) => "ok",
                (Some(End::Error(_)), _) => "error",
                (Some(End::Panic(_)), _) => "panic",
                (Some(End::Cancelled), _) => "cancelled",
                (None, _) if is_over => "outlived",
                (None, Some(task)) => State::of(task).name(),
                (None, None) => "alive",
            },
            error: match end {
                Some(End::Error(text) | End::Panic(text)) => Some(text.clone()),
                _ => None,
            },
            waits_at,
            waits_for,
        }
    };
    outcomes.own().map(document).collect()
}

impl<'s> Text<'s> {
    /// For the report on a side of the demo.
    fn of_side(snapshot: &'s Snapshot) -> Self {
        let mut text = Self::new(snapshot, Detail::Brief, Page::Plain);
        text.titles = Titles::Names;
        if let Some(folder) = &snapshot.process.folder {
            text.folder = Folder::compiled_in(folder);
        }
        text
    }

    fn in_words(&self, finding: &Finding) -> verdict::Finding {
        verdict::Finding {
            rule: finding.rule,
            confidence: finding.confidence,
            fingerprint: finding.fingerprint(self.snapshot),
            summary: self.summary(finding),
            evidence: Vec::new(),
        }
    }

    /// The program's own innermost line at which somebody waits, and what for.
    fn standing(&self, futures: &AwaitTree) -> (Option<String>, Option<String>) {
        let awaited = || {
            futures
                .leaves
                .iter()
                .filter(|leaf| Self::is_awaited(futures, leaf))
        };
        let own = |frame: &&Frame| self.snapshot[frame.place].origin == Origin::Program;
        let mut frames = awaited().filter_map(|leaf| futures.ancestors(leaf.frame).find(own));
        let at = frames.next().map(|it| self.place(&self.snapshot[it.place]));
        let mut things: Vec<String> = Vec::new();
        for leaf in awaited().filter(|leaf| self.shows_leaf(leaf)) {
            let awaits = self.awaits(leaf);
            let thing = awaits
                .strip_prefix("waits for ")
                .unwrap_or(match &leaf.waits_for {
                    WaitsFor::Never => "nothing: it is pending forever",
                    _ => &awaits,
                });
            if things.iter().all(|it| it != thing) {
                things.push(thing.to_owned());
            }
        }
        (at, (!things.is_empty()).then(|| things.join(" or ")))
    }

    /// Whether nobody merely holds the future.
    fn is_awaited(futures: &AwaitTree, leaf: &Leaf) -> bool {
        let mut around = futures.ancestors(leaf.frame);
        leaf.held_in.is_none() && around.all(|frame| frame.held_in.is_none())
    }
}
