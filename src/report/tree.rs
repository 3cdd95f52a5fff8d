//! Tasks in the order in which a person reads them: each below the one that spawned it, and those that
//! did the same together.

use std::collections::HashMap;

use super::TaskDocument;
use crate::fold::fold;

/// What stands in one place of the list: a task, or several that did the same.
pub(super) struct Row<'t> {
    /// How many tasks it stands below.
    pub(super) depth: usize,
    /// The name of the task, or of the first and the last of them.
    pub(super) name: String,
    /// The task, or the first of them.
    pub(super) task: &'t TaskDocument,
}

/// More tasks than these that did the same are told of together.
const TOLD_EACH: usize = 4;

/// Each task below the one that spawned it, without those that ended well and left nothing behind; and how
/// many these are.
pub(super) fn rows(tasks: &[TaskDocument]) -> (Vec<Row<'_>>, usize) {
    let mut children: HashMap<Option<usize>, Vec<usize>> = HashMap::new();
    let mut left_out = 0;
    // From the last on, as a task is spawned before those that it spawns.
    for (place, task) in tasks.iter().enumerate().rev() {
        if task.outcome == "ok" && task.parent.is_some() && !children.contains_key(&Some(place)) {
            left_out += 1;
        } else {
            children.entry(task.parent).or_default().push(place);
        }
    }
    for siblings in children.values_mut() {
        siblings.reverse();
    }
    let mut rows = Vec::new();
    // Places still to be told of, the next one last.
    let mut ahead: Vec<(usize, Vec<usize>)> = Vec::new();
    let below = |parent, depth| {
        let siblings = children.get(&parent).map_or(&[][..], Vec::as_slice);
        let is_leaf = |place: &usize| !children.contains_key(&Some(*place));
        let mut runs = runs(tasks, siblings, is_leaf, TOLD_EACH);
        runs.reverse();
        runs.into_iter().map(move |run| (depth, run))
    };
    ahead.extend(below(None, 0));
    while let Some((depth, run)) = ahead.pop() {
        rows.push(row(tasks, depth, &run));
        if let [place] = run[..] {
            ahead.extend(below(Some(place), depth + 1));
        }
    }
    (rows, left_out)
}

/// The tasks that have not ended, in one list, and those that did the same in one row.
pub(super) fn alive(tasks: &[TaskDocument]) -> Vec<Row<'_>> {
    let is_alive = |place: &usize| tasks[*place].is_alive();
    let places: Vec<usize> = (0..tasks.len()).filter(is_alive).collect();
    let runs = runs(tasks, &places, |_| true, 1);
    runs.iter().map(|run| row(tasks, 0, run)).collect()
}

/// All tasks in one list.
#[cfg(feature = "demo")]
pub(super) fn flat(tasks: &[TaskDocument]) -> Vec<Row<'_>> {
    let places: Vec<usize> = (0..tasks.len()).collect();
    let runs = runs(tasks, &places, |_| true, TOLD_EACH);
    runs.iter().map(|run| row(tasks, 0, run)).collect()
}

/// Puts together, of the tasks at `places`, those that did the same, where there are more than `told_each` of them;
/// but only such as may be told of in one line.
fn runs(
    tasks: &[TaskDocument],
    places: &[usize],
    may_be_told_together: impl Fn(&usize) -> bool,
    told_each: usize,
) -> Vec<Vec<usize>> {
    let keyed = places.iter().map(|&place| {
        let key = if may_be_told_together(&place) {
            Key::Kind(Kind::of(&tasks[place]))
        } else {
            Key::Alone(place)
        };
        (key, place)
    });
    let each = |kind: Vec<usize>| match kind.len() {
        many if many <= told_each => kind.into_iter().map(|place| vec![place]).collect(),
        _ => vec![kind],
    };
    let kinds = fold(keyed).into_iter().map(|(_, kind)| kind);
    let mut runs: Vec<Vec<usize>> = kinds.flat_map(each).collect();
    runs.sort_by_key(|run| run[0]);
    runs
}

fn row<'t>(tasks: &'t [TaskDocument], depth: usize, run: &[usize]) -> Row<'t> {
    let (first, last) = (&tasks[run[0]], &tasks[run[run.len() - 1]]);
    let name = match run.len() {
        1 => first.name.clone(),
        2..=3 => {
            let names = run.iter().map(|place| &*tasks[*place].name);
            names.collect::<Vec<_>>().join(", ")
        }
        many => format!("{} … {} ({many} tasks)", first.name, last.name),
    };
    Row {
        depth,
        name,
        task: first,
    }
}

/// What is told together has the same.
#[derive(Clone, PartialEq, Eq, Hash)]
enum Key<'t> {
    Kind(Kind<'t>),
    Alone(usize),
}

/// All of a task but its name.
#[derive(Clone, PartialEq, Eq, Hash)]
struct Kind<'t> {
    spawned_at: Option<&'t str>,
    parent: Option<usize>,
    outcome: &'static str,
    error: Option<&'t str>,
    waits_at: Option<&'t str>,
    waits_for: Option<&'t str>,
}

impl<'t> Kind<'t> {
    fn of(task: &'t TaskDocument) -> Self {
        let TaskDocument {
            name: _,
            spawned_at,
            parent,
            outcome,
            error,
            waits_at,
            waits_for,
        } = task;
        Self {
            spawned_at: spawned_at.as_deref(),
            parent: *parent,
            outcome,
            error: error.as_deref(),
            waits_at: waits_at.as_deref(),
            waits_for: waits_for.as_deref(),
        }
    }
}
