//! Where the output of `run` goes.

use std::io::{self, IsTerminal};

use anstream::ColorChoice;
use indicatif::ProgressDrawTarget;

use super::super::arguments::Run;
use super::super::output;
use crate::report::page::Page;

pub(super) fn page(arguments: &Run) -> Page {
    if arguments.plain {
        Page::Plain
    } else {
        output::page()
    }
}

/// When to use colour for the report.
pub(super) fn color(arguments: &Run) -> ColorChoice {
    if arguments.plain {
        ColorChoice::Never
    } else {
        output::color(arguments.color)
    }
}

/// Where to show progress, if anywhere.
pub(super) fn progress(arguments: &Run) -> ProgressDrawTarget {
    if arguments.json || arguments.plain || arguments.quiet || !io::stdout().is_terminal() {
        ProgressDrawTarget::hidden()
    } else {
        // Hides itself where standard error is no terminal.
        ProgressDrawTarget::stderr()
    }
}
