//! Lists in sentences.

use std::collections::HashSet;

pub(super) use crate::fold::fold;
use crate::place::Place;

/// How many names a sentence can bear.
const NAMES: usize = 4;

/// `a`, `a and b`, `a, b and c`; of very many, the first few and how many more.
pub(super) fn list(names: impl IntoIterator<Item = String>) -> String {
    let mut names: Vec<String> = names.into_iter().collect();
    if names.len() > NAMES {
        let more = names.len() - (NAMES - 1);
        names.truncate(NAMES - 1);
        names.push(format!("{more} more"));
    }
    let Some(last) = names.pop() else {
        return String::new();
    };
    if names.is_empty() {
        last
    } else {
        format!("{} and {last}", names.join(", "))
    }
}

/// The different ones among `items`, in the order in which they came first.
pub(super) fn unique(items: impl IntoIterator<Item = String>) -> String {
    different(items).join(", ")
}

/// The same, as a list.
pub(super) fn different(items: impl IntoIterator<Item = String>) -> Vec<String> {
    let mut different: Vec<String> = items.into_iter().collect();
    // Mostly there is one, and there may be many who ask.
    if different.len() > 1 {
        let mut seen = HashSet::new();
        different.retain(|item| seen.insert(item.clone()));
    }
    different
}

/// `three`, and `200`.
pub(super) fn number(number: usize) -> String {
    const WORDS: [&str; 10] = [
        "none", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine",
    ];
    WORDS
        .get(number)
        .map_or_else(|| number.to_string(), |word| (*word).to_owned())
}

/// ` at main.rs:7`, or nothing where the line is not known.
pub(super) fn at(place: Option<&Place>) -> String {
    place.map_or_else(String::new, |place| format!(" at {place}"))
}

/// `it`, `both`, `all three`.
pub(super) fn all(number: usize) -> String {
    match number {
        1 => "it".to_owned(),
        2 => "both".to_owned(),
        _ => format!("all {}", self::number(number)),
    }
}

/// The form of a verb or noun that goes with this many: `one` or `many`.
pub(super) fn agree(number: usize, one: &'static str, many: &'static str) -> &'static str {
    if number == 1 { one } else { many }
}

/// `1 error`, `2 errors`.
pub(super) fn count(number: usize, noun: &str) -> String {
    let s = if number == 1 { "" } else { "s" };
    format!("{number} {noun}{s}")
}

#[cfg(test)]
mod tests {
    use super::{list, unique};

    fn names(n: usize) -> Vec<String> {
        (0..n).map(|i| format!("w{i}")).collect()
    }

    #[test]
    fn a_list_reads_as_a_sentence_does() {
        assert_eq!(list(names(0)), "");
        assert_eq!(list(names(1)), "w0");
        assert_eq!(list(names(3)), "w0, w1 and w2");
        assert_eq!(list(names(4)), "w0, w1, w2 and w3");
        assert_eq!(list(names(200)), "w0, w1, w2 and 197 more");
    }

    #[test]
    fn what_is_said_twice_is_said_once() {
        let said = ["a", "b", "a"].map(str::to_owned);
        assert_eq!(unique(said), "a, b");
    }
}
