//! A run as text: what the sides came to, side by side, and why.

use std::path::Path;

use anstyle::{AnsiColor, Style};
use textwrap::core::display_width;

use super::folder::{Folder, places};
use super::layout::{Block, LABEL, margin};
use super::links::Links;
use super::lost::first_line;
use super::page::{BOLD, Detail, FAINT, NONE, Page, colour, heading, plural};
use super::text;
use super::{Document, SideDocument};
use crate::demo::{Fix, Options, Scenario, Side};
use crate::verdict::Verdict;

/// How whoever plays this would play it again.
#[derive(Clone, Debug)]
pub struct Commands {
    /// The program: `unstuck`.
    pub program: &'static str,
    /// The whole command line of this run.
    pub again: String,
}

/// The report of a run of `scenario` with `options`. Styles are written as escape sequences, to be stripped where
/// they are not wanted.
pub fn render(
    document: &Document,
    scenario: &Scenario,
    options: &Options,
    page: Page,
    detail: Detail,
    commands: &Commands,
) -> String {
    let screen = Screen {
        document,
        scenario,
        options,
        page,
        commands,
        folder: folder(document, scenario),
    };
    let mut blocks = vec![screen.title().print(), screen.table()];
    match detail {
        Detail::Brief => blocks.extend([screen.facts().print(), screen.pointers().print()]),
        Detail::Full => blocks.extend([
            screen.notes().print(),
            screen.details(),
            screen.try_next().print(),
        ]),
    }
    blocks.retain(|block| !block.is_empty());
    blocks.join("\n")
}

/// Where the files are that the report names, if they are still where this was compiled.
pub fn links(document: &Document, scenario: &Scenario) -> Links {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let folder = folder(document, scenario);
    let mut links = Links::default();
    let places = document.sides.iter().flat_map(|side| places(&side.report));
    let files = places.map(|place| place.split(':').next().unwrap_or(place));
    let files = files.chain(played(document, scenario).map(|side| side.file));
    for file in files.chain(scenario.fix.map(|fix| fix.file)) {
        let path = root.join(file);
        let short = folder.as_ref().and_then(|it| file.strip_prefix(it.path()));
        for name in [Some(file), short].into_iter().flatten() {
            links.add_file(name.to_owned(), &path);
        }
    }
    links
}

/// What each side came to, a line for each.
pub fn render_verdicts(document: &Document, page: Page) -> String {
    let mut block = Block::new(page.width());
    for side in &document.sides {
        let line = format!("{}: {}", side.name, text::verdict(&side.report));
        block.add(&line, "  ", colour(side.report.verdict).bold());
    }
    block.print()
}

/// The folder that all places and files of the sides share.
fn folder(document: &Document, scenario: &Scenario) -> Option<Folder> {
    let files = played(document, scenario).map(|side| side.file);
    let fix = scenario.fix.iter().map(|fix| fix.file);
    let places = document.sides.iter().flat_map(|side| places(&side.report));
    Folder::shared_by(files.chain(fix).chain(places))
}

/// The sides that were played.
fn played<'d>(
    document: &'d Document,
    scenario: &Scenario,
) -> impl Iterator<Item = &'static Side> + use<'d> {
    let was_played = |side: &&Side| document.sides.iter().any(|it| it.name == side.name);
    scenario.sides.iter().filter(was_played)
}

struct Screen<'d> {
    document: &'d Document,
    scenario: &'d Scenario,
    options: &'d Options,
    page: Page,
    commands: &'d Commands,
    folder: Option<Folder>,
}

/// A row of the table: a label, and a cell for each side.
struct Row {
    label: &'static str,
    cells: Vec<(String, Style)>,
}

/// A column narrower than this is harder to read than one side below the other.
const NARROWEST_COLUMN: usize = 20;
const BETWEEN_COLUMNS: usize = 2;
/// How many lines a cell has at most.
const CELL: usize = 2;
/// The same where a column has whole paragraphs.
const NARROWEST_PARAGRAPHS: usize = 58;
const RULE: &str = " │ ";

