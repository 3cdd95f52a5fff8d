//! Answers commands that need scenarios.

use std::io::{self, Write};
use std::path::Path;
use std::time::Duration;

use anstream::{AutoStream, ColorChoice};
use terminal_size::{Height, Width};

use super::arguments::{Color, Command, Explain, Run, Show};
use super::catalogue::{self, Catalogue};
#[cfg(target_os = "linux")]
use super::command::explain as explain_command;
use super::messages::Messages;
use super::{Failure, all, print, write_all};
use crate::demo::{self, Options, Outcome, Scenario};
use crate::exit;
use crate::explain::{self, Explanation};
use crate::report::sides::Commands;
use crate::report::text::{Detail, Page};
use crate::report::{Document, json, lesson, process, sides};

pub(super) fn answer(command: Command, catalogue: Catalogue) -> Result<u8, Failure> {
    match command {
        Command::Run(run) => match &run.all {
            Some(chapter) => all::run(&run, catalogue.chapters(chapter)?, page_for(&run)),
            None => self::run(&run, catalogue),
        },
        Command::Explain(explain) => self::explain(&explain),
        Command::Show(show) => self::show(&show, catalogue),
        _ => print(&catalogue.list(page())),
    }
}

/// The page of a scenario: laid out on a terminal, and as it was written anywhere else.
fn show(arguments: &Show, catalogue: Catalogue) -> Result<u8, Failure> {
    let scenario = catalogue.scenario(arguments.scenario.as_deref())?;
    let text = match page() {
        Page::Plain => scenario.page.to_owned(),
        page @ Page::Terminal(_) => lesson::render(scenario.page, page),
    };
    let mut out = AutoStream::new(io::stdout().lock(), color(arguments.color));
    write_all(&mut out, &text)
}

/// What the tasks of a process wait for.
fn explain(arguments: &Explain) -> Result<u8, Failure> {
    if !arguments.command.is_empty() {
        return explain_command(arguments);
    }
    let failed = |error: explain::Error| Failure::Failed(error.to_string());
    let explained = match (arguments.process, &arguments.core, &arguments.snapshot) {
        (Some(id), ..) => explain::live(id),
        (None, Some(file), _) => explain::core(file, arguments.exe.as_deref()).map(Into::into),
        (None, None, Some(file)) => explain::saved(file).map(Into::into),
        (None, None, None) => return Err(Failure::Usage("name a process by its id".to_owned())),
    };
    let explained: Explanation = explained.map_err(failed)?;
    let detail = detail(arguments.full);
    let text = if arguments.json {
        let json = process::to_json(&explained, detail);
        json.map_err(|error| Failure::Failed(error.to_string()))? + "\n"
    } else {
        process::render(&explained, detail, page())
    };
    let mut out = AutoStream::new(io::stdout().lock(), color(arguments.color));
    write_all(&mut out, &text)?;
    if let Some(file) = &arguments.save {
        explain::save(&explained.snapshot, file).map_err(failed)?;
        let _ = io::stderr().write_all(saved(file).as_bytes());
    }
    match explained.snapshot.no_tasks() {
        Some(reason) => Err(Failure::Failed(reason.to_owned())),
        None => Ok(exit::AS_EXPECTED),
    }
}

#[cfg(not(target_os = "linux"))]
fn explain_command(_: &Explain) -> Result<u8, Failure> {
    let line = "commands can be explained on Linux only; run this on the Linux machine where the program runs";
    Err(Failure::Failed(line.to_owned()))
}

/// What a snapshot contains, and where it is.
pub(super) fn saved(file: &Path) -> String {
    let file = file.display();
    format!(
        "saved to {file}: names, types and lines of code, addresses and counts, and no other memory\n"
    )
}

pub(super) fn detail(full: bool) -> Detail {
    if full { Detail::Full } else { Detail::Brief }
}

