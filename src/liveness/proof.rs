//! Which findings are proven: nothing that could bring about what is waited for is left to imagine.
//!
//! Counts alone prove nothing: a handle that was dropped and one that is hidden match each other in a count. So memory
//! is searched for the addresses of what is waited for.

use std::collections::BTreeSet;

use unstuck_inspect::snapshot::ObjectId;

use super::cause;
use super::finding::Link;
use super::graph::{Graph, ResourceKind, Search};
use super::solution::Solutions;

/// Whether nothing that is not known could bring these about.
pub(super) fn are_proven(graph: &Graph<'_>, solutions: &Solutions, resources: &[usize]) -> bool {
    let mut vertices = resources.iter().map(|it| graph.resources[*it].vertex);
    let is_done = |search: &Search| matches!(search, Search::Needless | Search::Done);
    solutions.nothing_is_live
        && !vertices.any(|vertex| solutions.may_move(vertex))
        && graph.searches(resources).iter().all(is_done)
}

/// The objects to search memory for: those of which it is not known who has them, and those that a proof takes.
pub(super) fn to_search(graph: &Graph<'_>, solutions: &Solutions) -> BTreeSet<ObjectId> {
    let mut to_search = graph.unsearched.clone();
    if solutions.nothing_is_live {
        let roots = cause::roots(graph, solutions).list.into_iter();
        let resources: Vec<usize> = roots.map(|(_, resource)| resource).collect();
        let searches = graph.searches(&resources).into_iter();
        to_search.extend(searches.filter_map(|search| match search {
            Search::Open(object) => Some(object),
            Search::Needless | Search::Vain | Search::Done => None,
        }));
    }
    to_search
}

/// Whether all who could set an event wait for it. A handle that waits can't set it, as the wait borrows it mutably.
pub(super) fn all_wait(link: &Link) -> bool {
    let waiters = link.waiters.len() as u64;
    link.kind == ResourceKind::Event && link.count.is_some_and(|count| count <= waiters)
}
