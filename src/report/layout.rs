//! Lines of text with a style each, wrapped, and set in columns.

use anstyle::Style;
use textwrap::WordSeparator;
use textwrap::core::{Word, display_width};
use textwrap::wrap_algorithms::wrap_first_fit;

/// How wide the labels of rows are, with the space behind them.
pub(super) const LABEL: usize = 9;

/// A line: a label, if it has one, and text, each in a style.
#[derive(Clone, Debug, Default)]
pub(super) struct Line {
    label: String,
    label_style: Style,
    text: String,
    style: Style,
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
            self.push(text, style);
        }
    }

    /// Adds `text`, however wide it is.
    pub(super) fn add_as_it_is(&mut self, text: &str, style: Style) {
        self.push(text.to_owned(), style);
    }

    fn push(&mut self, text: String, style: Style) {
        self.lines.push(Line {
            text,
            style,
            ..Line::default()
        });
    }

    /// Adds paragraphs, wrapped, to the right of a label; those that begin with a dash are items of a list.
    pub(super) fn row(&mut self, label: &str, paragraphs: &[impl AsRef<str>], style: Style) {
        let hang = " ".repeat(LABEL);
        let from = self.lines.len();
        for paragraph in paragraphs.iter().map(AsRef::as_ref) {
            let bullet = if paragraph.starts_with("- ") {
                "  "
            } else {
                ""
            };
            self.add(
                &format!("{hang}{paragraph}"),
                &format!("{hang}{bullet}"),
                style,
            );
        }
        if let Some(first) = self.lines.get_mut(from) {
            first.label = format!("{label:LABEL$}");
            first.label_style = Style::new().bold();
            first.text = first.text.split_off(LABEL.min(first.text.len()));
        }
    }

    /// Adds `text`, wrapped, of which the beginning has a style of its own.
    #[cfg(all(tokio_unstable, feature = "demo"))]
    pub(super) fn add_behind(&mut self, label: &str, text: &str, hang: &str, label_style: Style) {
        let from = self.lines.len();
        self.add(&format!("{label}{text}"), hang, Style::new());
        // Nothing but a label that is wider than the page is in another place.
        if let Some(first) = self.lines.get_mut(from)
            && let Some(text) = first.text.strip_prefix(label)
        {
            first.text = text.to_owned();
            label.clone_into(&mut first.label);
            first.label_style = label_style;
        }
    }

    /// Leaves out what is below that many lines, and says so at the end of the last one.
    #[cfg(all(tokio_unstable, feature = "demo"))]
    pub(super) fn cut_after(&mut self, lines: usize) {
        const MORE: &str = " …";
        if self.lines.len() <= lines {
            return;
        }
        self.lines.truncate(lines);
        if let (Some(last), Some(width)) = (self.lines.last_mut(), self.width) {
            while display_width(&last.text) + display_width(MORE) > width
                && last.text.pop().is_some()
            {}
            last.text
                .truncate(last.text.trim_end_matches([' ', '…']).len());
            last.text += MORE;
        }
    }

    /// Adds the lines of another block.
    #[cfg(all(tokio_unstable, feature = "demo"))]
    pub(super) fn append(&mut self, other: Self) {
        self.lines.extend(other.lines);
    }

    /// The lines, one below the other.
    pub(super) fn print(&self) -> String {
        let lines = self.lines.iter().map(|line| line.print(0) + "\n");
        lines.collect()
    }

    /// Blocks side by side, all but the last padded to their width.
    #[cfg(all(tokio_unstable, feature = "demo"))]
    pub(super) fn print_beside(columns: &[Block], between: &str) -> String {
        let empty = Line::default();
        let rows = columns.iter().map(|block| block.lines.len()).max();
        let row = |row| {
            let cell = |(at, block): (usize, &Block)| {
                let is_last = at + 1 == columns.len();
                let pad = block.width.filter(|_| !is_last).unwrap_or_default();
                block.lines.get(row).unwrap_or(&empty).print(pad)
            };
            let cells: Vec<String> = columns.iter().enumerate().map(cell).collect();
            format!("{}\n", cells.join(between).trim_end())
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
        let Self {
            label,
            label_style,
            text,
            style,
        } = self;
        let padding = pad.saturating_sub(display_width(label) + display_width(text));
        let label = match &**label {
            "" => String::new(),
            label => format!("{label_style}{label}{label_style:#}"),
        };
        format!("{label}{style}{text}{style:#}{:padding$}", "")
    }
}

/// What the lines go on behind that follow a line of an error tree: its margin.
#[cfg(all(tokio_unstable, feature = "demo"))]
pub(super) fn margin(line: &str) -> String {
    let end = line
        .find(|c: char| !" |+".contains(c))
        .unwrap_or(line.len());
    line[..end].replace('+', " ")
}

#[cfg(all(test, tokio_unstable, feature = "demo"))]
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
    fn a_row_goes_on_to_the_right_of_its_label() {
        let mut block = Block::new(Some(LABEL + 7));
        block.row("why", &["one two", "- three four"], Style::new());
        let printed = anstream::adapter::strip_str(&block.print()).to_string();
        assert_eq!(
            printed,
            "why      one two\n         - three\n           four\n"
        );
    }

    #[test]
    fn what_is_cut_off_says_so_and_fits() {
        let mut block = Block::new(Some(8));
        block.add("one two three four five", "", Style::new());
        block.cut_after(2);
        assert_eq!(block.print(), "one two\nthree …\n");
        block.cut_after(2);
        assert_eq!(block.print(), "one two\nthree …\n");
        let mut tiny = Block::new(Some(1));
        tiny.add("one two three", "", Style::new());
        tiny.cut_after(2);
        assert_eq!(tiny.print(), "one\n …\n");
    }

    #[test]
    fn columns_line_up_where_letters_are_wide() {
        let mut left = Block::new(Some(8));
        left.add("あい", "", Style::new());
        let mut right = Block::new(Some(8));
        right.add("right", "", Style::new());
        assert_eq!(
            Block::print_beside(&[left, right], " │ "),
            "あい     │ right\n"
        );
    }
}
