//! Errors that the program has and has not read yet, or keeps.
//!
//! What a task returned stays with the task until its `JoinHandle` is awaited. So an error that is still there was read
//! by nobody.

use std::collections::BTreeMap;

use unstuck_inspect::snapshot::{
    HandleKind, LocalId, Origin, Outcome, PlaceId, Snapshot, WaitsFor,
};

use super::actor::{self, Actor};
use super::maps::{HashMap, HashSet};

/// Errors that somebody has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeldErrors {
    /// Who has them. `None` if it was not found who has the handles.
    pub holder: Option<Actor>,
    /// Where its function is suspended.
    pub place: Option<PlaceId>,
    /// In what they are.
    pub locals: Vec<LocalId>,
    /// As what it has them.
    pub kept: Kept,
    /// The errors and panics, each with how many there are of it.
    pub failures: Vec<(Outcome, u64)>,
}

/// As what somebody has errors.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kept {
    /// It has the handles of these tasks, which have ended: nobody has read what they returned.
    Tasks(Vec<usize>),
    /// It has this many results, those that are no errors included. It may have read them.
    Results(u64),
    /// It has none any more: it awaited results of tasks there. If an error was among them, it was read or dropped.
    Nothing(Vec<PlaceId>),
}

/// The errors that are still there, those of tasks first.
pub(super) fn held(snapshot: &Snapshot) -> Vec<HeldErrors> {
    let mut found = unread(snapshot);
    let actors = Actor::all(snapshot);
    found.extend(actors.filter_map(|actor| results(snapshot, actor)));
    found.extend(Actor::all(snapshot).flat_map(|actor| joined(snapshot, actor)));
    found
}

/// Where an actor awaited results that it has no more.
fn joined(snapshot: &Snapshot, actor: Actor) -> impl Iterator<Item = HeldErrors> {
    let futures = actor.futures(snapshot).into_iter();
    let awaited = futures
        .flat_map(|it| &it.frames)
        .filter(|it| it.held_in.is_none());
    let joined = awaited.filter(|frame| !frame.joined.is_empty());
    joined.map(move |frame| HeldErrors {
        holder: Some(actor),
        place: Some(frame.place),
        locals: Vec::new(),
        kept: Kept::Nothing(frame.joined.clone()),
        failures: Vec::new(),
    })
}

/// Those of tasks, by who has the handles.
fn unread(snapshot: &Snapshot) -> Vec<HeldErrors> {
    let failed = snapshot.tasks.iter().enumerate().filter(|(_, task)| {
        let is_failure = task.outcome.as_ref().is_some_and(Outcome::is_failure);
        is_failure && !task.changed && task.origin != Some(Origin::Library)
    });
    let mut failed: BTreeMap<usize, &Outcome> = failed
        .filter_map(|(index, task)| Some((index, task.outcome.as_ref()?)))
        .collect();
    if failed.is_empty() {
        return Vec::new();
    }
    // Who awaits one reads it next.
    let awaited: HashSet<_> = Actor::all(snapshot)
        .filter_map(|actor| actor.futures(snapshot))
        .flat_map(|futures| &futures.leaves)
        .filter(|leaf| leaf.held_in.is_none())
        .filter_map(|leaf| match leaf.waits_for {
            WaitsFor::Task { task } => Some(task),
            _ => None,
        })
        .collect();
    failed.retain(|index, _| !awaited.contains(&snapshot.tasks[*index].address));
    let by_address = actor::by_address(snapshot);
    let mut holders: HashMap<usize, (Actor, Option<PlaceId>, LocalId)> = HashMap::default();
    for holder in Actor::all(snapshot) {
        for (handle, frame) in holder.handles(snapshot) {
            if handle.kind != HandleKind::JoinHandle {
                continue;
            }
            let task = by_address.get(&snapshot[handle.object].address);
            if let Some(Actor::Task(task)) = task
                && failed.contains_key(task)
            {
                let place = holder.place(snapshot, frame);
                holders
                    .entry(*task)
                    .or_insert((holder, place, handle.local));
            }
        }
    }
    let mut index: HashMap<Option<(Actor, Option<PlaceId>)>, usize> = HashMap::default();
    let mut found: Vec<HeldErrors> = Vec::new();
    // By who has them: very many may be different.
    let mut failures: Vec<Failures<'_>> = Vec::new();
    for (task, outcome) in failed {
        let holder = holders.get(&task);
        let who = holder.map(|(actor, place, _)| (*actor, *place));
        let number = *index.entry(who).or_insert(found.len());
        if number == found.len() {
            found.push(HeldErrors {
                holder: who.map(|(actor, _)| actor),
                place: who.and_then(|(_, place)| place),
                locals: Vec::new(),
                kept: Kept::Tasks(Vec::new()),
                failures: Vec::new(),
            });
            failures.push(Failures::default());
        }
        failures[number].add(outcome, 1);
        let errors = &mut found[number];
        let local = holder.map(|(.., local)| *local);
        let is_known = |local: &LocalId| errors.locals.contains(local);
        errors.locals.extend(local.filter(|local| !is_known(local)));
        if let Kept::Tasks(tasks) = &mut errors.kept {
            tasks.push(task);
        }
    }
    for (errors, failures) in found.iter_mut().zip(failures) {
        errors.failures = failures.list;
    }
    found
}

/// Those in the results that somebody has.
fn results(snapshot: &Snapshot, actor: Actor) -> Option<HeldErrors> {
    let frames = &actor.futures(snapshot)?.frames;
    let held = || {
        frames
            .iter()
            .flat_map(|frame| frame.results.iter().map(move |it| (frame, it)))
    };
    let mut failures = Failures::default();
    let mut locals = Vec::new();
    let mut place = None;
    for (frame, held) in held() {
        let failed = held.failures.iter().filter(|(it, _)| it.is_failure());
        for (outcome, count) in failed {
            failures.add(outcome, *count);
            if locals.last() != Some(&held.local) {
                locals.push(held.local);
            }
            place = place.or(Some(frame.place));
        }
    }
    place.map(|place| HeldErrors {
        holder: Some(actor),
        place: Some(place),
        locals,
        kept: Kept::Results(held().map(|(_, it)| it.count).sum()),
        failures: failures.list,
    })
}

/// Failures, each with how many there are of it, in the order of the first of each.
#[derive(Default)]
struct Failures<'s> {
    index: HashMap<&'s Outcome, usize>,
    list: Vec<(Outcome, u64)>,
}

impl<'s> Failures<'s> {
    fn add(&mut self, outcome: &'s Outcome, count: u64) {
        let number = *self.index.entry(outcome).or_insert(self.list.len());
        match self.list.get_mut(number) {
            Some((_, known)) => *known += count,
            None => self.list.push((outcome.clone(), count)),
        }
    }
}
