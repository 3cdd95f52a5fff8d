//! An error group as a tree of text.
//!
//! The shape is the one in which Python prints an exception group: a group is a `+`, what belongs to
//! it follows a `|`, and its members stand between numbered rules.

use std::fmt::{self, Display, Formatter, Write};

use super::TaskFailure;
use super::contents::Contents;
use crate::place::Place;

/// A group as a tree, printed by its `Display`.
///
/// A group among the causes of an error is shown with its members, too. More than four failures in a row that are
/// alike are shown as one. Failures beyond the limits are counted. From the 32nd level on, groups are not indented
/// any further.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// use unstuck::TaskGroup;
///
/// # let errors = TaskGroup::new("pool")
/// #     .scope(async |group| {
/// #         group.spawn("odd", async { "x".parse::<u8>() })?;
/// #         Ok(())
/// #     })
/// #     .await
/// #     .unwrap_err();
/// let tree = errors.tree().width(5).depth(2).to_string();
/// assert!(tree.contains("| odd: invalid digit found in string"));
/// # }
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Tree<'g> {
    group: &'g Contents,
    has_title: bool,
    width: usize,
    depth: usize,
}

/// Up to this many failures that are alike are shown one by one.
const FEW: usize = 4;

impl<'g> Tree<'g> {
    pub(super) fn new(group: &'g Contents) -> Self {
        Self {
            group,
            has_title: true,
            width: 20,
            depth: 8,
        }
    }

    /// The tree without its first line.
    pub(super) fn without_title(self) -> Self {
        Self {
            has_title: false,
            ..self
        }
    }

    /// Shows no more than `width` members of each group, by default 20. Members that are shown as one count as
    /// one.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// use unstuck::TaskGroup;
    ///
    /// # let errors = TaskGroup::new("pool")
    /// #     .scope(async |group| {
    /// #         group.spawn("odd", async { "x".parse::<u8>() })?;
    /// #         Ok(())
    /// #     })
    /// #     .await
    /// #     .unwrap_err();
    /// assert!(errors.tree().width(0).to_string().contains("and 1 more"));
    /// # }
    /// ```
    #[must_use]
    pub fn width(self, width: usize) -> Self {
        Self { width, ..self }
    }

    /// Shows no more than `depth` levels of groups, by default 8, and counts the errors below. Any depth is possible:
    /// printing is not recursive.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// use unstuck::TaskGroup;
    ///
    /// # let errors = TaskGroup::new("pool")
    /// #     .scope(async |group| {
    /// #         group.spawn("odd", async { "x".parse::<u8>() })?;
    /// #         Ok(())
    /// #     })
    /// #     .await
    /// #     .unwrap_err();
    /// assert!(errors.tree().depth(0).to_string().contains("1 error in it"));
    /// # }
    /// ```
    #[must_use]
    pub fn depth(self, depth: usize) -> Self {
        Self { depth, ..self }
    }
}

impl Display for Tree<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let mut out = String::new();
        if self.has_title {
            writeln!(out, "  + {}", self.group.title())?;
        }
        // Not recursive: groups may be nested deeper than the stack has room for.
        let mut levels = Vec::new();
        levels.extend(self.enter(&mut out, self.group, 1)?);
        loop {
            let depth = levels.len();
            let Some(level) = levels.last_mut() else {
                return f.write_str(out.trim_end());
            };
            let Some(run) = level.runs.next() else {
                level.close(&mut out, depth < self.depth)?;
                levels.pop();
                continue;
            };
            if let Some(inner) = level.show(&mut out, run)? {
                levels.extend(self.enter(&mut out, inner, depth + 1)?);
            }
        }
    }
}

/// The deepest level that is indented further than the one above it. Without a limit, the size of a tree would grow
/// with the square of its depth.
const DEEPEST_INDENT: usize = 32;

/// A group that is being printed.
struct Level<'g> {
    failures: &'g [TaskFailure],
    runs: Box<dyn Iterator<Item = &'g [TaskFailure]> + 'g>,
    shown: usize,
    /// The indentation of its own lines, in columns.
    indent: usize,
}

