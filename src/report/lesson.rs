//! The page of a lesson, Markdown, as text for a terminal.

use anstyle::{AnsiColor, Style};
use pulldown_cmark::{CodeBlockKind, Event, Parser, Tag, TagEnd};

use super::layout::{Block, margin};
use super::text::{BOLD, FAINT, NONE, Page};

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
                self.code = Some(match kind {
                    CodeBlockKind::Fenced(info) => info.into_string(),
                    CodeBlockKind::Indented => String::new(),
                });
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

    fn code(&mut self, text: &str, language: &str) {
        let is_diff = language.starts_with("diff");
        for line in text.lines() {
            let style = match line.chars().next() {
                Some('+') if is_diff => AnsiColor::Green.on_default(),
                Some('-') if is_diff => AnsiColor::Red.on_default(),
                Some('@') if is_diff => FAINT,
                _ => NONE,
            };
            let line = format!("{CODE}{line}");
            self.block.add(&line, &margin(&line), style);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_page_has_is_laid_out_below_one_another() {
        let page = "# lost\n\nA *worker*\nends.\n\n- one `x`\n- [two](https://example.com/2)\n\n\
                    ```rust a.rs\nlet a = 1;\n\n    b();\n```\n\n## Then\n\nNo more.\n";
        let text = render(page, Page::Plain);
        let plain = anstream::adapter::strip_str(&text).to_string();
        let expected = "lost\n\nA worker ends.\n\n- one `x`\n- two <https://example.com/2>\n\n    \
                        let a = 1;\n    \n        b();\n\nThen\n\nNo more.\n";
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
}
