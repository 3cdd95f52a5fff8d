//! The page of a lesson, Markdown, as text for a terminal.

use anstyle::{AnsiColor, Style};
use pulldown_cmark::{CodeBlockKind, Event, Parser, Tag, TagEnd};

use super::layout::{Block, margin};
use super::page::{BOLD, FAINT, NONE, Page};

const CODE: &str = "    ";

/// Lays a page out. Styles are written as escape sequences, to be stripped where they are not wanted.
pub fn render(markdown: &str, page: Page) -> String {
    let mut layout = Layout {
        block: Block::new(page.width()),
        text: String::new(),
        style: NONE,
        target: None,
        code: None,
    };
    for event in Parser::new(markdown) {
        layout.take(event);
    }
    layout.block.print()
}

/// A page that is being laid out.
struct Layout {
    block: Block,
    /// What there is of the paragraph, and how it looks.
    text: String,
    style: Style,
    /// Where the link points that is being read.
    target: Option<String>,
    /// The language of the code that is being read.
    code: Option<String>,
}

impl Layout {
    fn take(&mut self, event: Event<'_>) {
        match event {
            Event::Start(Tag::Heading { .. }) => {
                self.gap();
                self.style = BOLD;
            }
            Event::Start(Tag::Paragraph) if self.text.is_empty() => self.gap(),
            Event::Start(Tag::List(_)) => self.gap(),
            Event::Start(Tag::Item) => self.text.push_str("- "),
            Event::Start(Tag::Link { dest_url, .. }) => self.target = Some(dest_url.into_string()),
            Event::Start(Tag::CodeBlock(kind)) => {
                self.gap();
                let info = match kind {
                    CodeBlockKind::Fenced(info) => info.into_string(),
                    CodeBlockKind::Indented => String::new(),
                };
                self.caption(&info);
                self.code = Some(info);
            }
            Event::HardBreak
            | Event::End(TagEnd::Heading(_) | TagEnd::Paragraph | TagEnd::Item) => {
                self.flush();
            }
            Event::End(TagEnd::CodeBlock) => self.code = None,
            Event::End(TagEnd::Link) => {
                if let Some(target) = self.target.take().filter(|target| target.contains("://")) {
                    self.text.extend([" <", &target, ">"]);
                }
            }
            Event::Text(text) => match self.code.clone() {
                Some(language) => self.code(&text, &language),
                None => self.text += &text,
            },
            Event::Code(code) => self.text.extend(["`", &code, "`"]),
            Event::SoftBreak => self.text.push(' '),
            _ => {}
        }
    }

    fn gap(&mut self) {
        self.flush();
        if !self.block.lines.is_empty() {
            self.block.gap();
        }
    }

    fn flush(&mut self) {
        if !self.text.is_empty() {
            let hang = if self.text.starts_with("- ") {
                "  "
            } else {
                ""
            };
            self.block.add(&self.text, hang, self.style);
            self.text.clear();
        }
        self.style = NONE;
    }

    /// Tells where the code is from: one file or two, or a side and what stands above it there.
    fn caption(&mut self, info: &str) {
        let mut words = info.splitn(3, ' ');
        let caption = match [words.next(), words.next(), words.next()] {
            // It begins with that.
            [Some("text"), Some(_), None] | [_, None, _] => return,
            [Some("diff"), Some(before), Some(after)] => format!("from {before} to {after}:"),
            [_, Some(side), Some(heading)] => format!("{side}, {heading}:"),
            [_, Some(file), None] => format!("{file}:"),
        };
        self.block.add(&caption, "", FAINT);
    }

    fn code(&mut self, text: &str, language: &str) {
        let is_diff = language.starts_with("diff");
        // Code that is broken is hard to read, and a line of a diff would lose its sign.
        let is_output = language.starts_with("text");
        for line in text.lines() {
            let style = match line.chars().next() {
                Some('+') if is_diff => AnsiColor::Green.on_default(),
                Some('-') if is_diff => AnsiColor::Red.on_default(),
                Some('@') if is_diff => FAINT,
                _ => NONE,
            };
            let line = format!("{CODE}{line}");
            if is_output {
                self.block.add(&line, &margin(&line), style);
            } else {
                self.block.add_as_it_is(line.trim_end(), style);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_page_has_is_laid_out_below_one_another() {
        let page = "# lost\n\nA *worker*\nends.\n\n- one `x`\n- [two](https://example.com/2)\n\n\
                    ```rust a.rs\nlet a = 1;\n\n    b();\n```\n\n## Then\n\nNo more.\n\n\
                    ```diff a.rs b.rs\n-let a = 1;\n```\n";
        let text = render(page, Page::Plain);
        let plain = anstream::adapter::strip_str(&text).to_string();
        let expected = "lost\n\nA worker ends.\n\n- one `x`\n- two <https://example.com/2>\n\na.rs:\n    \
                        let a = 1;\n\n        b();\n\nThen\n\nNo more.\n\n\
                        from a.rs to b.rs:\n    -let a = 1;\n";
        assert_eq!(plain, expected);
    }

    #[test]
    fn lines_fit_the_terminal() {
        let page = "One two three four.\n\n- five six seven eight\n";
        let plain = render(page, Page::Terminal(12));
        assert_eq!(
            plain,
            "One two\nthree four.\n\n- five six\n  seven\n  eight\n"
        );
    }

    #[test]
    fn lines_of_code_keep_together_and_lines_of_output_are_wrapped() {
        let page = "```diff a.rs b.rs\n-    let a = one(two);\n```\n\n```text a findings\none two three\n```\n";
        let page = render(page, Page::Terminal(14));
        let plain = anstream::adapter::strip_str(&page).to_string();
        assert_eq!(
            plain,
            "from a.rs to\nb.rs:\n    -    let a = one(two);\n\na, findings:\n    one two\n    three\n"
        );
    }
}