impl<'g> Tree<'g> {
    /// Prints where the group was opened. Returns its members if they are to be shown.
    fn enter(
        &self,
        out: &mut String,
        group: &'g Contents,
        depth: usize,
    ) -> Result<Option<Level<'g>>, fmt::Error> {
        let indent = 2 * depth.min(DEEPEST_INDENT);
        lines(
            out,
            indent,
            &format!("opened at {}", Place::from(group.opened_at)),
        )?;
        if depth > self.depth {
            let errors = count(group.len, "error");
            lines(out, indent, &format!("{errors} in it"))?;
            return Ok(None);
        }
        let runs = group.failures.chunk_by(alike).flat_map(|run| {
            let together = if run.len() > FEW { run.len() } else { 1 };
            run.chunks(together)
        });
        Ok(Some(Level {
            failures: &group.failures,
            runs: Box::new(runs.take(self.width)),
            shown: 0,
            indent,
        }))
    }
}

impl<'g> Level<'g> {
    /// Prints failures that are alike, or a single one. Returns its group, if it has one.
    fn show(
        &mut self,
        out: &mut String,
        run: &'g [TaskFailure],
    ) -> Result<Option<&'g Contents>, fmt::Error> {
        let [first, ..] = run else { return Ok(None) };
        let fork = if self.shown == 0 { "+-" } else { "  " };
        let number = self.shown + 1;
        self.shown += run.len();
        let (numbers, names) = match run {
            [.., last] if run.len() > 1 => (
                format!("{number} to {}", self.shown),
                format!("{} … {} ({} tasks)", first.task(), last.task(), run.len()),
            ),
            _ => (number.to_string(), first.task().to_owned()),
        };
        indent(out, self.indent);
        writeln!(out, "{fork}+---------------- {numbers} ----------------")?;
        let inner = self.indent + 2;
        lines(out, inner, &format!("{names}: {}", first.failure))?;
        lines(out, inner, &format!("spawned at {}", first.spawned_at()))?;
        let mut said = first.failure.to_string();
        for text in first.failure.causes() {
            // Some errors include the text of their cause.
            if !said.contains(&text) {
                lines(out, inner, &format!("caused by: {text}"))?;
            }
            said = text;
        }
        Ok(first.failure.group())
    }

    /// Prints the end of the group, below its last member. `inner_is_shown`: whether groups among its members are
    /// shown.
    fn close(&self, out: &mut String, inner_is_shown: bool) -> fmt::Result {
        let more = self.failures.len() - self.shown;
        if more > 0 {
            indent(out, self.indent + 2);
            writeln!(out, "+---------------- and {more} more ----------------")?;
        }
        // If the last member is a group, its last rule ends this one, too.
        let last = self.failures.last().and_then(|last| last.failure.group());
        let has_rule = |inner: &Contents| inner_is_shown && !inner.failures.is_empty();
        if self.failures.is_empty() || more == 0 && last.is_some_and(has_rule) {
            return Ok(());
        }
        indent(out, self.indent + 2);
        writeln!(out, "+------------------------------------")
    }
}

/// Whether two failures differ only in the task.
fn alike(a: &TaskFailure, b: &TaskFailure) -> bool {
    let is_group = |failure: &TaskFailure| failure.failure.group().is_some();
    !is_group(a)
        && !is_group(b)
        && a.spawned_at() == b.spawned_at()
        && a.failure.to_string() == b.failure.to_string()
        && a.failure.causes() == b.failure.causes()
}

fn indent(out: &mut String, columns: usize) {
    out.push_str(&" ".repeat(columns));
}

fn lines(out: &mut String, columns: usize, text: &str) -> fmt::Result {
    text.lines().try_for_each(|line| {
        indent(out, columns);
        writeln!(out, "| {line}")
    })
}

/// `1 error`, `2 errors`.
pub(super) fn count(number: usize, noun: &str) -> String {
    let s = if number == 1 { "" } else { "s" };
    format!("{number} {noun}{s}")
}
