//! The pages of the lessons are true: every block of code on them is in the program, and every output is
//! what the program prints.
//!
//! The first word behind the fence tells what a block is, the rest where it is from:
//!
//! - `rust FILE`: lines of that file, which lies beside the page;
//! - `diff FILE FILE`: what changes from one to the other, apart from the comment at their heads;
//! - `text SIDE`: what is reported of a side; `text SIDE HEADING`: what a full report has under that heading.
//!
//! `INSTA_UPDATE=always` writes what should be in the last two.

use std::collections::{BTreeMap, BTreeSet};
use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use serde_json::Value;
use similar::TextDiff;

use unstuck::verdict::RULES;

use crate::pty::Pty;
use crate::unstuck::{Unstuck, several_at_once, without_durations};

/// What each page has, in this order.
const HEADINGS: [&str; 7] = [
    "## What you see",
    "## What to predict",
    "## What happens",
    "## Why",
    "## The cure",
    "## In tokio-console",
    "## In the wild",
];

/// Few, as the steps of a scenario are timed.
const AT_A_TIME: usize = 4;

const FENCE: &str = "```";
/// With the margin of `show`, they fit a terminal of 80 columns.
const WIDTH: u16 = 76;

fn scenarios() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios")
}

/// The names of all scenarios, in the order of the catalogue.
fn names() -> Vec<String> {
    let list = Unstuck::new("list").run().succeeded().stdout;
    let scenarios = list.lines().filter_map(|line| line.strip_prefix("  "));
    let first = |line: &str| line.split_whitespace().next().map(str::to_owned);
    scenarios.filter_map(first).collect()
}

fn folder(name: &str) -> PathBuf {
    scenarios().join(name.replace('-', "_"))
}

