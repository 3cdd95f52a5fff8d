//! An error group as a tree of text.
//!
//! The shape is the one in which Python prints an exception group: a group is a `+`, what belongs to
//! it follows a `|`, and its members stand between numbered rules.

use std::error::Error;
use std::fmt::{self, Display, Formatter};

use super::{ErrorGroup, Failure, TaskFailure};

/// The whole tree.
pub(super) struct Tree<'g>(pub(super) &'g ErrorGroup);

/// The tree without its first line.
pub(super) struct Members<'g>(pub(super) &'g ErrorGroup);

impl Display for Tree<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "  + {}\n{}", self.0, Members(self.0))
    }
}

impl Display for Members<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        writeln!(f, "  | opened at {}", self.0.opened_at)?;
        members(f, self.0, "  ")
    }
}

/// The members of `group`, whose own lines stand behind `margin`.
fn members(f: &mut Formatter<'_>, group: &ErrorGroup, margin: &str) -> fmt::Result {
    let inner = format!("{margin}  ");
    for (index, member) in group.failures.iter().enumerate() {
        let fork = if index == 0 { "+-" } else { "  " };
        writeln!(
            f,
            "{margin}{fork}+---------------- {} ----------------",
            index + 1
        )?;
        self::member(f, member, &inner)?;
    }
    // A group that ends with a group is closed by the inner one's last rule.
    match group.failures.last().map(|last| &last.failure) {
        Some(Failure::Group(_)) | None => Ok(()),
        Some(_) => write!(f, "{inner}+------------------------------------"),
    }
}

fn member(f: &mut Formatter<'_>, member: &TaskFailure, margin: &str) -> fmt::Result {
    lines(f, margin, &format!("{}: {}", member.task, member.failure))?;
    lines(f, margin, &format!("spawned at {}", member.spawned_at))?;
    match &member.failure {
        Failure::Error(error) => causes(f, margin, &**error),
        Failure::Panic(_) | Failure::Deadline => Ok(()),
        Failure::Group(group) => {
            lines(f, margin, &format!("opened at {}", group.opened_at))?;
            members(f, group, margin)
        }
    }
}

/// The causes of an error, but for those that it has in its own text already.
fn causes(f: &mut Formatter<'_>, margin: &str, error: &(dyn Error + 'static)) -> fmt::Result {
    let mut said = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let text = error.to_string();
        if !said.contains(&text) {
            lines(f, margin, &format!("caused by: {text}"))?;
        }
        said = text;
        cause = error.source();
    }
    Ok(())
}

fn lines(f: &mut Formatter<'_>, margin: &str, text: &str) -> fmt::Result {
    text.lines()
        .try_for_each(|line| writeln!(f, "{margin}| {line}"))
}
