//! Standard output: what it has room for, when it is coloured, and how it is written.

use std::io::{self, Write};

use anstream::{AutoStream, ColorChoice};
use supports_hyperlinks::Stream;
use terminal_size::{Height, Width};

use super::Failure;
use super::arguments::Color;
use crate::exit;
use crate::report::links::Links;
use crate::report::page::{Detail, Page};

/// Prints `text` at one go, with its styles where the output has a use for them.
pub(super) fn print(text: &str) -> Result<u8, Failure> {
    let mut out = AutoStream::auto(io::stdout().lock());
    write_all(&mut out, text)
}

pub(super) fn write_all(out: &mut impl Write, text: &str) -> Result<u8, Failure> {
    write_bytes(out, text.as_bytes())
}

pub(super) fn write_bytes(out: &mut impl Write, bytes: &[u8]) -> Result<u8, Failure> {
    let written = out.write_all(bytes).and_then(|()| out.flush());
    written.map(|()| exit::AS_EXPECTED).map_err(Failure::Output)
}

pub(super) fn detail(full: bool) -> Detail {
    if full { Detail::Full } else { Detail::Brief }
}

pub(super) fn page() -> Page {
    page_of(terminal_size::terminal_size_of(io::stdout()))
}

/// For a terminal of that size, or anything else.
pub(super) fn page_of(size: Option<(Width, Height)>) -> Page {
    match size {
        Some((width, _)) => Page::Terminal(usize::from(width.0)),
        None => Page::Plain,
    }
}

/// The text, with links if it is coloured and goes where they can be clicked.
pub(super) fn with_links(
    text: String,
    links: impl FnOnce() -> Links,
    color: ColorChoice,
    stream: Stream,
) -> String {
    if color == ColorChoice::Never || !supports_hyperlinks::on(stream) {
        return text;
    }
    links().put_into(&text)
}

pub(super) fn color(color: Color) -> ColorChoice {
    match color {
        Color::Always => ColorChoice::Always,
        Color::Never => ColorChoice::Never,
        Color::Auto => AutoStream::choice(&io::stdout()),
    }
}
