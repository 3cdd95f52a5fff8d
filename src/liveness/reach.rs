//! What can be reached in a directed graph, and which of its vertices lie on common cycles.

/// A vertex, as an index.
pub(super) type Vertex = usize;

/// A vertex, or another index, in half the space: there are many.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct SmallIndex(u32);

impl From<Vertex> for SmallIndex {
    fn from(vertex: Vertex) -> Self {
        Self(u32::try_from(vertex).expect("fewer than 4 billion"))
    }
}

impl From<SmallIndex> for Vertex {
    fn from(SmallIndex(vertex): SmallIndex) -> Self {
        vertex as Self
    }
}

/// Edges by the vertex that they lead from.
///
/// They are added in any order, and sorted once before they are asked for.
pub(super) struct Edges<E> {
    added: Vec<(SmallIndex, E)>,
    sorted: Vec<E>,
    /// Where those of each vertex end in the list. They start where those of the vertex before end.
    ends: Vec<u32>,
}

impl<E> Default for Edges<E> {
    fn default() -> Self {
        Self {
            added: Vec::new(),
            sorted: Vec::new(),
            ends: Vec::new(),
        }
    }
}

impl<E: Copy> Edges<E> {
    pub(super) fn with_capacity(edges: usize) -> Self {
        Self {
            added: Vec::with_capacity(edges),
            ..Self::default()
        }
    }

    pub(super) fn add(&mut self, from: Vertex, edge: E) {
        self.added.push((from.into(), edge));
    }

    /// Sorts what was added, keeping the order of the edges of each vertex.
    pub(super) fn sort(&mut self, vertices: usize) {
        let added = std::mem::take(&mut self.added);
        let mut counts = vec![0; vertices];
        for (from, _) in &added {
            counts[Vertex::from(*from)] += 1;
        }
        let mut start = 0;
        for count in &mut counts {
            start += std::mem::replace(count, start);
        }
        // Where the next edge of each vertex goes. In the end, that is where the last one ends.
        let mut next = counts;
        let Some((_, any)) = added.first() else {
            self.ends = next;
            return;
        };
        self.sorted = vec![*any; added.len()];
        for (from, edge) in added {
            let at = &mut next[Vertex::from(from)];
            self.sorted[*at as usize] = edge;
            *at += 1;
        }
        self.ends = next;
    }

    pub(super) fn from(&self, vertex: Vertex) -> &[E] {
        let start = vertex.checked_sub(1).map_or(0, |before| self.ends[before]);
        &self.sorted[start as usize..self.ends[vertex] as usize]
    }
}

/// The vertices that can be reached from the seeds, themselves included.
pub(super) fn reachable<'e, E>(
    vertices: usize,
    seeds: impl IntoIterator<Item = Vertex>,
    edges: impl Fn(Vertex) -> E,
) -> Vec<bool>
where
    E: Iterator<Item = Vertex> + 'e,
{
    let mut reached = vec![false; vertices];
    let mut open: Vec<Vertex> = seeds.into_iter().collect();
    while let Some(vertex) = open.pop() {
        if !std::mem::replace(&mut reached[vertex], true) {
            open.extend(edges(vertex).filter(|next| !reached[*next]));
        }
    }
    reached
}

/// Strongly connected components.
pub(super) struct Components {
    /// The number of each vertex's.
    pub(super) of: Vec<u32>,
    pub(super) count: usize,
    /// The vertices, in the order of those numbers.
    pub(super) members: Vec<SmallIndex>,
}

/// The strongly connected components (Tarjan's algorithm). An edge leads to a component with a lower number, or within
/// one.
///
/// Iterative: recursion could overflow the stack.
pub(super) fn components<'e, E>(vertices: usize, edges: impl Fn(Vertex) -> E) -> Components
where
    E: Iterator<Item = Vertex> + 'e,
{
    const NEW: u32 = u32::MAX;
    let mut order = vec![NEW; vertices];
    let mut low = vec![NEW; vertices];
    let mut component = vec![NEW; vertices];
    let mut members = Vec::with_capacity(vertices);
    let mut count = 0;
    let mut next_order = 0;
    let mut path: Vec<SmallIndex> = Vec::new();
    for root in 0..vertices {
        if order[root] != NEW {
            continue;
        }
        let mut work = vec![(root, edges(root))];
        order[root] = next_order;
        low[root] = next_order;
        next_order += 1;
        path.push(root.into());
        while let Some((vertex, rest)) = work.last_mut() {
            let vertex = *vertex;
            if let Some(next) = rest.next() {
                if order[next] == NEW {
                    order[next] = next_order;
                    low[next] = next_order;
                    next_order += 1;
                    path.push(next.into());
                    work.push((next, edges(next)));
                } else if component[next] == NEW {
                    low[vertex] = low[vertex].min(order[next]);
                }
                continue;
            }
            work.pop();
            if let Some((parent, _)) = work.last() {
                low[*parent] = low[*parent].min(low[vertex]);
            }
            if low[vertex] == order[vertex] {
                while let Some(member) = path.pop() {
                    members.push(member);
                    component[Vertex::from(member)] = count;
                    if Vertex::from(member) == vertex {
                        break;
                    }
                }
                count += 1;
            }
        }
    }
    Components {
        of: component,
        count: count as usize,
        members,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn edges(list: &[(usize, usize)]) -> impl Fn(usize) -> std::vec::IntoIter<usize> {
        move |from| {
            let to = list.iter().filter(|it| it.0 == from).map(|it| it.1);
            to.collect::<Vec<_>>().into_iter()
        }
    }

    #[test]
    fn only_what_a_seed_leads_to_is_reached() {
        let reached = reachable(4, [0], edges(&[(0, 1), (1, 0), (2, 1), (2, 3)]));
        assert_eq!(reached, [true, true, false, false]);
    }

    #[test]
    fn vertices_on_a_common_cycle_are_one_component() {
        let components = components(5, edges(&[(0, 1), (1, 2), (2, 0), (2, 3), (3, 4)]));
        assert_eq!(components.count, 3);
        let members = components.members.iter().map(|it| Vertex::from(*it));
        assert!(members.is_sorted_by_key(|it| components.of[it]));
        let component = components.of;
        assert_eq!(component[0], component[1]);
        assert_eq!(component[1], component[2]);
        assert_ne!(component[2], component[3]);
        assert_ne!(component[3], component[4]);
    }
}
