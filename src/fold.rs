//! Puts things together that have the same key.

use std::collections::HashMap;
use std::hash::Hash;

/// Puts items with the same key together, in the order in which the keys came first.
pub(crate) fn fold<K: Clone + Eq + Hash, V>(
    items: impl IntoIterator<Item = (K, V)>,
) -> Vec<(K, Vec<V>)> {
    let mut places: HashMap<K, usize> = HashMap::new();
    let mut folded: Vec<(K, Vec<V>)> = Vec::new();
    for (key, value) in items {
        if let Some(place) = places.get(&key) {
            folded[*place].1.push(value);
        } else {
            places.insert(key.clone(), folded.len());
            folded.push((key, vec![value]));
        }
    }
    folded
}

#[cfg(test)]
mod tests {
    use super::fold;

    #[test]
    fn what_has_the_same_key_stands_where_the_first_of_it_stood() {
        let folded = fold([("b", 1), ("a", 2), ("b", 3)]);
        assert_eq!(folded, [("b", vec![1, 3]), ("a", vec![2])]);
    }
}
