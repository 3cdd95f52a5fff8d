//! What can be said of every file.

use std::fs;
use std::path::{Path, PathBuf};

fn files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("it can be read") {
        let path = entry.expect("an entry").path();
        let name = path.file_name().expect("a name").to_string_lossy();
        if path.is_dir() {
            // What is built may lie anywhere; Cargo marks where.
            let is_built = name == "target" || path.join("CACHEDIR.TAG").exists();
            if !is_built && name != ".git" {
                files(&path, found);
            }
        } else {
            found.push(path);
        }
    }
}

fn sources(extensions: &[&str]) -> Vec<(PathBuf, String)> {
    let mut found = Vec::new();
    files(Path::new(env!("CARGO_MANIFEST_DIR")), &mut found);
    let is_one = |path: &PathBuf| {
        path.extension()
            .is_some_and(|it| extensions.iter().any(|e| it == *e))
    };
    let sources: Vec<_> = found
        .into_iter()
        .filter(is_one)
        .map(|path| {
            let text = fs::read_to_string(&path).expect("it is text");
            (path, text)
        })
        .collect();
    assert!(!sources.is_empty());
    sources
}

#[test]
fn nothing_is_left_to_do_in_the_code() {
    // In two parts, as this file is looked at too.
    let marks = ["TO DO", "FIX ME", "todo !(", "unimplemented !(", "dbg !("]
        .map(|mark| mark.replace(' ', ""));
    for (path, text) in sources(&["rs"]) {
        for mark in &marks {
            assert!(
                !text.contains(mark.as_str()),
                "{mark} in {}",
                path.display()
            );
        }
    }
}

#[test]
fn every_rust_file_says_what_it_is_for() {
    for (path, text) in sources(&["rs"]) {
        assert!(
            text.starts_with("//!") || text.starts_with("#![doc"),
            "{}",
            path.display()
        );
    }
}

/// The lines of prose, each with its number: in Markdown, or in the comments of a program. Without tables, code, and
/// lines with a link, which can't be broken everywhere.
fn prose(text: &str, is_code: bool) -> impl Iterator<Item = (usize, &str)> {
    let mut is_block = false;
    text.lines().zip(1..).filter_map(move |(line, number)| {
        let comment = line.trim_start().strip_prefix("//");
        let comment = comment.map(|comment| comment.trim_start_matches(['/', '!', ' ']));
        let said = if is_code { comment? } else { line };
        is_block ^= said.starts_with("```");
        let is_prose = !is_block && !said.starts_with('|') && !said.contains("](");
        is_prose.then_some((number, line))
    })
}

#[test]
fn no_line_of_prose_is_too_wide_to_read() {
    for (path, text) in sources(&["md", "rs"]) {
        let is_code = path.extension().is_some_and(|it| it == "rs");
        for (number, line) in prose(&text, is_code) {
            let width = line.chars().count();
            assert!(width <= 120, "{}:{number}: {width} columns", path.display());
        }
    }
}

#[test]
fn what_documents_name_is_there() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    for (path, text) in sources(&["md"]) {
        let folder = path.parent().expect("a folder");
        let links = text
            .split("](")
            .skip(1)
            .filter_map(|rest| rest.split(')').next());
        for link in links.filter(|link| !link.contains("://")) {
            assert!(folder.join(link).exists(), "{link} in {}", path.display());
        }
        let named = text.split('`').skip(1).step_by(2).filter(|name| {
            ["src/", "scenarios/", "tests/"]
                .iter()
                .any(|start| name.starts_with(start))
        });
        for name in named {
            assert!(root.join(name).exists(), "{name} in {}", path.display());
        }
    }
}

#[test]
fn the_map_has_every_module() {
    let map = include_str!("../../ARCHITECTURE.md");
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    for entry in fs::read_dir(folder).expect("it can be read") {
        let name = entry.expect("an entry").file_name();
        let name = name.to_string_lossy();
        if name.ends_with(".rs") && name != "lib.rs" {
            assert!(map.contains(&format!("`src/{name}`")), "{name}");
        }
    }
}

#[test]
fn the_changelog_has_a_place_for_what_comes_next() {
    let changelog = include_str!("../../CHANGELOG.md");
    assert!(changelog.contains("## Unreleased"));
}

#[test]
fn every_snapshot_belongs_to_a_test() {
    let tests: String = sources(&["rs"]).into_iter().map(|(_, text)| text).collect();
    for (path, _) in sources(&["snap"]) {
        let name = path
            .file_stem()
            .expect("a name")
            .to_string_lossy()
            .into_owned();
        let name = name.strip_prefix("usage-").unwrap_or(&name);
        assert!(
            tests.contains(&format!("\"{name}\"")),
            "nobody asks for {}",
            path.display()
        );
    }
}
