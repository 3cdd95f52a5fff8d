//! A scenario, its sides at the same time, and the report on it.

use std::io::{self, Write};
use std::time::Duration;

use anstream::AutoStream;
use supports_hyperlinks::Stream;

use super::super::Failure;
use super::super::arguments::Run;
use super::super::names::Names;
use super::super::output::{detail, with_links, write_all};
use super::super::usage::{Misuse, program};
use super::catalogue::{self, Catalogue};
use super::messages::Messages;
use super::output::{color, page};
use crate::demo::{self, Options, Outcome, Scenario};
use crate::exit;
use crate::report::sides::Commands;
use crate::report::{Document, json, sides};
use crate::signals;

/// Plays one scenario, and reports on it.
pub(super) fn run(arguments: &Run, catalogue: Catalogue, names: &Names) -> Result<u8, Failure> {
    let scenario = catalogue.scenario("run", arguments.scenario.as_deref(), names)?;
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
    // Before the folder with the databases is made, so that a signal can't leave it behind.
    let signals = signals::listen().map_err(|error| Failure::Failed(error.to_string()))?;
    let outcome = demo::run(scenario, &options, &notices, &signals);
    // What is printed may be what takes so long.
    drop(signals);
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
    let mut out = AutoStream::new(io::stdout().lock(), color(arguments));
    let page = page(arguments);
    if arguments.quiet {
        return write_all(&mut out, &sides::render_verdicts(document, page));
    }
    let detail = detail(arguments.full);
    let commands = Commands {
        program: program(),
        again: again(arguments),
    };
    let report = sides::render(document, scenario, options, page, detail, &commands);
    let links = || sides::links(document, scenario);
    let report = with_links(report, links, color(arguments), Stream::Stdout);
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
            return Err(Failure::Usage(Misuse::new(line)));
        }
    }
    Ok(())
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
