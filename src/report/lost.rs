//! Errors that nobody read, in lines.

use crate::verdict::Finding;

/// How many it says, and where the newest are from: the newest come last.
pub(super) fn lines(finding: &Finding) -> Vec<String> {
    const MOST: usize = 3;
    let hidden = finding.evidence.len().saturating_sub(MOST);
    let before = (hidden > 0).then(|| format!("- {hidden} more before these"));
    let shown = finding.evidence[hidden..].iter();
    let shown = shown.map(|one| format!("- {}", first_line(one)));
    let sentence = std::iter::once(sentence(finding));
    sentence.chain(before).chain(shown).collect()
}

/// The summary, and behind its first line the rule by which to look it up.
pub(super) fn sentence(finding: &Finding) -> String {
    let Finding {
        rule,
        confidence,
        summary,
        ..
    } = finding;
    let tag = format!(" [{rule}, {confidence}]");
    match summary.split_once('\n') {
        // What follows is a list.
        Some((first, list)) => format!("{}{tag}:\n{list}", first.trim_end_matches(':')),
        None => format!("{summary}{tag}"),
    }
}

/// The first line of a text, and not too much of it.
pub(super) fn first_line(text: &str) -> String {
    const MOST: usize = 200;
    let line = text.lines().next().unwrap_or_default();
    let is_cut = line.len() < text.trim_end().len() || line.chars().count() > MOST;
    let line: String = line.chars().take(MOST).collect();
    if is_cut {
        format!("{} …", line.trim_end())
    } else {
        line
    }
}