impl Screen<'_> {
    fn sides(&self) -> &[SideDocument] {
        &self.document.sides
    }

    /// What the sides do, and in what they differ.
    fn title(&self) -> Block {
        let mut block = Block::new(self.page.prose_width());
        if self.sides().len() < 2 {
            return block;
        }
        let workers = self.options.workers.or(self.scenario.workers);
        let posts = self.options.posts.or(self.scenario.posts);
        let counts = [(workers, "worker"), (posts, "post")];
        let counts = counts.iter().filter_map(|(number, noun)| {
            let number = usize::try_from((*number)?).ok()?;
            Some(plural(number, noun))
        });
        let mut begin: Vec<String> = counts.collect();
        begin.extend(self.scenario.fix.map(|_| {
            let where_it_is = match self.sides().len() {
                2 => "in both",
                _ => "in all",
            };
            let bug = if self.options.fixed {
                "the bug fixed"
            } else {
                "the same bug"
            };
            format!("{bug} {where_it_is}")
        }));
        let begin = begin.join(", ");
        let title = match (&*begin, self.scenario.contrast) {
            ("", contrast) => contrast.to_owned(),
            (begin, "") => begin.to_owned(),
            (begin, contrast) => format!("{begin}: {contrast}"),
        };
        block.add(&title, "", NONE);
        block
    }

    /// What became of the sides, in columns where there is room for them.
    fn table(&self) -> String {
        let sides = self.sides().len();
        let room = |width: usize| {
            let between = BETWEEN_COLUMNS * sides.saturating_sub(1);
            width.saturating_sub(LABEL + between) / sides.max(1)
        };
        let room = self.page.width().map(room);
        let is_stacked = sides > 1 && room.is_some_and(|room| room < NARROWEST_COLUMN);
        let rows = self.rows();
        if is_stacked {
            let one = |at: usize| {
                let mut block = Block::new(self.page.width());
                block.add(self.sides()[at].name, "", BOLD);
                for row in &rows {
                    let (text, style) = &row.cells[at];
                    let mut cell = Block::new(self.page.width());
                    cell.row(row.label, &[text], *style);
                    cell.cut_after(CELL);
                    block.append(cell);
                }
                block.print()
            };
            return (0..sides).map(one).collect::<Vec<String>>().join("\n");
        }
        let names = self.sides().iter().map(|side| (side.name.to_owned(), BOLD));
        let head = Row {
            label: "",
            cells: names.collect(),
        };
        let rows: Vec<Row> = [head].into_iter().chain(rows).collect();
        let widths: Vec<usize> = (0..sides)
            .map(|at| {
                let widths = rows.iter().map(|row| display_width(&row.cells[at].0));
                let widest = widths.max().unwrap_or_default();
                room.map_or(widest, |room| widest.min(room))
            })
            .collect();
        let line = |row: &Row| {
            let mut label = Block::new(Some(LABEL - BETWEEN_COLUMNS));
            label.add(row.label, "", BOLD);
            let cells = row.cells.iter().zip(&widths);
            let cells = cells.map(|((text, style), width)| {
                let mut cell = Block::new(Some(*width));
                cell.add(text, "", *style);
                cell.cut_after(CELL);
                cell
            });
            let columns: Vec<Block> = [label].into_iter().chain(cells).collect();
            Block::print_beside(&columns, &" ".repeat(BETWEEN_COLUMNS))
        };
        rows.iter().map(line).collect()
    }

    /// The rows of the table. Errors and posts are left out where there are none.
    fn rows(&self) -> Vec<Row> {
        let row = |label, cell: &dyn Fn(&SideDocument) -> (String, Style)| Row {
            label,
            cells: self.sides().iter().map(cell).collect(),
        };
        let mut rows = vec![row("verdict", &|side| self.verdict(side))];
        if self.sides().iter().any(|it| it.report.errors.returned > 0) {
            rows.push(row("errors", &|side| (text::errors(&side.report), NONE)));
        }
        if self.sides().iter().any(|it| it.posts.total > 0) {
            rows.push(row("stored", &|side| {
                let posts = side.posts;
                let noun = if posts.total == 1 { "post" } else { "posts" };
                (format!("{} of {} {noun}", posts.stored, posts.total), NONE)
            }));
        }
        rows.push(row("printed", &|side| (printed_in_short(side), NONE)));
        rows
    }

    fn verdict(&self, side: &SideDocument) -> (String, Style) {
        let mut verdict = text::verdict(&side.report);
        if self.should_fail(side) {
            verdict += ", as it should";
        }
        (verdict, colour(side.report.verdict).bold())
    }

    /// Whether a failure is the right outcome: the last side, which shows how it is done, fails too.
    fn should_fail(&self, side: &SideDocument) -> bool {
        let is_right = self.scenario.sides.last();
        let is_right = is_right.is_some_and(|last| last.expected.verdict == Verdict::Failed);
        let is_as_expected = side.unexpected.as_ref().is_some_and(Vec::is_empty);
        is_right
            && is_as_expected
            && side.report.verdict == Verdict::Failed
            && side.report.findings.is_empty()
    }

    /// Why they came to that.
    fn facts(&self) -> Block {
        let mut block = self.notes();
        let programs: Vec<_> = self.programs().collect();
        let folder = self.folder.as_ref();
        text::why(&mut block, &programs, folder);
        text::lost(&mut block, &programs, folder);
        for (_, report) in &programs {
            if !report.verdict.is_end() && report.findings.is_empty() {
                text::alive(&mut block, report, folder);
            }
        }
        text::notes(&mut block, &programs);
        block
    }

    fn programs(&self) -> impl Iterator<Item = (&str, &super::ProgramReport)> {
        self.sides().iter().map(|side| (side.name, &side.report))
    }

    /// What is not as expected, and whether anything is.
    fn notes(&self) -> Block {
        let mut block = Block::new(self.page.prose_width());
        for sentence in self.document.unexpected() {
            let line = format!("not as expected: {sentence}");
            block.add(&line, "  ", colour(Verdict::Stuck));
        }
        if self.document.exploration {
            let note = "not the lesson as shipped, so no outcome is expected";
            block.row("note", &[note], NONE);
        }
        block
    }

    /// Where to go from here.
    fn pointers(&self) -> Block {
        let mut block = Block::new(self.page.prose_width());
        let short = |file: &str| match &self.folder {
            Some(folder) => file.strip_prefix(folder.path()).unwrap_or(file).to_owned(),
            None => file.to_owned(),
        };
        match &self.scenario.fix {
            Some(fix) if self.options.fixed => diff(&mut block, fix, &short(fix.file)),
            Some(_) => block.row("fix", &[format!("{} --fixed", self.commands.again)], NONE),
            None => {
                let sides = self.sides();
                let is_bad = |side: &SideDocument| !side.report.findings.is_empty();
                if let [bad @ .., last] = sides
                    && bad.iter().any(is_bad)
                    && !is_bad(last)
                    && let Some(side) = played(self.document, self.scenario).last()
                {
                    let fix = format!("as {} does it: {}", side.name, short(side.file));
                    block.row("fix", &[fix], NONE);
                }
            }
        }
        let files: Vec<String> = played(self.document, self.scenario)
            .map(|side| short(side.file))
            .collect();
        let folder = self.folder.as_ref();
        let folder = folder.map_or_else(String::new, |it| format!(", in {}", it.path()));
        let code = format!("{}{folder}", files.join(", "));
        block.row("code", &[code], NONE);
        let kept = self
            .sides()
            .iter()
            .filter_map(|side| side.database.as_ref());
        block.row("kept", &kept.collect::<Vec<_>>(), NONE);
        self.more(&mut block);
        block
    }

    fn more(&self, block: &mut Block) {
        let full = format!("{} --full", self.commands.again);
        let lesson = format!("{} show {}", self.commands.program, self.scenario.name);
        let mut more = vec![(full, "each task, and the evidence")];
        if !self.scenario.page.is_empty() {
            more.push((lesson, "the lesson"));
        }
        let widest = more.iter().map(|(command, _)| command.len()).max();
        let widest = widest.unwrap_or_default();
        let explained = more
            .iter()
            .map(|(command, what)| format!("{command:widest$}  {what}"));
        let explained: Vec<String> = explained.collect();
        let fits = |line: &String| self.page.width().is_none_or(|it| LABEL + line.len() <= it);
        if explained.iter().all(fits) {
            block.row("more", &explained, NONE);
        } else {
            let commands = more.iter().map(|(command, _)| command);
            block.row("more", &commands.collect::<Vec<_>>(), NONE);
        }
    }

    /// All that is known of each side, in columns where there is room for them.
    fn details(&self) -> String {
        let sides = self.sides();
        if let Some(column) = self.paragraphs() {
            let columns = sides.iter().map(|side| details(side, Some(column)));
            return Block::print_beside(&columns.collect::<Vec<Block>>(), RULE);
        }
        let printed = sides.iter().map(|side| details(side, self.page.width()));
        let printed = printed.map(|block| block.print());
        printed.collect::<Vec<String>>().join("\n")
    }

    /// How wide a column of paragraphs is, if there is room for so many.
    fn paragraphs(&self) -> Option<usize> {
        let columns = self.sides().len();
        let between = display_width(RULE) * columns.checked_sub(1)?;
        let column = self.page.width()?.saturating_sub(between) / columns;
        (columns > 1 && column >= NARROWEST_PARAGRAPHS).then_some(column)
    }

    fn try_next(&self) -> Block {
        let mut block = Block::new(self.page.prose_width());
        block.add("try next", "", BOLD);
        let show = format!("show {}", self.scenario.name);
        let lesson = (
            show.as_str(),
            "the lesson: what to predict, what happens, and why",
        );
        let lesson = (!self.scenario.page.is_empty()).then_some(lesson);
        for (arguments, why) in lesson.iter().chain(self.scenario.next) {
            let command = format!("  {} {arguments}", self.commands.program);
            block.add(&command, "    ", NONE);
            block.add(&format!("    {why}"), "    ", FAINT);
        }
        block
    }
}