fn page(name: &str) -> String {
    let path = folder(name).join("README.md");
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// What a block should have in it, if it can be told from its first line.
fn wanted(name: &str, info: &str) -> Option<String> {
    let words: Vec<&str> = info.split_whitespace().collect();
    match words.as_slice() {
        ["diff", from, to] => Some(diff(&folder(name).join(from), &folder(name).join(to))),
        ["text", side, heading @ ..] => Some(report(name, side, &heading.join(" "))),
        ["rust", _] => None,
        _ => panic!("{name}: nothing tells where a block of `{info}` is from"),
    }
}

/// What changes from one file to the other, apart from the comment at their heads.
fn diff(from: &Path, to: &Path) -> String {
    let text = |path: &Path| {
        let text = fs::read_to_string(path).expect("the file of a diff");
        let lines = text.lines().skip_while(|line| line.starts_with("//!"));
        lines.map(|line| line.to_owned() + "\n").collect::<String>()
    };
    let (from, to) = (text(from), text(to));
    let diff = TextDiff::from_lines(&from, &to);
    diff.unified_diff().context_radius(2).to_string()
}

/// A scenario, one of its sides, and whether its report is to be in full.
type Played = (String, String, bool);

/// The scenario and the side of each report that is on a page.
fn reported() -> BTreeSet<Played> {
    let mut reported = BTreeSet::new();
    for name in names() {
        let page = page(&name);
        let infos = page.split(FENCE).skip(1).step_by(2);
        let texts = infos.filter_map(|block| block.lines().next()?.strip_prefix("text "));
        reported.extend(texts.map(|text| {
            // Sections are those of the full report.
            let (side, heading) = text.split_once(' ').unwrap_or((text, ""));
            (name.clone(), side.to_owned(), !heading.is_empty())
        }));
    }
    reported
}

/// What the program reports of each side that is on a page. Each is played once, for all blocks.
static REPORTS: LazyLock<BTreeMap<Played, String>> = LazyLock::new(|| {
    let play = |played: Played| {
        let (name, side, is_full) = &played;
        let full = if *is_full { "--full" } else { "" };
        let (code, screen) = Pty::run(&format!("run {name} --only {side} {full}"), WIDTH).finish();
        assert_eq!(code, 0, "{screen}");
        let screen = anstream::adapter::strip_str(&screen).to_string();
        (played, screen.replace('\r', ""))
    };
    several_at_once(AT_A_TIME, reported().into_iter(), play)
        .into_iter()
        .collect()
});

/// What the program reports of a side: all of it, or what stands under that heading.
fn report(name: &str, side: &str, heading: &str) -> String {
    let is_full = !heading.is_empty();
    let report = &REPORTS[&(name.to_owned(), side.to_owned(), is_full)];
    if !is_full {
        // The last part tells where to read on.
        let (report, _) = report
            .trim_end()
            .rsplit_once(
                "

",
            )
            .expect("a report");
        return report.to_owned()
            + "
";
    }
    let report = report.split("\n\ntry next\n").next().expect("a report");
    let mut sections = report.split("\n\n");
    let section = sections.find_map(|section| section.strip_prefix(&format!("{heading}\n")));
    let section = section.unwrap_or_else(|| panic!("{side} has no `{heading}`:\n{report}"));
    section.to_owned() + "\n"
}

/// Holds the blocks of a page against what should be in them. The page as it should be.
fn checked(name: &str, page: &str) -> String {
    let mut parts = page.split(FENCE);
    let mut checked = parts.next().unwrap_or_default().to_owned();
    while let (Some(block), Some(after)) = (parts.next(), parts.next()) {
        let (info, body) = block.split_once('\n').expect("a block of several lines");
        let body = match wanted(name, info) {
            Some(wanted) if without_durations(&wanted) != without_durations(body) => wanted,
            Some(_) => body.to_owned(),
            None => {
                let file = info.split_whitespace().last().expect("a file");
                let source = fs::read_to_string(folder(name).join(file)).expect("it is there");
                assert!(source.contains(body), "{name}: {file} has no\n{body}");
                body.to_owned()
            }
        };
        checked.extend([FENCE, info, "\n", &body, FENCE, after]);
    }
    checked
}

#[test]
fn every_block_is_what_the_program_has_or_prints() {
    let update = env::var("INSTA_UPDATE").is_ok_and(|update| update == "always");
    for name in names() {
        let page = page(&name);
        let checked = checked(&name, &page);
        if update {
            fs::write(folder(&name).join("README.md"), checked).expect("it can be written");
        } else {
            assert!(checked == page, "the page of {name} should be\n{checked}");
        }
    }
}

#[test]
fn every_page_has_the_same_parts_in_the_same_order() {
    for name in names() {
        let page = page(&name);
        let mut lines = page.lines();
        assert_eq!(lines.next(), Some(format!("# {name}").as_str()));
        let headings: Vec<&str> = lines.filter(|line| line.starts_with("##")).collect();
        assert_eq!(headings, HEADINGS, "{name}");
        let wild = page.split("## In the wild").last().expect("it is there");
        assert!(wild.contains("https://github.com/"), "{name}: {wild}");
    }
}

#[test]
fn every_folder_is_in_the_catalogue_and_in_its_order() {
    let entries = fs::read_dir(scenarios()).expect("it can be read");
    let paths = entries.map(|entry| entry.expect("an entry").path());
    let mut folders: Vec<PathBuf> = paths.filter(|path| path.is_dir()).collect();
    let mut listed: Vec<PathBuf> = names().iter().map(|name| folder(name)).collect();
    let catalogue = fs::read_to_string(scenarios().join("mod.rs")).expect("it is there");
    let places: Vec<_> = listed
        .iter()
        .map(|folder| {
            let module = folder.file_name().expect("a name").to_string_lossy();
            catalogue.find(&format!("{module}::SCENARIO"))
        })
        .collect();
    assert!(places.is_sorted() && places[0].is_some(), "{places:?}");
    folders.sort();
    listed.sort();
    assert_eq!(folders, listed);
}

/// What every scenario came to.
static ALL: LazyLock<Vec<Value>> = LazyLock::new(|| {
    let ran = Unstuck::new("run --all --json").run().succeeded();
    serde_json::from_str(&ran.stdout).expect("a list")
});

/// The first lesson, and those that share its code: their tasks are named after their side, as README.md shows.
const NAMED_AFTER_SIDES: [&str; 3] = ["swallowed-errors", "question-mark", "looked-at"];

/// The files of a scenario, apart from the one that lists its sides.
fn code(name: &str) -> Vec<(PathBuf, String)> {
    let entries = fs::read_dir(folder(name)).expect("it can be read");
    let paths = entries.map(|entry| entry.expect("an entry").path());
    paths
        .filter(|path| path.extension().is_some_and(|it| it == "rs") && !path.ends_with("mod.rs"))
        .map(|path| {
            let text = fs::read_to_string(&path).expect("it is text");
            (path, text)
        })
        .collect()
}

/// It would make lines differ that have nothing to do with the lesson.
#[test]
fn no_name_in_the_code_has_that_of_a_side_in_it() {
    for document in &*ALL {
        let name = document["scenario"].as_str().expect("a name");
        if NAMED_AFTER_SIDES.contains(&name) {
            continue;
        }
        let code = code(name);
        for side in document["sides"].as_array().expect("a list") {
            let side = side["name"].as_str().expect("a name");
            for named in [format!("\"{side}\""), format!("\"{side}/")] {
                for (path, text) in &code {
                    assert!(!text.contains(&named), "{named} in {}", path.display());
                }
            }
        }
    }
}

/// The groups of a side, and its tasks, by the names that they go by.
fn groups_and_tasks(side: &Value) -> [BTreeSet<&str>; 2] {
    let tasks = side["tasks"].as_array().expect("a list").iter();
    let names = tasks.map(|task| task["name"].as_str().expect("a name"));
    let (mut groups, mut tasks) = (BTreeSet::new(), BTreeSet::new());
    for name in names {
        let (group, task) = name.rsplit_once('/').unzip();
        groups.extend(group);
        tasks.insert(task.unwrap_or(name));
    }
    [groups, tasks]
}

/// One of them may have some that the other does without.
#[test]
fn both_sides_of_a_lesson_go_by_the_same_names() {
    for document in &*ALL {
        let sides = document["sides"].as_array().expect("a list");
        for pair in sides.windows(2) {
            let [from, to] = [&pair[0], &pair[1]].map(groups_and_tasks);
            for (from, to) in from.iter().zip(&to) {
                let are_same = from.is_subset(to) || to.is_subset(from);
                assert!(are_same, "{}: {from:?}, {to:?}", document["scenario"]);
            }
        }
    }
}

#[test]
fn every_side_that_hangs_can_be_held_for_tokio_console() {
    let has_ended = |side: &Value| side["verdict"] == "completed" || side["verdict"] == "failed";
    let documents = ALL.iter();
    let hanging = documents.flat_map(|document| {
        let name = document["scenario"].as_str().expect("a name");
        let sides = document["sides"].as_array().expect("a list").iter();
        let hanging = sides.filter(|side| !has_ended(side));
        hanging.map(move |side| (name, side["name"].as_str().expect("a name")))
    });
    several_at_once(AT_A_TIME, hanging, |(name, side)| {
        let held = format!("run {name} --only {side} --hold --console 127.0.0.1:0");
        let mut held = Pty::run(&held, WIDTH);
        held.wait_for("tokio-console can connect");
        held.wait_for("and held; Ctrl+");
        held.press("\x03");
        let (code, screen) = held.finish();
        assert_eq!(code, 130, "{screen}");
    });
}

#[test]
fn every_scenario_plays_as_expected_and_its_cure_is_the_near_miss_of_its_hazard() {
    let documents = &*ALL;
    let played: Vec<&str> = documents
        .iter()
        .map(|document| document["scenario"].as_str().expect("a name"))
        .collect();
    assert_eq!(played, names());
    for document in documents {
        let rules = |side: &Value| -> Vec<String> {
            let findings = side["findings"].as_array().expect("a list").iter();
            findings
                .map(|finding| finding["rule"].as_str().expect("a name").to_owned())
                .collect()
        };
        let sides = document["sides"].as_array().expect("a list");
        let (hazards, cure) = sides.split_at(sides.len() - 1);
        let found: Vec<String> = hazards.iter().flat_map(rules).collect();
        let is_a_rule = |rule: &String| RULES.contains(&rule.as_str());
        assert!(found.iter().all(is_a_rule), "{found:?}");
        let cured = rules(&cure[0]);
        assert!(
            cured.iter().all(|rule| !found.contains(rule)),
            "{cured:?} in {document:#}"
        );
    }
}
