//! Which findings are proven: nothing that could bring about what is waited for is left to imagine.
//!
//! Counts alone prove nothing: a handle that was dropped and one that is hidden match each other in a count. So memory
//! is searched for the addresses of what is waited for.

use std::collections::BTreeSet;

use unstuck_inspect::snapshot::ObjectId;

use super::Confidence;
use super::finding::{Finding, Until, Wait};
use super::graph::{Graph, Resource, Search};
use super::maps::HashSet;
use super::solution::Solutions;

/// Notes which findings are proven. Returns the objects to search memory for, so that more of them are.
pub(super) fn prove(
    graph: &Graph<'_>,
    solutions: &Solutions,
    findings: &mut [Finding],
) -> BTreeSet<ObjectId> {
    let mut to_search = BTreeSet::new();
    if !solutions.nothing_is_live {
        return to_search;
    }
    for finding in findings {
        let wait = finding.wait().filter(|wait| wait.until == Until::Never);
        let Some(wait) = wait else { continue };
        let mut is_proven = true;
        for resource in resources(graph, wait) {
            is_proven &= !solutions.may_move(resource.vertex);
            for search in graph.searches(resource) {
                is_proven &= matches!(search, Search::Needless | Search::Done);
                if let Search::Open(object) = search {
                    to_search.insert(object);
                }
            }
        }
        if is_proven {
            finding.confidence = Confidence::Proven;
        }
    }
    to_search
}

/// What is waited for.
fn resources<'g, 's>(graph: &'g Graph<'s>, wait: &Wait) -> impl Iterator<Item = &'g Resource<'s>> {
    let links = wait.links.iter();
    let places: HashSet<_> = links.map(|link| (link.kind, link.address)).collect();
    let resources = graph.resources.iter();
    resources.filter(move |it| places.contains(&(it.kind, it.address)))
}