/// The line with the bug, and the line that fixes it.
fn diff(block: &mut Block, fix: &Fix, file: &str) {
    let line = fix.lines().map(|[_, fixed]| format!(":{fixed}"));
    block.row(
        "fix",
        &[format!("{file}{}", line.unwrap_or_default())],
        NONE,
    );
    for (sign, line, colour) in [
        ('-', fix.before, AnsiColor::Red),
        ('+', fix.after, AnsiColor::Green),
    ] {
        let line = format!("{:LABEL$}{sign} {}", "", line.trim());
        block.add_as_it_is(&line, colour.on_default());
    }
}

fn details(side: &SideDocument, width: Option<usize>) -> Block {
    let mut block = Block::new(width);
    block.add(side.name, "", BOLD);
    text::findings(&mut block, &side.report);
    heading(&mut block, "the program printed");
    printed(&mut block, &side.printed);
    heading(&mut block, "tasks");
    text::tasks(&mut block, &side.report.tasks);
    text::unlisted(&mut block, &side.report);
    text::unseen(&mut block, &side.report);
    if let Some(database) = &side.database {
        heading(&mut block, "database");
        block.add(&format!("  {database}"), "  ", NONE);
    }
    block
}

fn printed(block: &mut Block, printed: &str) {
    if printed.is_empty() {
        block.add("  nothing", "", FAINT);
    }
    for line in printed.lines() {
        let line = format!("  {line}");
        block.add(&line, &margin(&line), NONE);
    }
}

/// What a program printed: whether that is all of its errors, or how many lines, and the first of them.
fn printed_in_short(side: &SideDocument) -> String {
    let printed = &side.printed;
    let lines = match printed.lines().count() {
        0 => return "nothing".to_owned(),
        lines => plural(lines, "line"),
    };
    let tasks = side.report.tasks.iter().skip(1);
    let failed: Vec<_> = tasks.filter(|task| task.has_failed()).collect();
    let has = |text: &str| printed.contains(text);
    let is_told = failed.len() == side.report.errors.returned
        && failed.iter().all(|task| {
            let name = task.name.rsplit('/').next().unwrap_or(&task.name);
            let error = task.error.as_deref().and_then(|error| error.lines().next());
            let spawned_at = task.spawned_at.as_deref();
            has(name) && error.is_some_and(has) && spawned_at.is_some_and(has)
        });
    match failed.len() {
        1 if is_told => "the error, with its task and line".to_owned(),
        2.. if is_told => format!("all {} errors, with task and line", failed.len()),
        _ => format!("{lines}: {}", first_line(printed)),
    }
}
