//! What is set or closed once, for all who wait: events, cancellation tokens and task trackers.

use unstuck_inspect::snapshot::{Counts, HandleKind};

use super::super::actor::Actor;
use super::super::maps::HashSet;
use super::super::objects::{Held, Keeper, Objects, Reconciled};
use super::{Found, Source, shared};

/// Who can set an event: its handles. A wait borrows one mutably, so where there are as many waits as handles, those
/// who wait have them all, whatever other locals seem to hold.
pub(super) fn event<'s>(handles: &[Held<'s>], objects: &Objects<'s>, waits: &[Actor]) -> Found<'s> {
    let mut handles: Vec<Held<'s>> = handles.to_vec();
    handles.retain(|held| held.handle.kind == HandleKind::Event);
    let count = handles.first().and_then(|held| objects.counts(held).strong);
    let holders: HashSet<Actor> = handles.iter().filter_map(|it| it.keeper.actor()).collect();
    let all_wait =
        count == Some(waits.len() as u64) && waits.iter().all(|actor| holders.contains(actor));
    if all_wait {
        let waits: HashSet<&Actor> = waits.iter().collect();
        let waits_itself = |actor: Actor| waits.contains(&actor);
        handles.retain(|held| held.keeper.actor().is_some_and(waits_itself));
    }
    let mut found = Found::of(handles, count);
    if all_wait {
        found.reconciled = Reconciled::All;
    }
    found
}

/// Who can cancel a token: its handles, and those of the tokens above it, which it hangs below. `None` if it is none.
pub(super) fn tokens<'s>(handles: &[Held<'s>], objects: &Objects<'s>) -> Option<Found<'s>> {
    let is_token = |held: &&Held<'s>| objects.counts(held).tokens.is_some();
    let node = objects.object(handles.iter().find(is_token)?);
    let of_kind = |kind: HandleKind| {
        let handles = handles.iter().copied();
        handles.filter(move |held| held.handle.kind == kind)
    };
    let count = node.counts.tokens;
    let mut found = Found::of(of_kind(HandleKind::CancellationToken).collect(), count);
    let above = of_kind(HandleKind::Arc).filter(|held| matches!(held.keeper, Keeper::Value(_)));
    let above: Vec<_> = above.map(Source::Handle).collect();
    // Each one below has an `Arc` of it, too. One that is left is of the one above.
    let below = node.handles.len() as u64;
    let others = node.counts.strong.zip(count);
    let others = others.map(|(strong, count)| strong.saturating_sub(count.saturating_add(below)));
    if found.reconciled == Reconciled::All && others > Some(above.len() as u64) {
        found.reconciled = Reconciled::Missing(1);
    }
    found.sources.extend(above);
    Some(found)
}

/// Who keeps a task tracker from being closed and empty: its tasks, and without any, who does not close it.
pub(super) fn tracked<'s>(handles: &[Held<'s>], objects: &Objects<'s>) -> Found<'s> {
    let counts = handles.iter().map(|held| objects.counts(held));
    let state = counts.clone().find_map(|counts| match counts {
        Counts {
            members: Some(members),
            closed: Some(closed),
            ..
        } => Some((*members, *closed)),
        _ => None,
    });
    match state {
        Some((0, true)) => Found {
            reconciled: Reconciled::All,
            has_come: true,
            ..Found::default()
        },
        Some((0, false)) => shared(handles.to_vec(), objects),
        Some((members, _)) => {
            let tasks = handles.iter().copied();
            let tasks = tasks.filter(|held| held.handle.kind == HandleKind::TrackedTask);
            Found::of(tasks.collect(), Some(members))
        }
        None => Found::default(),
    }
}
