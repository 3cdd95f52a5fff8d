//! Lists in sentences.

pub(super) use crate::fold::fold;

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
    use super::list;

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
}
