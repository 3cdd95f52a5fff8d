//! An error group as a tree of text.
//!
//! The shape is the one in which Python prints an exception group: a group is a `+`, what belongs to
//! it follows a `|`, and its members stand between numbered rules.

use std::fmt::{self, Display, Formatter, Write};

use super::{ErrorGroup, Failure, TaskFailure, causes};

/// A group as a tree, printed by its `Display`.
///
/// A group among the causes of an error is shown with its members too. More than four neighbours that
/// failed alike are told of together. What is past the limits is counted.
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
    group: &'g ErrorGroup,
    has_title: bool,
    width: usize,
    depth: usize,
}

/// Fewer failures that are alike are each told of.
const FEW: usize = 4;

impl<'g> Tree<'g> {
    pub(super) fn new(group: &'g ErrorGroup) -> Self {
        Self {
            group,
            has_title: true,
            width: 20,
            depth: 8,
        }
    }

    /// The same without its first line.
    pub(super) fn without_title(self) -> Self {
        Self {
            has_title: false,
            ..self
        }
    }

    /// Shows no more than `width` members of each group; 20 unless told otherwise. Members that are told
    /// of together count as one.
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

    /// Shows no more than `depth` levels of groups; 8 unless told otherwise. Of those below, it counts the
    /// errors.
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

    /// The members of the group, whose own lines stand behind `margin`.
    fn members(self, out: &mut String, margin: &str) -> fmt::Result {
        let inner = format!("{margin}  ");
        let failures = &self.group.failures;
        if self.depth == 0 {
            return lines(
                out,
                margin,
                &format!("{} in it", count(self.group.len(), "error")),
            );
        }
        let runs = failures.chunk_by(alike).flat_map(|run| {
            let together = if run.len() > FEW { run.len() } else { 1 };
            run.chunks(together)
        });
        let mut shown = 0;
        for run in runs.take(self.width) {
            let fork = if shown == 0 { "+-" } else { "  " };
            let number = match run.len() {
                1 => format!("{}", shown + 1),
                _ => format!("{} to {}", shown + 1, shown + run.len()),
            };
            writeln!(
                out,
                "{margin}{fork}+---------------- {number} ----------------"
            )?;
            self.run(out, run, &inner)?;
            shown += run.len();
        }
        let more = failures.len() - shown;
        if more > 0 {
            writeln!(
                out,
                "{inner}+---------------- and {more} more ----------------"
            )?;
        }
        // A group that ends with a group is closed by the inner one's last rule.
        let last = failures.last().and_then(|last| last.failure.group());
        let has_rule = |inner: &ErrorGroup| self.depth > 1 && !inner.failures.is_empty();
        if failures.is_empty() || more == 0 && last.is_some_and(has_rule) {
            return Ok(());
        }
        writeln!(out, "{inner}+------------------------------------")
    }

    /// Failures that are alike, or a single one.
    fn run(self, out: &mut String, run: &[TaskFailure], margin: &str) -> fmt::Result {
        let [first, ..] = run else { return Ok(()) };
        let names = match run {
            [.., last] if run.len() > 1 => {
                format!("{} … {} ({} tasks)", first.task, last.task, run.len())
            }
            _ => first.task.to_string(),
        };
        lines(out, margin, &format!("{names}: {}", first.failure))?;
        lines(out, margin, &format!("spawned at {}", first.spawned_at()))?;
        if let Failure::Error(error) = &first.failure {
            let mut said = error.to_string();
            for cause in causes::of(&**error) {
                let text = cause.to_string();
                // Some errors have the text of their cause in their own.
                if !said.contains(&text) {
                    lines(out, margin, &format!("caused by: {text}"))?;
                }
                said = text;
            }
        }
        let Some(group) = first.failure.group() else {
            return Ok(());
        };
        lines(out, margin, &format!("opened at {}", group.opened_at()))?;
        let inner = Tree {
            group,
            depth: self.depth - 1,
            ..self
        };
        inner.members(out, margin)
    }
}

impl Display for Tree<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let mut out = String::new();
        if self.has_title {
            writeln!(out, "  + {}", self.group)?;
        }
        lines(
            &mut out,
            "  ",
            &format!("opened at {}", self.group.opened_at()),
        )?;
        self.members(&mut out, "  ")?;
        f.write_str(out.trim_end())
    }
}

/// Whether two failures differ in nothing but the task.
fn alike(a: &TaskFailure, b: &TaskFailure) -> bool {
    let is_group = |failure: &TaskFailure| failure.failure.group().is_some();
    !is_group(a)
        && !is_group(b)
        && a.spawned_at == b.spawned_at
        && a.failure.to_string() == b.failure.to_string()
        && causes(&a.failure) == causes(&b.failure)
}

fn causes(failure: &Failure) -> Vec<String> {
    match failure {
        Failure::Error(error) => causes::texts(&**error),
        _ => Vec::new(),
    }
}

fn lines(out: &mut String, margin: &str, text: &str) -> fmt::Result {
    text.lines()
        .try_for_each(|line| writeln!(out, "{margin}| {line}"))
}

/// `1 error`, `2 errors`.
pub(super) fn count(number: usize, noun: &str) -> String {
    let s = if number == 1 { "" } else { "s" };
    format!("{number} {noun}{s}")
}
