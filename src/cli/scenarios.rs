//! Commands that need scenarios.

mod catalogue;
mod messages;
mod output;
mod row;
mod run;
mod unknown;

use std::io;

use anstream::AutoStream;

use super::Failure;
use super::arguments::{Command, List, Show};
use super::names::Names;
use super::output::{color, page, write_all};
use crate::demo::Chapter;
use crate::exit;
use crate::report::lesson;
use crate::report::page::Page;
use catalogue::Catalogue;

pub(super) fn answer(
    command: Command,
    catalogue: &'static [Chapter],
    names: &Names,
) -> Result<u8, Failure> {
    let catalogue = Catalogue(catalogue);
    match command {
        Command::Run(run) => match &run.all {
            Some(chapter) => row::run(&run, catalogue.chapters(chapter, names)?),
            None => run::run(&run, catalogue, names),
        },
        Command::Show(arguments) => show(&arguments, catalogue, names),
        Command::List(arguments) => list(&arguments, catalogue),
        // The others need no scenarios.
        _ => Ok(exit::AS_EXPECTED),
    }
}

fn list(arguments: &List, catalogue: Catalogue) -> Result<u8, Failure> {
    if arguments.json {
        let json = catalogue.list_as_json();
        let json = json.map_err(|error| Failure::Failed(error.to_string()))?;
        return write_all(&mut io::stdout().lock(), &(json + "\n"));
    }
    let mut out = AutoStream::new(io::stdout().lock(), color(arguments.color));
    write_all(&mut out, &catalogue.list(page()))
}

/// The page of a scenario: laid out on a terminal, and as it was written anywhere else.
fn show(arguments: &Show, catalogue: Catalogue, names: &Names) -> Result<u8, Failure> {
    let scenario = catalogue.scenario("show", arguments.scenario.as_deref(), names)?;
    let text = match page() {
        Page::Plain => scenario.page.to_owned(),
        page @ Page::Terminal(_) => lesson::render(scenario.page, page),
    };
    let mut out = AutoStream::new(io::stdout().lock(), color(arguments.color));
    write_all(&mut out, &text)
}
