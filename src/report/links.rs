//! The places in a report as hyperlinks, which terminals open at a click.
//!
//! They are put into a report that is laid out already, so no width depends on them.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;

/// The files that a report names, with where they are.
#[derive(Clone, Debug, Default)]
pub struct Links {
    /// `None` if the same name stands for several files.
    addresses: BTreeMap<String, Option<String>>,
}

impl Links {
    /// Adds a file that the report calls `name`. One that is not there is no link: it may be on another machine.
    pub(super) fn add_file(&mut self, name: String, file: &Path) {
        let Some(address) = address(file).filter(|_| file.is_file()) else {
            return;
        };
        let known = self.addresses.entry(name);
        known
            .and_modify(|known| {
                if known.as_ref() != Some(&address) {
                    *known = None;
                }
            })
            .or_insert(Some(address));
    }

    /// The report with a link around each file that it names, and around the line behind it.
    pub fn put_into(&self, report: &str) -> String {
        let mut linked = String::with_capacity(report.len() * 2);
        let mut rest = report;
        while let Some(first) = rest.chars().next() {
            let end = if first == '\x1b' {
                // A style ends with its first letter.
                rest.find(|c: char| c.is_ascii_alphabetic())
                    .map_or(rest.len(), |at| at + 1)
            } else {
                let end = rest.find(is_around_places).unwrap_or(rest.len());
                end.max(first.len_utf8())
            };
            let (word, after) = rest.split_at(end);
            self.link(word, &mut linked);
            rest = after;
        }
        linked
    }

    fn link(&self, word: &str, linked: &mut String) {
        let place = word.trim_end_matches([':', '.']);
        let (file, line) = place.split_once(':').unwrap_or((place, ""));
        let is_line = line.chars().all(|c| c.is_ascii_digit() || c == '-');
        match self.addresses.get(file) {
            Some(Some(address)) if is_line => {
                let end = &word[place.len()..];
                let _ = write!(linked, "\x1b]8;;{address}\x1b\\{place}\x1b]8;;\x1b\\{end}");
            }
            _ => linked.push_str(word),
        }
    }
}

fn is_around_places(c: char) -> bool {
    c.is_whitespace() || c.is_control() || "(),;`'\"".contains(c)
}

/// `None` where the path is not absolute, or is one of Windows.
fn address(file: &Path) -> Option<String> {
    let path = file.to_str().filter(|path| path.starts_with('/'))?;
    let mut address = "file://".to_owned();
    for byte in path.bytes() {
        if byte.is_ascii_alphanumeric() || b"/-._~".contains(&byte) {
            address.push(char::from(byte));
        } else {
            let _ = write!(address, "%{byte:02X}");
        }
    }
    Some(address)
}

#[cfg(all(test, unix))]
mod tests {
    use textwrap::core::display_width;

    use super::*;

    #[test]
    fn files_and_lines_are_links_and_take_no_room() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("a b#.rs");
        std::fs::write(&file, "").unwrap();
        let mut links = Links::default();
        links.add_file("src/a.rs".to_owned(), &file);
        links.add_file("src/gone.rs".to_owned(), &folder.path().join("gone.rs"));
        let report = "\x1b[1mwhy\x1b[0m  at src/a.rs:26 (`main`), \x1b[2msrc/a.rs\x1b[0m and src/a.rs:3-7: \
                      not at x/src/a.rs:1, src/a.rs:main or src/gone.rs:2.\n";
        let linked = links.put_into(report);
        let folder = folder.path().display();
        let link = |text| format!("\x1b]8;;file://{folder}/a%20b%23.rs\x1b\\{text}\x1b]8;;\x1b\\");
        let expected = format!(
            "\x1b[1mwhy\x1b[0m  at {} (`main`), \x1b[2m{}\x1b[0m and {}: \
             not at x/src/a.rs:1, src/a.rs:main or src/gone.rs:2.\n",
            link("src/a.rs:26"),
            link("src/a.rs"),
            link("src/a.rs:3-7"),
        );
        assert_eq!(linked, expected);
        assert_eq!(display_width(&linked), display_width(report));
        let stripped = |text| anstream::adapter::strip_str(text).to_string();
        assert_eq!(stripped(&linked), stripped(report));
    }

    #[test]
    fn a_name_of_several_files_is_no_link() {
        let folder = tempfile::tempdir().unwrap();
        let mut links = Links::default();
        for name in ["one.rs", "other.rs"] {
            let file = folder.path().join(name);
            std::fs::write(&file, "").unwrap();
            links.add_file("lib.rs".to_owned(), &file);
        }
        assert_eq!(links.put_into("at lib.rs:1"), "at lib.rs:1");
    }
}