fn run(arguments: &Run, catalogue: Catalogue) -> Result<u8, Failure> {
    let scenario = catalogue.scenario(arguments.scenario.as_deref())?;
    refuse_what_it_has_not(scenario, arguments)?;
    let options = Options {
        only: match &arguments.only {
            Some(name) => Some(catalogue::side(scenario, name)?.name),
            None => None,
        },
        workers: arguments.workers,
        posts: arguments.posts,
        latency: arguments.latency.map(|ms| Duration::from_millis(ms.into())),
        fixed: arguments.fixed,
        keep_db: arguments.keep_db,
        hold: arguments.hold,
        console: arguments.console,
    };

    let report = |outcome: &Outcome| {
        let document = Document::new(scenario, &options, outcome);
        print_report(&document, scenario, &options, arguments)
    };
    let on_request = |outcome: &Outcome| {
        // A report that can't be written is no reason to end what is held.
        let _ = report(outcome);
    };
    let notices = Messages::new(scenario, arguments, &on_request);
    let outcome = demo::run(scenario, &options, &notices);
    notices.clear();
    let outcome = outcome.map_err(|error| Failure::Failed(error.to_string()))?;
    if let Some(code) = outcome.cut_off {
        if !outcome.sides.is_empty() {
            // What ended it may have taken the terminal away.
            let _ = report(&outcome);
        }
        return Ok(code);
    }
    report(&outcome)?;
    let document = Document::new(scenario, &options, &outcome);
    let Some(sentence) = document.unexpected().next() else {
        return Ok(exit::AS_EXPECTED);
    };
    // The report has it too, but may have gone elsewhere.
    let _ = writeln!(io::stderr(), "not as expected: {sentence}");
    Ok(exit::UNEXPECTED)
}

fn print_report(
    document: &Document,
    scenario: &Scenario,
    options: &Options,
    arguments: &Run,
) -> Result<u8, Failure> {
    if arguments.json {
        let json = json::render(document).map_err(|error| Failure::Failed(error.to_string()))?;
        return write_all(&mut io::stdout().lock(), &(json + "\n"));
    }
    let detail = detail(arguments.full);
    let commands = Commands {
        program: program(),
        again: again(arguments),
    };
    let page = page_for(arguments);
    let report = sides::render(document, scenario, options, page, detail, &commands);
    let mut out = AutoStream::new(io::stdout().lock(), choice(arguments));
    write_all(&mut out, &report)
}

/// Refuses options that would change nothing.
fn refuse_what_it_has_not(scenario: &Scenario, arguments: &Run) -> Result<(), Failure> {
    let options = [
        (
            "--workers",
            arguments.workers.is_some(),
            scenario.workers.is_some(),
        ),
        (
            "--posts",
            arguments.posts.is_some(),
            scenario.posts.is_some(),
        ),
        ("--fixed", arguments.fixed, scenario.fix.is_some()),
    ];
    for (option, is_asked, is_there) in options {
        if is_asked && !is_there {
            let line = format!(
                "`{option}` changes nothing about `{}`; leave it out",
                scenario.name
            );
            return Err(Failure::Usage(line));
        }
    }
    Ok(())
}

fn page_for(arguments: &Run) -> Page {
    if arguments.plain { Page::Plain } else { page() }
}

fn page() -> Page {
    page_of(terminal_size::terminal_size_of(io::stdout()))
}

/// For a terminal of that size, or anything else.
pub(super) fn page_of(size: Option<(Width, Height)>) -> Page {
    match size {
        Some((width, _)) => Page::Terminal(usize::from(width.0)),
        None => Page::Plain,
    }
}

/// When to use colour for the report of a run.
pub(super) fn choice(arguments: &Run) -> ColorChoice {
    if arguments.plain {
        return ColorChoice::Never;
    }
    color(arguments.color)
}

fn color(color: Color) -> ColorChoice {
    match color {
        Color::Always => ColorChoice::Always,
        Color::Never => ColorChoice::Never,
        Color::Auto => AutoStream::choice(&io::stdout()),
    }
}

/// The command line that plays the same again.
fn again(run: &Run) -> String {
    let option = |name: &str, value: Option<String>| value.map(|value| format!("{name} {value}"));
    let number = |name, value: Option<u32>| option(name, value.map(|value| value.to_string()));
    let parts = [
        Some(program().to_owned()),
        Some("run".to_owned()),
        run.scenario.clone(),
        option("--only", run.only.clone()),
        number("--workers", run.workers),
        number("--posts", run.posts),
        number("--latency", run.latency),
        run.fixed.then(|| "--fixed".to_owned()),
    ];
    parts.into_iter().flatten().collect::<Vec<_>>().join(" ")
}

/// How whoever runs this would run it again.
fn program() -> &'static str {
    let under_cargo = std::env::var_os("CARGO").is_some();
    if under_cargo {
        "cargo run --"
    } else {
        "unstuck"
    }
}
