//! What moves, what may, and what does not: the fixed point.

use super::graph::{By, Doubt, Graph, Seed};
use super::reach::{Vertex, reachable};

/// Which vertices are live, of the others which may be, under one assumption.
struct Solution {
    live: Vec<bool>,
    unknown: Vec<bool>,
}

/// The fixed points under three assumptions: each admits less that could move something than the one before.
pub(super) struct Solutions {
    as_it_is: Solution,
    without_cancellation: Solution,
    without_timeouts: Solution,
    /// Nothing moves, and nothing that is not known can move by itself: it takes one that moves to use a handle that
    /// was not found.
    pub(super) nothing_is_live: bool,
}

impl Solutions {
    /// Solves the graph. `is_closed` if nothing but what is in the graph can act.
    pub(super) fn of(graph: &Graph<'_>, is_closed: bool) -> Self {
        let mut solutions = Self {
            as_it_is: solve(graph, true, true),
            without_cancellation: solve(graph, false, true),
            without_timeouts: solve(graph, false, false),
            nothing_is_live: false,
        };
        let harmless = |seed: &Seed| *seed == Seed::Unknown(Doubt::Holder);
        solutions.nothing_is_live = is_closed
            && !graph.nodes.is_empty()
            && graph.seeds.iter().all(|(_, seed)| harmless(seed));
        solutions
    }

    /// Whether a vertex does not move unless a timeout or a cancellation moves it.
    pub(super) fn is_stuck(&self, vertex: Vertex) -> bool {
        self.is_stuck_in(&self.without_timeouts, vertex)
    }

    /// Whether something that is not known may move it.
    pub(super) fn may_move(&self, vertex: Vertex) -> bool {
        !self.as_it_is.live[vertex] && self.as_it_is.unknown[vertex]
    }

    /// Whether something that is not known leads to it, beside whatever else does.
    pub(super) fn is_led_to_by_unknown(&self, vertex: Vertex) -> bool {
        self.as_it_is.unknown[vertex]
    }

    pub(super) fn moves_only_if_cancelled(&self, vertex: Vertex) -> bool {
        self.is_stuck_in(&self.without_cancellation, vertex)
    }

    pub(super) fn never_moves(&self, vertex: Vertex) -> bool {
        self.is_stuck_in(&self.as_it_is, vertex)
    }

    fn is_stuck_in(&self, solution: &Solution, vertex: Vertex) -> bool {
        !solution.live[vertex] && (self.nothing_is_live || !solution.unknown[vertex])
    }
}

fn solve(graph: &Graph<'_>, cancellation: bool, timeouts: bool) -> Solution {
    let from = |is_one: &dyn Fn(&Seed) -> bool| {
        let seeds = graph.seeds.iter().filter(|(_, seed)| is_one(seed));
        let seeds: Vec<Vertex> = seeds.map(|(vertex, _)| *vertex).collect();
        reachable(graph.vertices.len(), seeds, |from| {
            let edges = graph.edges(from).iter();
            let edges = edges.filter(move |edge| cancellation || edge.by() != By::Cancelling);
            edges.map(|edge| edge.to())
        })
    };
    Solution {
        live: from(&|seed| match seed {
            Seed::Live(_) => true,
            Seed::Timeout(_) => timeouts,
            Seed::Unknown(_) => false,
        }),
        unknown: from(&|seed| matches!(seed, Seed::Unknown(_))),
    }
}
