//! What a report is printed on, and the styles and words that all reports share.

use std::fmt::Formatter;
use std::io;

use anstyle::{AnsiColor, Style};

use super::layout::Block;
use crate::verdict::Verdict;

/// What there is room for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Page {
    /// A terminal this many columns wide.
    Terminal(usize),
    /// Anything else: lines are not wrapped, and the sides stand one above the other.
    Plain,
}

/// How much is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Detail {
    /// What it came to and why, in a few lines.
    Brief,
    /// Each task and all evidence, too.
    Full,
}

impl Detail {
    /// `{:#}` asks for all.
    pub(super) fn of(f: &Formatter<'_>) -> Self {
        if f.alternate() {
            Self::Full
        } else {
            Self::Brief
        }
    }
}

pub(super) const BOLD: Style = Style::new().bold();
pub(super) const FAINT: Style = Style::new().dimmed();
pub(super) const NONE: Style = Style::new();

impl Page {
    /// What standard error is.
    pub(crate) fn of_stderr() -> Self {
        match terminal_size::terminal_size_of(io::stderr()) {
            Some((width, _)) => Page::Terminal(usize::from(width.0)),
            None => Page::Plain,
        }
    }

    /// The width at which lines are wrapped, if they are.
    pub(super) fn width(self) -> Option<usize> {
        match self {
            Page::Terminal(width) => Some(width),
            Page::Plain => None,
        }
    }

    /// The width at which sentences are wrapped: longer lines are hard to read.
    #[cfg(tokio_unstable)]
    pub(super) fn prose_width(self) -> Option<usize> {
        const WIDEST: usize = 100;
        self.width().map(|width| width.min(WIDEST))
    }
}

pub(super) fn colour(verdict: Verdict) -> Style {
    let colour = match verdict {
        Verdict::Completed | Verdict::Running => AnsiColor::Green,
        Verdict::Failed | Verdict::Waiting => AnsiColor::Yellow,
        Verdict::Stuck | Verdict::Blocked => AnsiColor::Red,
    };
    colour.on_default()
}

pub(super) fn heading(block: &mut Block, text: &str) {
    block.gap();
    block.add(text, "", BOLD);
}

pub(super) fn plural(number: usize, noun: &str) -> String {
    let s = if number == 1 { "" } else { "s" };
    format!("{number} {noun}{s}")
}
