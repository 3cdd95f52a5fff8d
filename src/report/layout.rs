//! Lines of text with a style each, wrapped, and set in columns.

use anstyle::Style;
use textwrap::WordSeparator;
use textwrap::core::{Word, display_width};
use textwrap::wrap_algorithms::wrap_first_fit;

/// A line, and how it looks as a whole.
#[derive(Clone, Debug, Default)]
pub(super) struct Line {
    pub(super) text: String,
    pub(super) style: Style,
}

/// Lines, one below the other.
#[derive(Default)]
pub(super) struct Block {
    pub(super) lines: Vec<Line>,
    /// The width at which lines are wrapped; none leaves them as they are.
    width: Option<usize>,
}

impl Block {
    pub(super) fn new(width: Option<usize>) -> Self {
        Self {
            lines: Vec::new(),
            width,
        }
    }

    /// Adds an empty line.
    pub(super) fn gap(&mut self) {
        self.lines.push(Line::default());
    }

    /// Adds `text`, wrapped; what is left of it goes on behind `hang`.
    pub(super) fn add(&mut self, text: &str, hang: &str, style: Style) {
        let Some(width) = self.width else {
            return self.add_as_it_is(text, style);
        };
        for text in wrap(text, hang, width) {
            self.lines.push(Line { text, style });
        }
    }

    /// Adds `text`, however wide it is.
    pub(super) fn add_as_it_is(&mut self, text: &str, style: Style) {
        let text = text.to_owned();
        self.lines.push(Line { text, style });
    }

    /// The lines, one below the other.
    pub(super) fn print(&self) -> String {
        let lines = self.lines.iter().map(|line| line.print(0) + "\n");
        lines.collect()
    }

    /// Blocks side by side, all but the last padded to their width.
    #[cfg(feature = "demo")]
    pub(super) fn print_beside(columns: &[Block]) -> String {
        let empty = Line::default();
        let rows = columns.iter().map(|block| block.lines.len()).max();
        let row = |row| {
            let cell = |(at, block): (usize, &Block)| {
                let is_last = at + 1 == columns.len();
                let pad = block.width.filter(|_| !is_last).unwrap_or_default();
                block.lines.get(row).unwrap_or(&empty).print(pad)
            };
            let cells: Vec<String> = columns.iter().enumerate().map(cell).collect();
            format!("{}\n", cells.join(" │ ").trim_end())
        };
        (0..rows.unwrap_or_default()).map(row).collect()
    }
}

/// Breaks `text` where it has spaces, and a path that is too long for a line where one of its folders ends: never
/// within `file.rs:26`.
fn wrap(text: &str, hang: &str, width: usize) -> Vec<String> {
    let rest = width.saturating_sub(display_width(hang));
    let words = WordSeparator::AsciiSpace.find_words(text);
    let pieces = words.flat_map(|word| {
        let is_too_long = display_width(&word) > rest && !word.contains("://");
        let mut parts: Vec<Word<'_>> = if is_too_long {
            word.word.split_inclusive('/').map(Word::from).collect()
        } else {
            vec![Word::from(word.word)]
        };
        if let Some(last) = parts.last_mut() {
            last.whitespace = word.whitespace;
        }
        parts
    });
    let pieces: Vec<Word<'_>> = pieces.collect();
    let lines = wrap_first_fit(&pieces, &[width, rest].map(columns));
    let lines = lines.iter().enumerate().map(|(at, pieces)| {
        let texts = pieces
            .iter()
            .flat_map(|piece| [piece.word, piece.whitespace]);
        let line: String = texts.collect();
        let hang = if at == 0 { "" } else { hang };
        format!("{hang}{}", line.trim_end())
    });
    lines.collect()
}

#[expect(clippy::cast_precision_loss, reason = "no terminal is that wide")]
fn columns(width: usize) -> f64 {
    width as f64
}

impl Line {
    fn print(&self, pad: usize) -> String {
        let Self { text, style } = self;
        let padding = pad.saturating_sub(display_width(text));
        format!("{style}{text}{style:#}{:padding$}", "")
    }
}

/// What the lines go on behind that follow a line of an error tree: its margin.
#[cfg(feature = "demo")]
pub(super) fn margin(line: &str) -> String {
    let end = line
        .find(|c: char| !" |+".contains(c))
        .unwrap_or(line.len());
    line[..end].replace('+', " ")
}

#[cfg(all(test, feature = "demo"))]
mod tests {
    use super::*;

    #[test]
    fn a_wrapped_line_of_an_error_tree_stays_behind_its_margin() {
        assert_eq!(margin("    | an error"), "    | ");
        assert_eq!(margin("  + 3 errors"), "    ");
    }

    #[test]
    fn a_path_is_broken_between_folders_only_and_where_it_has_to_be() {
        let wrapped = |text, width| wrap(text, "    ", width).join("\n");
        let at = "  at src/worker/pool.rs:26, by now";
        assert_eq!(wrapped(at, 30), "  at src/worker/pool.rs:26, by\n    now");
        assert_eq!(wrapped(at, 24), "  at src/worker/\n    pool.rs:26, by now");
        assert_eq!(
            wrapped(at, 8),
            "  at\n    src/\n    worker/\n    pool.rs:26,\n    by\n    now"
        );
    }

    #[test]
    fn columns_line_up_where_letters_are_wide() {
        let mut left = Block::new(Some(8));
        left.add("あい", "", Style::new());
        let mut right = Block::new(Some(8));
        right.add("right", "", Style::new());
        assert_eq!(Block::print_beside(&[left, right]), "あい     │ right\n");
    }
}
