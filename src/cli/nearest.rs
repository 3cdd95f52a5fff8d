//! Which of the names that exist was meant by one that does not.

/// How a name is like the one that was written. The first is the likeliest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Likeness {
    /// A few letters differ.
    Typos,
    /// Its words are among those of the name.
    Words,
    /// It is how the name begins.
    Beginning,
}

/// Shorter words and beginnings are in too many names.
const SHORTEST: usize = 3;

/// The nearest name, if one is near. Case does not matter, nor whether words are joined by `-` or `_`.
pub(super) fn nearest<'n>(
    wanted: &str,
    names: impl IntoIterator<Item = &'n str>,
) -> Option<&'n str> {
    let wanted = folded(wanted);
    let near = names
        .into_iter()
        .filter_map(|name| Some((likeness(&wanted, &folded(name))?, name)));
    near.min_by_key(|(likeness, _)| *likeness)
        .map(|(_, name)| name)
}

/// Whether both are the same but for case, and for what joins the words.
pub(super) fn is_same(one: &str, other: &str) -> bool {
    folded(one) == folded(other)
}

fn folded(name: &str) -> String {
    name.to_lowercase().replace('_', "-")
}

/// How alike they are, and how many letters differ.
fn likeness(wanted: &str, name: &str) -> Option<(Likeness, usize)> {
    let typos = strsim::osa_distance(wanted, name);
    let longest = wanted.chars().count().max(name.chars().count());
    let mut words = wanted.split('-');
    let likeness = if typos * 3 <= longest {
        Likeness::Typos
    } else if wanted.len() < SHORTEST {
        return None;
    } else if words.all(|word| name.split('-').any(|it| it == word)) {
        Likeness::Words
    } else if name.starts_with(wanted) {
        Likeness::Beginning
    } else {
        return None;
    };
    Some((likeness, typos))
}

#[cfg(test)]
mod tests {
    use super::*;

    const NAMES: [&str; 6] = [
        "swallowed-errors",
        "question-mark",
        "lost-panic",
        "lock-across-join",
        "lock-order",
        "run",
    ];

    #[test]
    fn a_name_is_near_with_few_typos_by_its_words_or_by_its_beginning() {
        for (wanted, expected) in [
            ("swalowed-errors", "swallowed-errors"),
            ("Swallowed_Errors", "swallowed-errors"),
            ("ERRORS", "swallowed-errors"),
            ("panic", "lost-panic"),
            ("lock", "lock-order"),
            ("join-lock", "lock-across-join"),
            ("quest", "question-mark"),
            ("rum", "run"),
            ("rnu", "run"),
        ] {
            assert_eq!(nearest(wanted, NAMES), Some(expected), "{wanted}");
        }
    }

    #[test]
    fn a_name_that_only_shares_some_letters_is_not_near() {
        for wanted in ["plain", "xyz", "fly", "deadlock", "r", "", "-"] {
            assert_eq!(nearest(wanted, NAMES), None, "{wanted}");
        }
    }
}
